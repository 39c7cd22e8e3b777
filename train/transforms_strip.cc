#include "train/transforms_strip.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/later_attrs.h"
#include "graph/node.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "train/transforms_def.h"

namespace sluice::train {
namespace {

bool HasControlInputs(const DefEditor& def, int i) {
  return def.num_data_inputs(i) < def.node(i).input_size();
}

bool IsWaitedFor(const DefEditor& def, int i) {
  return std::any_of(def.UsesOf(i).begin(), def.UsesOf(i).end(), [&](const DefEditor::Use& use) {
    return ParseInputName(def.node(use.node).input(use.input)).control;
  });
}

// Of output 0: what the op says or, of an op that we lack, what a reader takes.
DType OutputDType(const Graph& graph, const DefEditor& def, int i) {
  const Node* node = graph.FindNode(def.node(i).name());
  if (node == nullptr || node->num_outputs() == 0) return DType::kInvalid;
  if (!node->spec().opaque()) return BaseType(node->output_dtype(0));
  for (const DefEditor::Use& use : def.UsesOf(i)) {
    const Node* reader = graph.FindNode(def.node(use.node).name());
    if (reader == nullptr || reader->spec().opaque() || use.input >= reader->num_inputs()) continue;
    return BaseType(reader->input_dtype(use.input));
  }
  return DType::kInvalid;
}

absl::Status CutAt(const CutInput& input, const Graph& graph, DefEditor* def, int i) {
  for (const DefEditor::Use& use : def->UsesOf(i)) {
    const InputName name = ParseInputName(def->node(use.node).input(use.input));
    if (name.index != 0)
      return absl::InvalidArgumentError(absl::StrCat(Printable(input.name),
                                                     " cannot become a placeholder: its output ",
                                                     name.index, " is read too"));
  }
  const DType dtype = input.dtype.value_or(OutputDType(graph, *def, i));
  if (!IsKnown(dtype))
    return absl::InvalidArgumentError(absl::StrCat(
        Printable(input.name), " cannot become a placeholder: it has no output of a known dtype"));
  const Node* node = graph.FindNode(input.name);
  const TensorShape shape =
      input.shape.value_or(node == nullptr ? TensorShape::Unknown() : node->output_shape(0));
  def->Become(i, "Placeholder", {});
  while (def->node(i).input_size() > 0) def->RemoveInput(i, 0);
  auto& attrs = *def->mutable_node(i)->mutable_attr();
  attrs["dtype"].set_type(static_cast<proto::DataType>(dtype));
  ToProto(shape, attrs["shape"].mutable_shape());
  return absl::OkStatus();
}

absl::Status FindInputs(const std::vector<CutInput>& inputs, const DefEditor& def) {
  std::vector<std::string> missing;
  for (const CutInput& input : inputs) {
    if (absl::StrContains(input.name, ":"))
      return absl::InvalidArgumentError(absl::StrCat("Name '", Printable(input.name),
                                                     "' appears to refer to a Tensor, not an "
                                                     "Operation."));
    if (def.Find(input.name) == DefEditor::kNone) missing.push_back(Printable(input.name));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("The following input nodes were not found: ", absl::StrJoin(missing, ", ")));
}

bool IsFlow(const OpSpec* spec) {
  return spec != nullptr && spec->flow() != ControlFlow::kNone &&
         spec->flow() != ControlFlow::kCall && spec->flow() != ControlFlow::kControlTrigger;
}

class Effects {
 public:
  Effects(const DefEditor& def, const OpRegistry& registry) : def_(def), registry_(registry) {}
  bool AnyFlow() const {
    for (int i = 0; i < def_.num_nodes(); ++i) {
      if (IsFlow(registry_.Find(def_.node(i).op()))) return true;
    }
    return false;
  }
  // Does something happen when `i` runs besides its outputs? With a NoOp happens what it waits for.
  bool Has(int i) const {
    std::vector<int> open = {i};
    std::set<int> seen = {i};
    while (!open.empty()) {
      const int next = open.back();
      open.pop_back();
      if (!def_.Is(next, "NoOp")) {
        if (Itself(def_.node(next).op())) return true;
        continue;
      }
      for (int k = 0; k < def_.node(next).input_size(); ++k) {
        const int producer = def_.Producer(next, k);
        if (seen.insert(producer).second) open.push_back(producer);
      }
    }
    return false;
  }

