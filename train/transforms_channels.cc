#include "train/transforms_channels.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/status.h"
#include "proto/graph.pb.h"

namespace sluice::train {
namespace {

constexpr float kDefaultEpsilon = 1e-4f;  // of FusedBatchNorm

const proto::AttrValue* Attr(const proto::NodeDef& node, const char* name) {
  const auto found = node.attr().find(name);
  return found == node.attr().end() ? nullptr : &found->second;
}
bool BoolAttr(const proto::NodeDef& node, const char* name, bool otherwise) {
  const proto::AttrValue* attr = Attr(node, name);
  return attr == nullptr ? otherwise : attr->b();
}
float FloatAttr(const proto::NodeDef& node, const char* name, float otherwise) {
  const proto::AttrValue* attr = Attr(node, name);
  return attr == nullptr ? otherwise : attr->f();
}
// Is the attr data_format one with the channels first? nullopt: one that is not known here.
std::optional<bool> ChannelsFirst(const proto::NodeDef& node) {
  const proto::AttrValue* attr = Attr(node, "data_format");
  const std::string format = attr == nullptr ? "NHWC" : attr->s();
  if (format == "NHWC" || format == "NDHWC" || format.empty()) return false;
  if (format == "NCHW" || format == "NCDHW") return true;
  return std::nullopt;
}

bool IsReal(const Tensor& t) { return t.dtype() == DType::kFloat || t.dtype() == DType::kDouble; }

std::vector<double> Numbers(const Tensor& t) {
  if (t.dtype() == DType::kDouble)
    return std::vector<double>(t.flat<double>().begin(), t.flat<double>().end());
  return std::vector<double>(t.flat<float>().begin(), t.flat<float>().end());
}

// A constant vector with a number for each channel.
std::optional<std::vector<double>> VectorInput(const DefEditor& def, int node, int input,
                                               int64_t channels) {
  const Tensor* value = def.ConstantInput(node, input);
  if (value == nullptr || !IsReal(*value) || value->shape().rank() != 1 ||
      value->num_elements() != channels)
    return std::nullopt;
  return Numbers(*value);
}

// A constant that broadcasts to a number for each channel, or one for all.
std::optional<std::vector<double>> BroadcastInput(const DefEditor& def, int node, int input,
                                                  int64_t channels, const Layout& layout) {
  const Tensor* value = def.ConstantInput(node, input);
  if (value == nullptr || !IsReal(*value) || value->shape().rank() > layout.rank)
    return std::nullopt;
  if (value->num_elements() == 1) return std::vector<double>(channels, Numbers(*value)[0]);
  if (value->num_elements() != channels) return std::nullopt;
  const int from_end = layout.channels_first ? layout.rank - 1 : 1;
  if (value->shape().rank() < from_end || value->shape().dim(-from_end) != channels)
    return std::nullopt;
  return Numbers(*value);
}

bool AnyNotOne(const std::vector<double>& numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [](double x) { return x != 1; });
}

ChannelStep Affine(std::vector<double> multiplier, std::vector<double> addend) {
  const bool multiplies = AnyNotOne(multiplier);
  return {std::move(multiplier), std::move(addend), multiplies};
}

// gamma / sqrt(variance + epsilon), beta - mean * that.
std::optional<ChannelStep> Normalization(const std::vector<double>& gamma,
                                         const std::vector<double>& beta,
                                         const std::vector<double>& mean,
                                         const std::vector<double>& variance, double epsilon) {
  std::vector<double> multiplier, addend;
  for (size_t c = 0; c < gamma.size(); ++c) {
    if (!(variance[c] + epsilon > 0)) return std::nullopt;
    multiplier.push_back(gamma[c] / std::sqrt(variance[c] + epsilon));
    addend.push_back(beta[c] - mean[c] * multiplier[c]);
  }
  ChannelStep step = Affine(std::move(multiplier), std::move(addend));
  step.multiplies = true;  // a normalization goes even where it multiplies by 1
  return step;
}

// Inputs x, scale, offset, mean, variance.
std::optional<ChannelStep> FusedNormalization(const DefEditor& def, int i, int64_t channels,
                                              const Layout& layout) {
  const proto::NodeDef& node = def.node(i);
  if (BoolAttr(node, "is_training", true) || layout.rank != 4 ||
      ChannelsFirst(node) != layout.channels_first)
    return std::nullopt;
  std::vector<double> vectors[4];
  for (int k = 0; k < 4; ++k) {
    const auto vector = VectorInput(def, i, k + 1, channels);
    if (!vector.has_value()) return std::nullopt;
    vectors[k] = *vector;
  }
  return Normalization(vectors[0], vectors[1], vectors[2], vectors[3],
                       FloatAttr(node, "epsilon", kDefaultEpsilon));
}

// Inputs t, m, v, beta, gamma.
std::optional<ChannelStep> GlobalNormalization(const DefEditor& def, int i, int64_t channels,
                                               const Layout& layout) {
  if (layout.rank != 4 || layout.channels_first) return std::nullopt;
  std::vector<double> vectors[4];
  for (int k = 0; k < 4; ++k) {
    const auto vector = VectorInput(def, i, k + 1, channels);
    if (!vector.has_value()) return std::nullopt;
    vectors[k] = *vector;
  }
  const proto::NodeDef& node = def.node(i);
  if (!BoolAttr(node, "scale_after_normalization", false)) vectors[3].assign(channels, 1);
  return Normalization(vectors[3], vectors[2], vectors[0], vectors[1],
                       FloatAttr(node, "variance_epsilon", 0));
}

std::optional<ChannelStep> BiasStep(const DefEditor& def, int i, int64_t channels,
                                    const Layout& layout) {
  const auto bias = VectorInput(def, i, 1, channels);
  const std::optional<bool> first = ChannelsFirst(def.node(i));
  if (!bias.has_value() || !first.has_value()) return std::nullopt;
  if (layout.rank > 2 && *first != layout.channels_first) return std::nullopt;
  return Affine(std::vector<double>(channels, 1), *bias);
}

std::optional<ChannelStep> BinaryStep(const DefEditor& def, int i, int input, int64_t channels,
                                      const Layout& layout) {
  const auto numbers = BroadcastInput(def, i, 1 - input, channels, layout);
  if (!numbers.has_value()) return std::nullopt;
  std::vector<double> values = *numbers;
  const std::vector<double> ones(channels, 1), zeros(channels, 0);
  if (def.Is(i, "Mul")) return Affine(std::move(values), zeros);
  if (def.Is(i, "Add") || def.Is(i, "AddV2")) return Affine(ones, std::move(values));
  if (def.Is(i, "Sub") && input == 1) return Affine(std::vector<double>(channels, -1), values);
  if (input != 0) return std::nullopt;
  for (double& v : values) v = def.Is(i, "Sub") ? -v : 1 / v;
  return def.Is(i, "Sub") ? Affine(ones, std::move(values)) : Affine(std::move(values), zeros);
}

}  // namespace

