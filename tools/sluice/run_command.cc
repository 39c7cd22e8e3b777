// sluice run: runs a graph and writes what was fetched. sluice grad: the same for gradients.
#include "core/status.h"
#include "graph/gradients.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/graph_job.h"

namespace sluice::tools {
namespace {

absl::StatusOr<CommandLine> ParseOrUsage(const std::vector<std::string>& args,
                                         std::vector<FlagSpec> own) {
  absl::StatusOr<CommandLine> line = CommandLine::Parse(args, GraphJob::Flags(std::move(own)));
  if (!line.ok()) return UsageError(line.status().message());
  return line;
}

absl::StatusOr<Outputs> Tensors(GraphJob& job, const std::vector<std::string>& names) {
  Outputs tensors;
  for (const std::string& name : names) {
    SLUICE_ASSIGN_OR_RETURN(Output tensor, FindTensor(job.graph(), name));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

absl::Status RunCommand(const std::vector<std::string>& args) {
  SLUICE_ASSIGN_OR_RETURN(const CommandLine line, ParseOrUsage(args, {{"fetch", true, true}}));
  if (!line.Has("fetch")) return UsageError("--fetch NAME:0 is missing");
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<GraphJob> job, GraphJob::Open(line));
  SLUICE_ASSIGN_OR_RETURN(const Outputs fetches, Tensors(*job, line.All("fetch")));
  return job->RunAndWrite(fetches, line.All("fetch"));
}

absl::Status GradCommand(const std::vector<std::string>& args) {
  SLUICE_ASSIGN_OR_RETURN(const CommandLine line,
                          ParseOrUsage(args, {{"loss", true, false}, {"wrt", true, true}}));
  if (!line.Has("loss") || !line.Has("wrt"))
    return UsageError("--loss NAME:0 and --wrt NAME:0... are needed");
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<GraphJob> job, GraphJob::Open(line));
  SLUICE_ASSIGN_OR_RETURN(const Output loss, FindTensor(job->graph(), line.Get("loss", "")));
  const std::vector<std::string> names = line.All("wrt");
  SLUICE_ASSIGN_OR_RETURN(const Outputs wrt, Tensors(*job, names));
  const Outputs gradients = Gradients(Scope::Root(job->graph()), {loss}, wrt);
  SLUICE_RETURN_IF_ERROR(job->graph().status());
  for (size_t i = 0; i < gradients.size(); ++i) {
    if (gradients[i].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(loss.name(), " does not depend on ", wrt[i].name(),
                       " through differentiable ops: there is no gradient"));
    }
  }
  return job->RunAndWrite(gradients, names);
}

}  // namespace sluice::tools
