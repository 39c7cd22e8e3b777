// sluice run: runs a graph or a signature and writes what comes out. sluice grad: the same for
// gradients.
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

// INPUTKEY=FILE.npy, in the dtype that the input has. An unknown key is left to the signature,
// which knows how to refuse it.
absl::StatusOr<KeyedTensors> ReadInputs(const SignatureCall& call,
                                        const std::vector<std::string>& feeds) {
  KeyedTensors inputs;
  for (const std::string& feed : feeds) {
    SLUICE_ASSIGN_OR_RETURN(const auto key_and_path, ParseFeed(feed));
    const auto& [key, path] = key_and_path;
    DType dtype = DType::kInvalid;
    for (const SignatureCall::Slot& slot : call.inputs()) {
      if (slot.key == key) dtype = slot.dtype;
    }
    const std::string what = absl::StrCat("input '", Printable(key), "'");
    SLUICE_ASSIGN_OR_RETURN(Tensor value, ReadFeedFile(path, dtype, what));
    if (!inputs.emplace(key, std::move(value)).second) {
      return absl::InvalidArgumentError(absl::StrCat(what, " is fed twice"));
    }
  }
  return inputs;
}

absl::Status CheckSignatureLine(const CommandLine& line) {
  if (!NamesSavedModel(line)) return UsageError("--signature is for the directory of a SavedModel");
  if (line.Has("fetch")) {
    return UsageError("either --signature or --fetch: a signature says what comes out");
  }
  if (line.Has("checkpoint")) {
    return UsageError("--checkpoint is for graph files: a SavedModel has its own variables");
  }
  if (!line.Has("out")) return UsageError("--out DIR is missing");
  for (const std::string& feed : line.All("feed")) SLUICE_RETURN_IF_ERROR(ParseFeed(feed).status());
  return absl::OkStatus();
}

absl::Status RunSignature(const CommandLine& line) {
  SLUICE_RETURN_IF_ERROR(CheckSignatureLine(line));
  SLUICE_ASSIGN_OR_RETURN(const SessionOptions options, GraphJob::ReadLimits(line));
  SLUICE_ASSIGN_OR_RETURN(SavedModel model, LoadModel(line, options));
  std::string key = line.Get("signature", "");
  if (!line.Has("signature")) {
    SLUICE_ASSIGN_OR_RETURN(key, model.DefaultSignature());
  }
  SLUICE_ASSIGN_OR_RETURN(const SignatureCall* call, model.FindSignature(key));
  SLUICE_ASSIGN_OR_RETURN(const KeyedTensors inputs, ReadInputs(*call, line.All("feed")));
  std::vector<std::string> names;
  for (const SignatureCall::Slot& slot : call->outputs()) {
    if (!slot.tensor.is_operation()) names.push_back(slot.key);
  }
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                          ResultPaths(line.Get("out", ""), names));
  SLUICE_ASSIGN_OR_RETURN(const KeyedTensors results, model.Run(key, inputs));
  std::vector<Tensor> values;
  for (const std::string& name : names) values.push_back(results.at(name));
  return WriteResults(names, paths, values);
}

}  // namespace

absl::Status RunCommand(const std::vector<std::string>& args) {
  SLUICE_ASSIGN_OR_RETURN(const CommandLine line,
                          ParseOrUsage(args, {{"fetch", true, true}, {"signature", true, false}}));
  if (line.Has("signature") || (!line.Has("fetch") && NamesSavedModel(line))) {
    return RunSignature(line);
  }
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