void ChannelStep::Then(const ChannelStep& next) {
  for (size_t c = 0; c < multiplier.size(); ++c) {
    multiplier[c] *= next.multiplier[c];
    addend[c] = addend[c] * next.multiplier[c] + next.addend[c];
  }
  multiplies = multiplies || next.multiplies;
}

std::optional<Contraction> ContractionAt(const DefEditor& def, int i) {
  static constexpr struct {
    const char* op;
    int weights, rank, axis;  // of the weights' output channels
  } kOps[] = {{"Conv2D", 1, 4, 3},
              {"Conv3D", 1, 5, 4},
              {"DepthwiseConv2dNative", 1, 4, 2},
              {"Conv2DBackpropInput", 1, 4, 2},
              {"MatMul", 1, 2, 1}};
  for (const auto& op : kOps) {
    if (!def.Is(i, op.op)) continue;
    const Tensor* weights = def.ConstantInput(i, op.weights);
    const std::optional<bool> first = ChannelsFirst(def.node(i));
    if (weights == nullptr || !IsReal(*weights) || weights->shape().rank() != op.rank ||
        weights->num_elements() == 0 || !first.has_value())
      return std::nullopt;
    Contraction found = {i, op.weights, {op.axis}, 0, {op.rank, *first}};
    if (def.Is(i, "DepthwiseConv2dNative")) found.axes = {2, 3};
    if (def.Is(i, "MatMul") && BoolAttr(def.node(i), "transpose_b", false)) found.axes = {0};
    found.channels = 1;
    for (const int axis : found.axes) found.channels *= weights->dim(axis);
    return found;
  }
  return std::nullopt;
}

