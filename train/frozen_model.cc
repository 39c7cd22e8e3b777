#include "train/frozen_model.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph_def.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"

namespace sluice::pruning {
namespace {

// `t` without some entries along an axis.
absl::StatusOr<Tensor> Without(const Tensor& t, int axis, const std::vector<int64_t>& entries) {
  const Along along(t.shape(), axis);
  std::vector<bool> gone(along.n, false);
  for (const int64_t i : entries) gone[i] = true;
  TensorShape shape = t.shape();
  shape.set_dim(axis, along.n - static_cast<int64_t>(entries.size()));
  SLUICE_ASSIGN_OR_RETURN(Tensor cut, Tensor::Make(t.dtype(), shape));
  const size_t run = static_cast<size_t>(along.inner) * SizeOf(t.dtype());
  const char* from = static_cast<const char*>(t.raw());
  char* to = static_cast<char*>(cut.mutable_raw());
  for (int64_t o = 0; o < along.outer; ++o) {
    for (int64_t i = 0; i < along.n; ++i, from += run) {
      if (gone[i]) continue;
      std::memcpy(to, from, run);
      to += run;
    }
  }
  return cut;
}

template <typename T>
absl::StatusOr<Tensor> Plus(const Tensor& t, const std::vector<double>& added) {
  SLUICE_ASSIGN_OR_RETURN(Tensor sum, t.Clone());
  absl::Span<T> values = sum.mutable_flat<T>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(values[i] + added[i]);
  return sum;
}

absl::StatusOr<Tensor> Sum(const Tensor& t, const std::vector<double>& added) {
  if (t.dtype() == DType::kFloat) return Plus<float>(t, added);
  if (t.dtype() == DType::kDouble) return Plus<double>(t, added);
  return t.dtype() == DType::kInt32 ? Plus<int32_t>(t, added) : Plus<int64_t>(t, added);
}

}  // namespace

Along::Along(const TensorShape& shape, int axis) {
  for (int d = 0; d < shape.rank(); ++d) {
    if (d < axis) outer *= shape.dim(d);
    if (d == axis) n = shape.dim(d);
    if (d > axis) inner *= shape.dim(d);
  }
}

absl::StatusOr<std::unique_ptr<FrozenModel>> FrozenModel::Open(
    const proto::GraphDef& def, const std::vector<std::string>& outputs,
    const OpRegistry& registry) {
  std::unique_ptr<FrozenModel> model(new FrozenModel(registry));
  SLUICE_RETURN_IF_ERROR(ImportGraphDef(def, &model->graph_).status());
  const Graph& graph = model->graph_;
  model->readers_.resize(graph.num_nodes());
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node* node = graph.node(id);
    for (int i = 0; i < node->num_inputs(); ++i)
      model->readers_[node->input_edge(i).node->id()].push_back({node, i});
    if (node->op() == "Const") model->values_[node] = node->attr<Tensor>("value");
  }
  for (const std::string& name : outputs) {
    if (const Node* node = graph.FindNode(name)) model->outputs_.insert(node);
  }
  return model;
}

std::vector<FrozenModel::Reader> FrozenModel::ReadersOf(const Output& output) const {
  std::vector<Reader> readers;
  for (const Reader& reader : readers_[output.node()->id()]) {
    if (reader.node->input_edge(reader.input).index == output.index()) readers.push_back(reader);
  }
  return readers;
}

const Node* FrozenModel::Constant(const Node& reader, int input, bool own) const {
  const Node* node = reader.input_edge(input).node;
  for (;;) {
    const bool shared = readers_[node->id()].size() != 1 || outputs_.contains(node);
    if (own && shared) return nullptr;
    if (node->op() != "Identity") break;
    node = node->input_edge(0).node;
  }
  return node->op() == "Const" ? node : nullptr;
}

const Node* FrozenModel::OwnConstant(const Node& reader, int input) const {
  return Constant(reader, input, /*own=*/true);
}
const Node* FrozenModel::AnyConstant(const Node& reader, int input) const {
  return Constant(reader, input, /*own=*/false);
}

std::vector<double> FrozenModel::Doubles(const Node* constant) const {
  const Tensor& value = ValueOf(constant);
  if (value.dtype() == DType::kFloat)
    return std::vector<double>(value.flat<float>().begin(), value.flat<float>().end());
  if (value.dtype() == DType::kDouble)
    return std::vector<double>(value.flat<double>().begin(), value.flat<double>().end());
  return {};
}

absl::Status FrozenModel::Apply(const Cuts& cuts) {
  for (const auto& [constant, cut] : cuts) {
    Tensor value = ValueOf(constant);
    if (!cut.added.empty()) {
      SLUICE_ASSIGN_OR_RETURN(value, Sum(value, cut.added));
    }
    if (cut.axis >= 0) {
      SLUICE_ASSIGN_OR_RETURN(value, Without(value, cut.axis, cut.entries));
    }
    Replace(constant, std::move(value));
  }
  return absl::OkStatus();
}

void FrozenModel::Replace(const Node* constant, Tensor value) {
  values_[constant] = std::move(value);
  changed_.insert(constant);
}

absl::Status FrozenModel::WriteTo(proto::GraphDef* def) const {
  if (!changed()) return absl::OkStatus();
  for (proto::NodeDef& node : *def->mutable_node()) {
    node.mutable_attr()->erase("_output_shapes");
    const Node* constant = graph_.FindNode(node.name());
    if (constant == nullptr || !changed_.contains(constant)) continue;
    SLUICE_RETURN_IF_ERROR(
        ToProto(ValueOf(constant), (*node.mutable_attr())["value"].mutable_tensor()));
  }
  return absl::OkStatus();
}

}  // namespace sluice::pruning
