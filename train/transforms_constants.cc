#include "train/transforms_constants.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/evaluate.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/nearest.h"
#include "graph/node.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"
#include "train/transforms_def.h"
#include "train/transforms_shapes.h"

namespace sluice::train {
namespace {

absl::Status CheckFits(const proto::NodeDef& node, const Tensor& value) {
  const auto& attrs = node.attr();
  if (const auto dtype = attrs.find("dtype"); dtype != attrs.end()) {
    const DType wanted = static_cast<DType>(dtype->second.type());
    if (wanted != value.dtype())
      return absl::InvalidArgumentError(absl::StrCat(Printable(node.name()), " is ",
                                                     DTypeName(wanted), ", its value ",
                                                     DTypeName(value.dtype())));
  }
  const auto shape = attrs.find("shape");
  if (shape == attrs.end() || shape->second.shape().dim_size() == 0) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const TensorShape wanted, ShapeFromProto(shape->second.shape()));
  if (wanted.CompatibleWith(value.shape())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(Printable(node.name()), " has shape ",
                                                 wanted.ToString(), ", its value ",
                                                 value.shape().ToString()));
}

std::vector<std::string> NodeNames(const proto::GraphDef& def) {
  std::vector<std::string> names;
  for (const proto::NodeDef& node : def.node()) names.push_back(node.name());
  return names;
}

// One pass over a graph whose shapes have been inferred.
class Folder {
 public:
  Folder(const Graph& graph, DefEditor& def, const FoldConstantsOptions& options)
      : graph_(graph), def_(def), options_(options) {}

  // True when something changed.
  absl::StatusOr<bool> Run() {
    bool changed = false;
    for (int id = 0; id < graph_.num_nodes(); ++id) {  // producers first
      const Node& node = *graph_.node(id);
      const int i = def_.Find(node.name());
      if (i == DefEditor::kNone || def_.Is(i, "Const")) continue;
      SLUICE_ASSIGN_OR_RETURN(const bool folded, Fold(node, i));
      changed = changed || folded;
    }
    return changed;
  }

 private:
  absl::StatusOr<bool> Fold(const Node& node, int i) {
    if (node.op() == "Reshape") return FixReshape(node, i);
    const std::optional<Tensor> value = Compute(node, i);
    if (!value.has_value()) return false;
    std::set<std::string> waits;
    for (int k = 0; k < def_.num_data_inputs(i); ++k) {
      const proto::NodeDef& constant = def_.node(def_.Producer(i, k));
      if (node.spec().value_from_shapes()) continue;
      for (const std::string& input : constant.input()) waits.insert(ParseInputName(input).node);
    }
    SLUICE_RETURN_IF_ERROR(def_.BecomeConstant(i, *value));
    for (const std::string& name : waits) def_.AddControlInput(i, name);
    return true;
  }

  static bool Foldable(const Node& node) {
    const OpSpec& spec = node.spec();
    return !spec.opaque() && !spec.stateful() && !spec.random() && !spec.must_be_fed() &&
           spec.flow() == ControlFlow::kNone && node.num_outputs() == 1 &&
           node.op() != "Identity" && node.op() != "PlaceholderWithDefault";
  }

  std::optional<Tensor> Compute(const Node& node, int i) const {
    if (!Foldable(node) || node.num_inputs() == 0) return std::nullopt;
    std::vector<Tensor> inputs;
    int64_t bytes = 0;
    for (int k = 0; k < node.num_inputs(); ++k) {
      const Tensor* value = def_.ConstantInput(i, k);
      if (value != nullptr) {
        inputs.push_back(*value);
        bytes += value->byte_size();
        continue;
      }
      const TensorShape& shape = node.input(k).shape();
      if (!node.spec().value_from_shapes() || !shape.fully_defined()) return std::nullopt;
      inputs.push_back(Tensor::ShapeOnly(BaseType(node.input_dtype(k)), shape));
    }
    const TensorShape& result = node.output_shape(0);
    const int64_t limit = std::max(bytes, options_.max_bytes);
    if (result.fully_defined() &&
        result.num_elements() > limit / std::max<int64_t>(1, SizeOf(node.output_dtype(0))))
      return std::nullopt;
    absl::StatusOr<std::vector<Tensor>> outputs =
        EvaluateOp(node.spec(), node.attrs(), inputs, {.node_name = node.name()});
    if (!outputs.ok() || (*outputs)[0].byte_size() > limit) return std::nullopt;
    return (*outputs)[0];
  }