 private:
  bool Itself(const std::string& op) const {
    for (const char* harmless : {"Assert", "Print", "PrintV2", "Placeholder", "CheckNumerics"}) {
      if (op == harmless) return false;
    }
    const OpSpec* spec = registry_.Find(op);
    return spec == nullptr || (spec->stateful() && !spec->random());
  }

  const DefEditor& def_;
  const OpRegistry& registry_;
};

bool SaysNothing(const std::string& op, const std::string& name, const proto::AttrValue& value) {
  if (absl::StartsWith(name, "_")) return true;
  const absl::StatusOr<AttrValue> read = AttrFromProto(value);
  return read.ok() && IsLaterDefault(op, name, *read);
}

bool CallsFunctions(const proto::GraphDef& def) {
  std::set<std::string> functions;
  for (const proto::FunctionDef& function : def.library().function())
    functions.insert(function.signature().name());
  for (const proto::NodeDef& node : def.node()) {
    if (functions.count(node.op()) > 0) return true;
    for (const auto& [name, value] : node.attr()) {
      if (value.has_func() || value.list().func_size() > 0) return true;
    }
  }
  return false;
}

}  // namespace

absl::Status RemoveTrainingNodes(const std::vector<std::string>& outputs, proto::GraphDef* def,
                                 const std::vector<std::string>& more_ops) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
  std::set<std::string> ops(more_ops.begin(), more_ops.end());
  ops.insert({"Identity", "CheckNumerics"});
  for (int i = 0; i < editor->num_nodes(); ++i) {
    if (ops.count(editor->node(i).op()) == 0 || editor->num_data_inputs(i) != 1) continue;
    if (editor->is_output(i) || HasControlInputs(*editor, i) || IsWaitedFor(*editor, i)) continue;
    if (editor->Producer(i, 0) == i) continue;
    editor->Redirect(i, 0, ParseInputName(editor->node(i).input(0)));
    if (editor->UsesOf(i).empty()) editor->Remove(i);
  }
  editor->Save();
  return absl::OkStatus();
}

absl::Status StripUnused(const std::vector<CutInput>& inputs,
                         const std::vector<std::string>& outputs, const OpRegistry& registry,
                         proto::GraphDef* def) {
  Graph graph(registry);
  SLUICE_RETURN_IF_ERROR(ImportGraphDef(*def, &graph).status());
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
  absl::Status status = FindInputs(inputs, *editor);
  for (const CutInput& input : inputs) {
    if (!status.ok()) break;
    status = CutAt(input, graph, editor.get(), editor->Find(input.name));
  }
  if (status.ok()) editor->RemoveUnused();
  editor->Save();
  return status;
}

absl::Status RemoveControlInputs(const std::vector<std::string>& outputs,
                                 const OpRegistry& registry, proto::GraphDef* def) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
  const Effects effects(*editor, registry);
  if (!effects.AnyFlow()) {
    for (int i = 0; i < editor->num_nodes(); ++i) {
      for (int k = editor->node(i).input_size() - 1; k >= editor->num_data_inputs(i); --k) {
        if (!effects.Has(editor->Producer(i, k))) editor->RemoveInput(i, k);
      }
    }
    editor->RemoveUnused();
  }
  editor->Save();
  return absl::OkStatus();
}

void CleanAttributes(proto::GraphDef* def) {
  for (proto::NodeDef& node : *def->mutable_node()) {
    node.clear_device();
    std::vector<std::string> gone;
    for (const auto& [name, value] : node.attr()) {
      if (SaysNothing(node.op(), name, value)) gone.push_back(name);
    }
    for (const std::string& name : gone) node.mutable_attr()->erase(name);
  }
  if (def->has_library() && !CallsFunctions(*def)) def->clear_library();
}

absl::Status NameOutputs(const std::vector<std::string>& outputs, proto::GraphDef* def) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
  for (int i = 0; i < editor->num_nodes(); ++i) {
    if (!editor->Is(i, "Identity") || !editor->is_output(i) || editor->num_data_inputs(i) != 1)
      continue;
    int index = 0;
    const int source = editor->Producer(i, 0, &index);
    const std::string& op = editor->node(source).op();
    if (index != 0 || editor->is_output(source) || op == "Placeholder" || op == "Const") continue;
    if (HasControlInputs(*editor, i) || IsWaitedFor(*editor, i)) continue;
    const std::string name = editor->node(i).name();
    editor->Redirect(i, 0, {editor->node(source).name()});
    editor->Remove(i);
    editor->Rename(source, name);
  }
  editor->Save();
  return absl::OkStatus();
}

}  // namespace sluice::train