std::optional<ChannelStep> ChannelStepAt(const DefEditor& def, int i, int input, int64_t channels,
                                         const Layout& layout) {
  const std::string& op = def.node(i).op();
  const int inputs = def.num_data_inputs(i);
  const bool fused = op == "FusedBatchNorm" || op == "FusedBatchNormV2" || op == "FusedBatchNormV3";
  if (fused && inputs == 5 && input == 0) {
    for (const DefEditor::Use& use : def.UsesOf(i)) {
      if (ParseInputName(def.node(use.node).input(use.input)).index != 0) return std::nullopt;
    }
    return FusedNormalization(def, i, channels, layout);
  }
  if (op == "BatchNormWithGlobalNormalization" && inputs == 5 && input == 0)
    return GlobalNormalization(def, i, channels, layout);
  if (op == "BiasAdd" && inputs == 2 && input == 0) return BiasStep(def, i, channels, layout);
  for (const char* binary : {"Mul", "RealDiv", "Add", "AddV2", "Sub"}) {
    if (op == binary && inputs == 2 && input < 2)
      return BinaryStep(def, i, input, channels, layout);
  }
  return std::nullopt;
}

bool PassesChannels(const DefEditor& def, int i, int input, Layout* layout) {
  if (input != 0 || layout->channels_first) return false;
  if (def.Is(i, "Identity")) return true;
  if (def.Is(i, "BatchToSpaceND")) {  // its blocks are over dimensions 1, 2, ...
    const Tensor* blocks = def.ConstantInput(i, 1);
    return blocks != nullptr && blocks->num_elements() < layout->rank - 1;
  }
  if (!def.Is(i, "Squeeze")) return false;
  const proto::AttrValue* dims = Attr(def.node(i), "squeeze_dims");
  if (dims == nullptr || dims->list().i_size() == 0) return false;
  for (const int64_t dim : dims->list().i()) {
    if (dim == 0 || dim == -1 || dim >= layout->rank - 1 || dim <= -layout->rank) return false;
  }
  layout->rank -= dims->list().i_size();
  return true;
}

absl::StatusOr<Tensor> Scaled(const Tensor& weights, const std::vector<int>& axes,
                              const std::vector<double>& by) {
  SLUICE_ASSIGN_OR_RETURN(Tensor scaled, weights.Clone());
  int64_t inner = 1, channels = 1;
  for (int d = axes.back() + 1; d < weights.shape().rank(); ++d) inner *= weights.dim(d);
  for (const int axis : axes) channels *= weights.dim(axis);
  const auto channel = [&](size_t i) { return by[static_cast<int64_t>(i) / inner % channels]; };
  if (weights.dtype() == DType::kFloat) {
    auto values = scaled.mutable_flat<float>();
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(values[i] * channel(i));
  } else {
    auto values = scaled.mutable_flat<double>();
    for (size_t i = 0; i < values.size(); ++i) values[i] *= channel(i);
  }
  return scaled;
}

Tensor ChannelNumbers(DType dtype, const std::vector<double>& numbers) {
  const TensorShape shape({static_cast<int64_t>(numbers.size())});
  if (dtype == DType::kDouble) return Tensor::Of<double>(shape, numbers);
  return Tensor::Of<float>(shape, std::vector<float>(numbers.begin(), numbers.end()));
}

}  // namespace sluice::train