  // With a shape of which one entry at most is unknown.
  absl::StatusOr<bool> FixReshape(const Node& node, int i) {
    if (def_.ConstantInput(i, 0) != nullptr && def_.ConstantInput(i, 1) != nullptr) {
      const std::optional<Tensor> value = Compute(node, i);
      if (!value.has_value()) return false;
      SLUICE_RETURN_IF_ERROR(def_.BecomeConstant(i, *value));
      return true;
    }
    if (def_.ConstantBehind(i, 1) != DefEditor::kNone) return false;
    std::optional<std::vector<int64_t>> known = KnownReshape(graph_, def_, i);
    if (!known.has_value()) known = KnownResult(node.output_shape(0));
    if (!known.has_value()) return false;
    const std::vector<int32_t> dims(known->begin(), known->end());
    SLUICE_ASSIGN_OR_RETURN(
        const int constant,
        def_.AddConstant(absl::StrCat(node.name(), "/shape"),
                         Tensor::Of<int32_t>({static_cast<int64_t>(dims.size())}, dims), i));
    def_.SetInput(i, 1, {def_.node(constant).name()});
    (*def_.mutable_node(i)->mutable_attr())["Tshape"].set_type(proto::DT_INT32);
    return true;
  }

  // A shape of which one dimension may be unknown.
  static std::optional<std::vector<int64_t>> KnownResult(const TensorShape& shape) {
    if (!shape.rank_known()) return std::nullopt;
    const auto unknown = std::count(shape.dims().begin(), shape.dims().end(), -1);
    const bool empty = std::count(shape.dims().begin(), shape.dims().end(), 0) > 0;
    if (unknown > 1 || (unknown == 1 && empty)) return std::nullopt;
    for (const int64_t d : shape.dims()) {
      if (d > INT32_MAX) return std::nullopt;
    }
    return std::vector<int64_t>(shape.dims().begin(), shape.dims().end());
  }

  const Graph& graph_;
  DefEditor& def_;
  const FoldConstantsOptions& options_;
};

}  // namespace

absl::Status SetValues(const std::map<std::string, Tensor>& values, proto::GraphDef* def) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, {}));
  absl::Status status;
  for (const auto& [name, value] : values) {
    const int i = editor->Find(ParseInputName(name).node);
    if (i == DefEditor::kNone) {
      editor->Save();
      return absl::NotFoundError(absl::StrCat("no node '", Printable(name), "' to set.",
                                              DidYouMean(name, NodeNames(*def))));
    }
    if (status.ok()) status = CheckFits(editor->node(i), value);
    if (status.ok()) status = editor->BecomeConstant(i, value);
  }
  editor->Save();
  return status;
}

absl::Status FoldConstants(const std::vector<std::string>& outputs, const OpRegistry& registry,
                           proto::GraphDef* def, const FoldConstantsOptions& options) {
  constexpr int kMaxPasses = 16;  // a pass can make shapes known that the next one needs
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    Graph graph(registry);
    SLUICE_RETURN_IF_ERROR(ImportGraphDef(*def, &graph).status());
    SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
    absl::StatusOr<bool> changed = Folder(graph, *editor, options).Run();
    if (changed.ok()) editor->RemoveUnused();
    editor->Save();
    SLUICE_RETURN_IF_ERROR(changed.status());
    if (!*changed) break;
  }
  return absl::OkStatus();
}

}  // namespace sluice::train
