#include "train/freeze_for_inference.h"

#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/proto_io.h"
#include "proto/graph.pb.h"
#include "train/freeze.h"
#include "train/transforms_batch_norm.h"
#include "train/transforms_branches.h"
#include "train/transforms_constants.h"
#include "train/transforms_def.h"
#include "train/transforms_dilation.h"

namespace sluice::train {
namespace {

// No other runtime has these.
bool OnlyOurs(const std::string& op) {
  static const auto* const kOps = new std::set<std::string>{
      "InitializedValue", "InitializedRefValue", "LocallyConnected2D",
      "LocallyConnected2DBackpropInput", "LocallyConnected2DBackpropFilter"};
  return kOps->count(op) > 0 || absl::StartsWith(op, "_");
}

bool NeedsState(const std::string& op) {
  return op == "VarHandleOp" || op == "VariableV2" || op == "Variable" || op == "ReadVariableOp";
}

absl::Status CheckPlain(const proto::GraphDef& def) {
  std::vector<std::string> ours, variables;
  for (const proto::NodeDef& node : def.node()) {
    const std::string text = absl::StrCat(Printable(node.name()), " (", Printable(node.op()), ")");
    if (OnlyOurs(node.op())) ours.push_back(text);
    if (NeedsState(node.op())) variables.push_back(text);
  }
  if (!ours.empty())
    return absl::FailedPreconditionError(
        absl::StrCat("ops that only Sluice has: ", absl::StrJoin(ours, ", ")));
  if (variables.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("variables are left in the graph: ", absl::StrJoin(variables, ", ")));
}

bool IsCut(const std::vector<CutInput>& inputs, const std::string& name) {
  for (const CutInput& input : inputs) {
    if (input.name == name) return true;
  }
  return false;
}

// The defaults of flags (keras_learning_phase), as values.
void AddDefaultFlags(const Graph& graph, InferenceOptions* options) {
  for (int id = 0; id < graph.num_nodes(); ++id) {
    const Node& node = *graph.node(id);
    if (node.op() != "PlaceholderWithDefault" || BaseType(node.output_dtype(0)) != DType::kBool)
      continue;
    const std::optional<Tensor> value = graph.ConstantValue(node.input(0));
    if (!value.has_value() || IsCut(options->inputs, node.name())) continue;
    options->values.emplace(node.name(), *value);
  }
}

// The same of a GraphDef.
absl::Status AddDefaultFlags(const proto::GraphDef& def, InferenceOptions* options) {
  proto::GraphDef copy = def;
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(&copy, {}));
  for (int i = 0; i < editor->num_nodes(); ++i) {
    if (!editor->Is(i, "PlaceholderWithDefault")) continue;
    const Tensor* value = editor->ConstantInput(i, 0);
    if (value == nullptr || value->dtype() != DType::kBool) continue;
    if (IsCut(options->inputs, editor->node(i).name())) continue;
    options->values.emplace(editor->node(i).name(), *value);
  }
  return absl::OkStatus();
}

// Everything but cutting, deciding and freezing.
absl::Status Simplify(const std::vector<std::string>& outputs, const OpRegistry& registry,
                      const InferenceOptions& options, proto::GraphDef* def,
                      InferenceReport* report) {
  if (options.remove_training_nodes) {
    SLUICE_RETURN_IF_ERROR(RemoveDropout(outputs, def));
    SLUICE_RETURN_IF_ERROR(RemoveControlInputs(outputs, registry, def));
    SLUICE_RETURN_IF_ERROR(
        RemoveTrainingNodes(outputs, def, {"StopGradient", "PreventGradient", "Snapshot"}));
  }
  if (options.fold_constants) SLUICE_RETURN_IF_ERROR(FoldConstants(outputs, registry, def));
  if (options.fold_batch_norms) {
    SLUICE_ASSIGN_OR_RETURN(report->batch_norms_folded, FoldBatchNorms(outputs, def));
  }
  if (options.remove_training_nodes)
    SLUICE_RETURN_IF_ERROR(RemoveTrainingNodes(outputs, def, {"EnsureShape"}));
  if (options.expand_dilations) SLUICE_RETURN_IF_ERROR(ExpandDilations(outputs, registry, def));
  SLUICE_RETURN_IF_ERROR(NameOutputs(outputs, def));
  CleanAttributes(def);
  report->nodes_written = def->node_size();
  return CheckPlain(*def);
}

}  // namespace

absl::Status FreezeForInference(Session& session, const Outputs& outputs, proto::GraphDef* def,
                                const InferenceOptions& given, InferenceReport* report) {
  InferenceReport unread;
  if (report == nullptr) report = &unread;
  InferenceOptions options = given;
  if (options.default_flags) AddDefaultFlags(session.graph(), &options);
  report->outputs.clear();
  SLUICE_RETURN_IF_ERROR(FreezeGraph(session, outputs, def,
                                     {.inputs = options.inputs, .values = options.values},
                                     &report->outputs));
  report->nodes_needed = def->node_size();
  return Simplify(report->outputs, session.graph().registry(), options, def, report);
}

absl::StatusOr<std::string> FreezeForInferenceToBytes(Session& session, const Outputs& outputs,
                                                      const InferenceOptions& options) {
  proto::GraphDef def;
  SLUICE_RETURN_IF_ERROR(FreezeForInference(session, outputs, &def, options));
  return SerializeMessage(def);
}

absl::Status OptimizeForInference(const std::vector<std::string>& outputs,
                                  const OpRegistry& registry, const InferenceOptions& given,
                                  proto::GraphDef* def, InferenceReport* report) {
  InferenceReport unread;
  if (report == nullptr) report = &unread;
  if (outputs.empty()) return absl::InvalidArgumentError("no outputs to keep");
  InferenceOptions options = given;
  if (options.default_flags) SLUICE_RETURN_IF_ERROR(AddDefaultFlags(*def, &options));
  SLUICE_RETURN_IF_ERROR(SetValues(options.values, def));
  SLUICE_RETURN_IF_ERROR(ExtractSubGraph(outputs, def));
  report->nodes_needed = def->node_size();
  report->outputs = outputs;
  if (!options.inputs.empty())
    SLUICE_RETURN_IF_ERROR(StripUnused(options.inputs, outputs, registry, def));
  if (!options.values.empty()) {
    SLUICE_RETURN_IF_ERROR(FoldConstants(outputs, registry, def));
    SLUICE_RETURN_IF_ERROR(RemoveBranches(outputs, registry, def));
  }
  return Simplify(outputs, registry, options, def, report);
}

}  // namespace sluice::train
