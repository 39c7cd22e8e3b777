#include "train/channel_flow.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "core/status.h"
#include "graph/evaluate.h"

namespace sluice::pruning {
namespace {

const absl::flat_hash_set<std::string>& UnaryOps() {
  static const auto* const kOps = new absl::flat_hash_set<std::string>{
      "Identity",  "StopGradient", "Snapshot", "Relu",    "Relu6", "Elu",  "Selu",
      "LeakyRelu", "Softplus",     "Softsign", "Sigmoid", "Tanh",  "Abs",  "Neg",
      "Square",    "Exp",          "Erf",      "Sin",     "Cos",   "Sign", "Floor"};
  return *kOps;
}
bool IsArithmetic(const std::string& op) {
  return op == "Add" || op == "AddV2" || op == "Sub" || op == "Mul" || op == "RealDiv" ||
         op == "Maximum" || op == "Minimum";
}

// The channels' dimension as the op's data_format says it; -1 when that does not fit.
int ChannelAxis(const Node& node, int rank) {
  if (node.attrs().find("data_format") == node.attrs().end()) return rank - 1;
  const std::string format = node.attr<std::string>("data_format");
  if (format == "NHWC" || format == "NDHWC") return rank - 1;
  return absl::StartsWith(format, "NC") ? 1 : -1;
}

// No window ever hangs over the edge.
bool NeverPads(const Node& node, const TensorShape& filter) {
  const std::string padding = node.attr<std::string>("padding");
  return padding == "VALID" || (padding == "SAME" && filter.dim(0) == 1 && filter.dim(1) == 1);
}

bool IsFloat(DType dtype) { return dtype == DType::kFloat || dtype == DType::kDouble; }

Tensor Values(DType dtype, const std::vector<double>& values) {
  const TensorShape shape = {static_cast<int64_t>(values.size())};
  if (dtype == DType::kDouble) return Tensor::Of<double>(shape, values);
  return Tensor::Of<float>(shape, std::vector<float>(values.begin(), values.end()));
}

}  // namespace

std::optional<Cuts> ChannelFlow::Find() {
  const bool conv = producer_.op() == "Conv2D";
  if (!conv && producer_.op() != "MatMul") return std::nullopt;
  if (!IsFloat(producer_.output_dtype(0))) return std::nullopt;
  const Node* filter = model_.OwnConstant(producer_, 1);
  if (filter == nullptr) return std::nullopt;
  const TensorShape& shape = model_.ValueOf(filter).shape();
  const int axis = conv ? 3 : (producer_.attr<bool>("transpose_b") ? 0 : 1);
  const Along along(shape, axis);
  const std::vector<double> weights = model_.Doubles(filter);
  std::vector<Channel> channels;
  for (int64_t c = 0; c < along.n; ++c) {
    bool zero = true;
    along.ForEach(c, [&](int64_t i) { zero &= weights[i] == 0; });
    channels.push_back({.entry = c, .origin = c, .known = zero});
  }
  for (;;) {
    if (channels.empty() || !Trace(channels, along.n)) return std::nullopt;
    if (rejected_.empty() && static_cast<int64_t>(channels.size()) < along.n) break;
    if (rejected_.empty()) rejected_.insert(0);  // one has to stay
    channels.erase(std::remove_if(channels.begin(), channels.end(),
                                  [&](const Channel& c) { return rejected_.contains(c.origin); }),
                   channels.end());
  }
  Flow produced{.tensor = producer_.output(0),
                .axis = axis,
                .size = along.n,
                .channels = std::move(channels)};
  CutEntries(filter, axis, produced);
  return std::move(cuts_);
}

bool ChannelFlow::Trace(const std::vector<Channel>& channels, int64_t size) {
  cuts_.clear();
  rejected_.clear();
  const int rank = producer_.op() == "Conv2D" ? 4 : 2;
  open_ = {{.tensor = producer_.output(0),
            .axis = rank == 2 ? 1 : ChannelAxis(producer_, rank),
            .size = size,
            .channels = channels}};
  if (open_[0].axis < 0) return false;
  while (!open_.empty()) {
    Flow flow = std::move(open_.back());
    open_.pop_back();
    if (!Follow(std::move(flow))) return false;
  }
  return true;
}

bool ChannelFlow::Follow(Flow flow) {
  if (model_.is_output(*flow.tensor.node()) || !flow.tensor.shape().rank_known()) return false;
  const std::vector<FrozenModel::Reader> readers = model_.ReadersOf(flow.tensor);
  return std::all_of(readers.begin(), readers.end(),
                     [&](const FrozenModel::Reader& reader) { return Pass(flow, reader); });
}

bool ChannelFlow::Pass(const Flow& flow, const FrozenModel::Reader& reader) {
  const Node& node = *reader.node;
  const std::string& op = node.op();
  if (IsArithmetic(op)) return PassArithmetic(flow, reader);
  if (reader.input != 0) return false;
  if (UnaryOps().contains(op)) return PassUnary(flow, node);
  if (op == "BiasAdd") return PassBias(flow, node);
  if (op == "MaxPool" || op == "AvgPool") return PassPool(flow, node);
  if (op == "Mean" || op == "Max" || op == "Min") return PassReduction(flow, node);
  if (absl::StartsWith(op, "FusedBatchNorm")) return PassBatchNorm(flow, node);
  if (op == "Reshape") return PassFlatten(flow, node);
  if (op == "Squeeze") return PassSqueeze(flow, node);
  if (op == "Shape") return PassShape(node);
  if (op == "DepthwiseConv2dNative") return PassDepthwise(flow, node);
  if (op == "Conv2D") return EndInConv(flow, node);
  if (op == "MatMul") return EndInMatMul(flow, node);
  return false;
}

void ChannelFlow::CutEntries(const Node* constant, int axis, const Flow& flow) {
  Cut& cut = cuts_[constant];
  cut.axis = axis;
  for (const Channel& c : flow.channels) cut.entries.push_back(c.entry);
}

std::optional<std::vector<ChannelFlow::Channel>> ChannelFlow::Evaluate(
    const Flow& flow, const Node& node, const std::vector<double>* other, bool other_first) const {
  std::vector<double> values, others;
  for (const Channel& c : flow.channels) {
    values.push_back(c.known ? c.value : 0);
    if (other != nullptr) others.push_back(other->size() == 1 ? (*other)[0] : (*other)[c.entry]);
  }
  const DType dtype = flow.tensor.dtype();
  std::vector<Tensor> inputs = {Values(dtype, values)};
  if (other != nullptr)
    inputs.insert(inputs.begin() + (other_first ? 0 : 1), Values(dtype, others));
  const absl::StatusOr<std::vector<Tensor>> results = EvaluateOp(node.spec(), node.attrs(), inputs);
  if (!results.ok()) return std::nullopt;
  std::vector<Channel> channels = flow.channels;
  const Tensor& result = (*results)[0];
  for (size_t i = 0; i < channels.size(); ++i) {
    channels[i].value =
        dtype == DType::kDouble ? result.flat<double>()[i] : result.flat<float>()[i];
    channels[i].known &= std::isfinite(channels[i].value);
  }
  return channels;
}

bool ChannelFlow::PassUnary(const Flow& flow, const Node& node) {
  std::optional<std::vector<Channel>> channels = Evaluate(flow, node, nullptr, false);
  if (!channels.has_value()) return false;
  open_.push_back({node.output(0), flow.axis, flow.size, *std::move(channels)});
  return true;
}

bool ChannelFlow::PassBias(const Flow& flow, const Node& node) {
  const Node* bias = model_.OwnConstant(node, 1);
  if (bias == nullptr || ChannelAxis(node, flow.tensor.shape().rank()) != flow.axis) return false;
  const std::vector<double> values = model_.Doubles(bias);
  if (static_cast<int64_t>(values.size()) != flow.size) return false;
  std::vector<Channel> channels = flow.channels;
  for (Channel& c : channels) c.value += values[c.entry];
  CutEntries(bias, 0, flow);
  open_.push_back({node.output(0), flow.axis, flow.size, std::move(channels)});
  return true;
}

bool ChannelFlow::PassArithmetic(const Flow& flow, const FrozenModel::Reader& reader) {
  const Node& node = *reader.node;
  const int other_input = 1 - reader.input;
  const Node* other = model_.AnyConstant(node, other_input);
  if (other == nullptr) return false;
  const std::vector<double> values = model_.Doubles(other);
  const TensorShape& shape = model_.ValueOf(other).shape();
  const int rank = flow.tensor.shape().rank();
  if (values.empty() || shape.rank() > rank) return false;
  if (values.size() > 1) {  // one per channel, cut like the channels
    const int axis = flow.axis - (rank - shape.rank());
    if (static_cast<int64_t>(values.size()) != flow.size || axis < 0 ||
        shape.dim(axis) != flow.size || model_.OwnConstant(node, other_input) == nullptr)
      return false;
    CutEntries(other, axis, flow);
  }
  std::optional<std::vector<Channel>> channels = Evaluate(flow, node, &values, reader.input == 1);
  if (!channels.has_value()) return false;
  open_.push_back({node.output(0), flow.axis, flow.size, *std::move(channels)});
  return true;
}

bool ChannelFlow::PassBatchNorm(const Flow& flow, const Node& node) {
  if (node.attr<bool>("is_training") || ChannelAxis(node, flow.tensor.shape().rank()) != flow.axis)
    return false;
  for (int i = 1; i < node.num_outputs(); ++i) {
    if (!model_.ReadersOf(node.output(i)).empty()) return false;
  }
  std::vector<double> parameters[4];  // scale, offset, mean, variance
  for (int i = 0; i < 4; ++i) {
    const Node* constant = model_.OwnConstant(node, i + 1);
    if (constant == nullptr) return false;
    parameters[i] = model_.Doubles(constant);
    if (static_cast<int64_t>(parameters[i].size()) != flow.size) return false;
    CutEntries(constant, 0, flow);
  }
  const double epsilon = node.attr<float>("epsilon");
  std::vector<Channel> channels = flow.channels;
  for (Channel& c : channels) {
    c.value = parameters[0][c.entry] * (c.value - parameters[2][c.entry]) /
                  std::sqrt(parameters[3][c.entry] + epsilon) +
              parameters[1][c.entry];
    c.known &= std::isfinite(c.value);
  }
  open_.push_back({node.output(0), flow.axis, flow.size, std::move(channels)});
  return true;
}

// What lies outside of the image takes no part in maxima and means.
bool ChannelFlow::PassPool(const Flow& flow, const Node& node) {
  if (ChannelAxis(node, flow.tensor.shape().rank()) != flow.axis) return false;
  if (node.attr<std::vector<int64_t>>("ksize")[flow.axis] != 1) return false;
  open_.push_back({node.output(0), flow.axis, flow.size, flow.channels});
  return true;
}

bool ChannelFlow::PassReduction(const Flow& flow, const Node& node) {
  const Node* constant = model_.AnyConstant(node, 1);
  if (constant == nullptr) return false;
  const absl::StatusOr<std::vector<int64_t>> axes = model_.ValueOf(constant).ToInt64s();
  if (!axes.ok()) return false;
  const bool keep_dims = node.attr<bool>("keep_dims");
  const int rank = flow.tensor.shape().rank();
  int axis = flow.axis;
  for (const int64_t a : *axes) {
    const int64_t reduced = a < 0 ? a + rank : a;
    if (reduced == flow.axis) return false;
    if (!keep_dims && reduced < flow.axis) --axis;
  }
  open_.push_back({node.output(0), axis, flow.size, flow.channels});
  return true;
}

bool ChannelFlow::PassSqueeze(const Flow& flow, const Node& node) {
  const auto dims = node.attr<std::vector<int64_t>>("squeeze_dims");
  if (dims.empty()) return false;  // which go depends on the sizes
  int axis = flow.axis;
  for (const int64_t d : dims) {
    const int64_t gone = d < 0 ? d + flow.tensor.shape().rank() : d;
    if (gone == flow.axis) return false;
    if (gone < flow.axis) --axis;
  }
  open_.push_back({node.output(0), axis, flow.size, flow.channels});
  return true;
}

// Only the batch dimension may be looked at: x[0:1] of the shape.
bool ChannelFlow::PassShape(const Node& node) const {
  if (model_.is_output(node)) return false;
  for (const FrozenModel::Reader& reader : model_.ReadersOf(node.output(0))) {
    const std::string& op = reader.node->op();
    if ((op != "StridedSlice" && op != "Slice") || reader.input != 0) return false;
    for (const int input : {1, 2}) {
      const Node* constant = model_.AnyConstant(*reader.node, input);
      if (constant == nullptr) return false;
      const absl::StatusOr<std::vector<int64_t>> value = model_.ValueOf(constant).ToInt64s();
      if (!value.ok() || *value != std::vector<int64_t>{input - 1}) return false;
    }
    if (op == "Slice") continue;
    for (const char* mask : {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask"}) {
      if (reader.node->attr<int64_t>(mask) != 0) return false;
    }
  }
  return true;
}

// [batch, ..., channels, ...] to [batch, everything].
bool ChannelFlow::PassFlatten(const Flow& flow, const Node& node) {
  const TensorShape& shape = flow.tensor.shape();
  int64_t outer = 1, inner = 1;
  for (int d = 1; d < shape.rank(); ++d) {
    if (d == flow.axis) continue;
    if (shape.dim(d) < 0) return false;
    (d < flow.axis ? outer : inner) *= shape.dim(d);
  }
  if (flow.axis < 1) return false;
  const int64_t width = outer * flow.size * inner;
  std::vector<Channel> channels;
  for (int64_t o = 0; o < outer; ++o) {
    for (const Channel& c : flow.channels) {
      for (int64_t k = 0; k < inner; ++k) {
        channels.push_back(c);
        channels.back().entry = (o * flow.size + c.entry) * inner + k;
      }
    }
  }
  // The target's second number must be the width, or -1. A constant one is written anew.
  const Node* target = model_.AnyConstant(node, 1);
  if (target != nullptr) {
    const absl::StatusOr<std::vector<int64_t>> dims = model_.ValueOf(target).ToInt64s();
    if (!dims.ok() || dims->size() != 2 || ((*dims)[0] == -1 && (*dims)[1] == -1)) return false;
    if ((*dims)[1] == -1) {
      if (shape.dim(0) < 0 || (*dims)[0] != shape.dim(0)) return false;
    } else {
      if ((*dims)[1] != width || model_.OwnConstant(node, 1) == nullptr) return false;
      cuts_[target].added = {0, -static_cast<double>(channels.size())};
    }
  } else {
    const Node* made = node.input_edge(1).node;
    if ((made->op() != "Pack" && made->op() != "ConcatV2") || made->num_inputs() < 2) return false;
    const Node* batch = made->input_edge(0).node;
    if (batch->op() != "StridedSlice" && batch->op() != "Slice") return false;
    const Node* of = batch->input_edge(0).node;
    if (of->op() != "Shape" || !(of->input(0) == flow.tensor) || !PassShape(*of)) return false;
    const Node* rest = model_.AnyConstant(*made, 1);
    if (rest == nullptr || node.output_shape(0).rank() != 2) return false;
    const absl::StatusOr<std::vector<int64_t>> value = model_.ValueOf(rest).ToInt64s();
    if (!value.ok() || *value != std::vector<int64_t>{-1}) return false;
  }
  open_.push_back({node.output(0), 1, width, std::move(channels)});
  return true;
}

bool ChannelFlow::PassDepthwise(const Flow& flow, const Node& node) {
  const Node* filter = model_.OwnConstant(node, 1);
  if (filter == nullptr || ChannelAxis(node, 4) != flow.axis) return false;
  const TensorShape& shape = model_.ValueOf(filter).shape();
  if (shape.rank() != 4 || shape.dim(2) != flow.size) return false;
  const int64_t multiplier = shape.dim(3);
  const std::vector<double> weights = model_.Doubles(filter);
  const bool never_pads = NeverPads(node, shape);
  std::vector<Channel> channels;
  for (const Channel& c : flow.channels) {
    for (int64_t m = 0; m < multiplier; ++m) {
      double sum = 0;
      bool zero = true;
      for (int64_t k = 0; k < shape.dim(0) * shape.dim(1); ++k) {
        const double w = weights[(k * flow.size + c.entry) * multiplier + m];
        sum += w;
        zero &= w == 0;
      }
      const bool nothing = zero || (c.known && c.value == 0);
      channels.push_back({.entry = c.entry * multiplier + m,
                          .origin = c.origin,
                          .known = nothing || (c.known && never_pads),
                          .value = nothing ? 0 : sum * c.value});
    }
  }
  CutEntries(filter, 2, flow);
  open_.push_back({node.output(0), flow.axis, flow.size * multiplier, std::move(channels)});
  return true;
}

bool ChannelFlow::EndInConv(const Flow& flow, const Node& node) {
  const Node* filter = model_.OwnConstant(node, 1);
  if (filter == nullptr || ChannelAxis(node, 4) != flow.axis) return false;
  const TensorShape& shape = model_.ValueOf(filter).shape();
  if (shape.rank() != 4 || shape.dim(2) != flow.size) return false;  // or a grouped one
  return End(flow, node, filter, 2, 3, NeverPads(node, shape));
}

bool ChannelFlow::EndInMatMul(const Flow& flow, const Node& node) {
  const Node* filter = model_.OwnConstant(node, 1);
  if (filter == nullptr || flow.axis != 1 || node.attr<bool>("transpose_a")) return false;
  const TensorShape& shape = model_.ValueOf(filter).shape();
  const int axis = node.attr<bool>("transpose_b") ? 1 : 0;
  if (shape.rank() != 2 || shape.dim(axis) != flow.size) return false;
  return End(flow, node, filter, axis, 1 - axis, /*constant_places=*/true);
}

bool ChannelFlow::End(const Flow& flow, const Node& node, const Node* filter, int axis,
                      int out_axis, bool constant_places) {
  const TensorShape& shape = model_.ValueOf(filter).shape();
  const Along along(shape, axis), out(shape, out_axis);
  const std::vector<double> weights = model_.Doubles(filter);
  const Node* bias = constant_places ? BiasBehind(node, out.n) : nullptr;
  std::vector<double> added(out.n, 0);
  bool adds = false;
  for (const Channel& c : flow.channels) {
    bool zero = true;
    along.ForEach(c.entry, [&](int64_t i) { zero &= weights[i] == 0; });
    if (zero || (c.known && c.value == 0)) continue;
    if (!c.known || bias == nullptr) {
      rejected_.insert(c.origin);
      continue;
    }
    adds = true;
    along.ForEach(c.entry,
                  [&](int64_t i) { added[(i / out.inner) % out.n] += weights[i] * c.value; });
  }
  CutEntries(filter, axis, flow);
  if (adds) cuts_[bias].added = std::move(added);
  return true;
}

const Node* ChannelFlow::BiasBehind(const Node& node, int64_t channels) const {
  const std::vector<FrozenModel::Reader> readers = model_.ReadersOf(node.output(0));
  if (readers.size() != 1 || model_.is_output(node)) return nullptr;
  const Node& add = *readers[0].node;
  const int rank = node.output_shape(0).rank();
  const bool last = ChannelAxis(node, rank) == rank - 1;
  if (add.op() == "BiasAdd") {
    if (ChannelAxis(add, rank) != ChannelAxis(node, rank)) return nullptr;
  } else if ((add.op() != "Add" && add.op() != "AddV2") || !last) {
    return nullptr;
  }
  if (add.op() == "BiasAdd" && readers[0].input != 0) return nullptr;
  const Node* bias = model_.OwnConstant(add, 1 - readers[0].input);
  if (bias == nullptr || !IsFloat(model_.ValueOf(bias).dtype())) return nullptr;
  const TensorShape& shape = model_.ValueOf(bias).shape();
  return shape.rank() == 1 && shape.dim(0) == channels ? bias : nullptr;
}

}  // namespace sluice::pruning
