#include "tools/sluice/start_variables.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/file.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/variable.h"
#include "io/tensor_bundle.h"
#include "ops/placeholder.h"
#include "train/saver.h"

namespace sluice::tools {
namespace {

// A GraphDef has no collections: its variables are known by their nodes, and saved under the nodes'
// names.
absl::Status RestoreNodes(const std::string& prefix, Trial* trial, Session* session) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<BundleReader> reader,
                          BundleReader::Open(FileSystem::Default(), prefix));
  const Scope root = Scope::Root(trial->graph());
  for (const Node* node : trial->variables()) {
    absl::StatusOr<Tensor> value = reader->Lookup(node->name());
    SLUICE_RETURN_IF_ERROR(Annotate(value.status(), prefix));
    const Output fed = ops::Placeholder(root, value->dtype(), value->shape());
    const bool resource = node->output_dtype(0) == DType::kResource;
    const Output assigned =
        At(root).Node(resource ? "AssignVariableOp" : "Assign", {node->output(0), fed});
    SLUICE_RETURN_IF_ERROR(trial->graph().status());
    SLUICE_RETURN_IF_ERROR(session->Run({{fed, *std::move(value)}}, {assigned}).status());
  }
  return absl::OkStatus();
}

absl::Status Restore(const std::string& prefix, Trial* trial, Session* session) {
  if (trial->graph().GlobalVariables().empty()) return RestoreNodes(prefix, trial, session);
  train::Saver saver(trial->graph());
  SLUICE_RETURN_IF_ERROR(trial->graph().status());
  return saver.Restore(*session, prefix);
}

absl::Status NoWay(const Trial& trial) {
  std::vector<std::string> names;
  for (const Node* node : trial.variables()) names.push_back(Printable(node->name()));
  return absl::FailedPreconditionError(
      absl::StrCat("variables without a value: ", absl::StrJoin(names, ", "),
                   "; --init OP names the op that initializes them, --checkpoint PREFIX where they "
                   "are saved"));
}

}  // namespace

absl::Status StartVariables(const CommandLine& line, Trial* trial, Session* session) {
  if (line.Has("checkpoint")) return Restore(line.Get("checkpoint", ""), trial, session);
  if (trial->variables().empty() && !line.Has("init")) return absl::OkStatus();
  const std::string init = line.Get("init", "init");
  if (line.Has("init") || trial->graph().FindNode(init) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(const Output op, trial->graph().FindOperation(init));
    return session->Run(op);
  }
  if (trial->graph().GlobalVariables().empty()) return NoWay(*trial);
  const Scope root = Scope::Root(trial->graph());
  SLUICE_RETURN_IF_ERROR(session->Run(GlobalVariablesInitializer(root)));
  return trial->graph().LocalVariables().empty() ? absl::OkStatus()
                                                 : session->Run(LocalVariablesInitializer(root));
}

}  // namespace sluice::tools
