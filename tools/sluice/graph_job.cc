#include "tools/sluice/graph_job.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/file.h"
#include "core/status.h"
#include "core/storage_type.h"
#include "graph/graph_def.h"
#include "io/npy.h"
#include "ops/all_ops.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/inspect.h"
#include "tools/sluice/start_variables.h"

namespace sluice::tools {
namespace {

absl::StatusOr<Tensor> ConvertFeed(Tensor value, DType wanted, const std::string& what) {
  if (value.dtype() == wanted || wanted == DType::kInvalid) return value;
  if (value.dtype() == StorageType(wanted)) {
    SLUICE_ASSIGN_OR_RETURN(Tensor quantized, Tensor::Make(wanted, value.shape()));
    if (value.byte_size() > 0)
      std::memcpy(quantized.mutable_raw(), value.raw(), static_cast<size_t>(value.byte_size()));
    return quantized;
  }
  if (wanted == DType::kBfloat16 && value.dtype() == DType::kFloat) {
    SLUICE_ASSIGN_OR_RETURN(Tensor narrow, Tensor::Make(wanted, value.shape()));
    const auto from = value.flat<float>();
    auto to = narrow.mutable_flat<BFloat16>();
    std::transform(from.begin(), from.end(), to.begin(), [](float f) { return BFloat16(f); });
    return narrow;
  }
  return absl::InvalidArgumentError(absl::StrCat("the file holds ", DTypeName(value.dtype()),
                                                 value.shape().ToString(), ", ", what, " is ",
                                                 DTypeName(wanted)));
}

// A file's name for a fetch: only / and : are changed.
absl::StatusOr<std::string> FileName(std::string name) {
  for (char& c : name) {
    if (c == '/' || c == ':') c = '_';
  }
  name += ".npy";
  constexpr size_t kMaxFileName = 255;
  if (name.size() > kMaxFileName) {
    return absl::InvalidArgumentError(absl::StrCat("the result's file name would have ",
                                                   name.size(), " characters, the limit is ",
                                                   kMaxFileName, ": ", Printable(name)));
  }
  return name;
}

// The graph that a SavedModel has for those who say no tags, without its variables' values.
absl::Status LoadModelGraph(const std::string& directory, Graph* graph) {
  FileSystem& fs = FileSystem::Default();
  proto::SavedModel file;
  SLUICE_RETURN_IF_ERROR(ReadSavedModel(fs, directory, &file));
  SLUICE_ASSIGN_OR_RETURN(const std::string path, SavedModelPath(fs, directory));
  const absl::StatusOr<proto::MetaGraphDef*> meta = FindMetaGraph(DefaultTags(file), &file);
  SLUICE_RETURN_IF_ERROR(Annotate(meta.status(), path));
  return Annotate(ImportMetaGraph(**meta, graph), path);
}

}  // namespace

absl::Status LoadGraph(const std::string& path, Graph* graph) {
  const std::string directory = SavedModelDirectory(FileSystem::Default(), path);
  if (!directory.empty()) return LoadModelGraph(directory, graph);
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, FileSystem::Default().ReadAll(path));
  const bool text = absl::EndsWith(path, ".pbtxt") || absl::EndsWith(path, ".meta.txt");
  if (absl::EndsWith(path, ".meta")) {
    proto::MetaGraphDef meta;
    SLUICE_RETURN_IF_ERROR(Annotate(ParseMetaGraphDef(bytes, false, &meta), path));
    return Annotate(ImportMetaGraph(meta, graph), path);
  }
  proto::GraphDef def;
  const absl::Status parsed = ParseGraphDef(bytes, text, &def);
  if (!parsed.ok() && text) {
    proto::MetaGraphDef meta;
    if (ParseMetaGraphDef(bytes, true, &meta).ok())
      return Annotate(ImportMetaGraph(meta, graph), path);
  }
  SLUICE_RETURN_IF_ERROR(Annotate(parsed, path));
  return Annotate(ImportGraphDef(def, graph).status(), path);
}

absl::StatusOr<Output> FindTensor(const Graph& graph, const std::string& name) {
  if (absl::StrContains(name, ":")) {
    const absl::StatusOr<Output> tensor = graph.FindTensor(name);
    // How many outputs an unknown op has is not known either.
    const Node* node = graph.FindNode(name.substr(0, name.find(':')));
    if (!absl::IsNotFound(tensor.status()) || node == nullptr || !node->spec().opaque())
      return tensor;
    return absl::UnimplementedError(absl::StrCat(
        "node '", node->name(), "': Op type not registered '", Printable(node->op()), "'"));
  }
  SLUICE_ASSIGN_OR_RETURN(const Output op, graph.FindOperation(name));
  if (op.node()->num_outputs() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Tried to fetch data for '", Printable(name), "', which produces no output."));
  }
  return op.node()->output(0);
}

absl::StatusOr<std::pair<std::string, std::string>> ParseFeed(const std::string& feed) {
  const size_t equals = feed.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == feed.size())
    return UsageError(absl::StrCat("--feed is NAME=FILE.npy, got \"", Printable(feed), "\""));
  return std::pair(feed.substr(0, equals), feed.substr(equals + 1));
}

absl::StatusOr<Tensor> ReadFeedFile(const std::string& path, DType dtype, const std::string& what) {
  SLUICE_ASSIGN_OR_RETURN(Tensor value, ReadNpy(FileSystem::Default(), path));
  absl::StatusOr<Tensor> converted = ConvertFeed(std::move(value), dtype, what);
  SLUICE_RETURN_IF_ERROR(Annotate(converted.status(), path));
  return converted;
}

absl::StatusOr<std::pair<Output, Tensor>> ReadFeed(const Graph& graph, const std::string& feed) {
  SLUICE_ASSIGN_OR_RETURN(const auto name_and_path, ParseFeed(feed));
  SLUICE_ASSIGN_OR_RETURN(const Output target, FindTensor(graph, name_and_path.first));
  SLUICE_ASSIGN_OR_RETURN(Tensor value, ReadFeedFile(name_and_path.second, BaseType(target.dtype()),
                                                     absl::StrCat("tensor ", target.name())));
  return std::pair(target, std::move(value));
}

bool NamesSavedModel(const CommandLine& line) {
  return line.positional().size() == 1 && HoldsSavedModel(line.positional()[0]);
}

absl::StatusOr<SavedModel> LoadModel(const CommandLine& line, const SessionOptions& options) {
  FileSystem& fs = FileSystem::Default();
  const std::string directory = SavedModelDirectory(fs, line.positional()[0]);
  TagSet tags = absl::StrSplit(line.Get("tags", ""), ',', absl::SkipEmpty());
  if (!line.Has("tags")) {
    proto::SavedModel file;
    SLUICE_RETURN_IF_ERROR(ReadSavedModel(fs, directory, &file));
    tags = DefaultTags(file);
  }
  return SavedModel::Load(directory, tags, {.session = options});
}

absl::StatusOr<std::vector<std::string>> ResultPaths(const std::string& directory,
                                                     const std::vector<std::string>& names) {
  std::vector<std::string> paths;
  std::set<std::string> distinct;
  for (const std::string& name : names) {
    SLUICE_ASSIGN_OR_RETURN(const std::string file, FileName(name));
    if (!distinct.insert(file).second)
      return absl::InvalidArgumentError(
          absl::StrCat("two results would be written to ", Printable(file)));
    paths.push_back(JoinPath(directory, file));
  }
  return paths;
}

absl::Status WriteResults(const std::vector<std::string>& names,
                          const std::vector<std::string>& paths,
                          const std::vector<Tensor>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].dtype() != DType::kString) continue;
    return absl::UnimplementedError(
        absl::StrCat(Printable(names[i]), " is ", DTypeName(values[i].dtype()),
                     values[i].shape().ToString(), ", which .npy files cannot hold"));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    SLUICE_RETURN_IF_ERROR(FileSystem::Default().CreateDirectories(DirectoryOf(paths[i])));
    SLUICE_RETURN_IF_ERROR(WriteNpy(FileSystem::Default(), paths[i], values[i]));
    std::printf("%s %s%s -> %s\n", names[i].c_str(), DTypeName(values[i].dtype()).c_str(),
                values[i].shape().ToString().c_str(), paths[i].c_str());
  }
  return absl::OkStatus();
}

GraphJob::GraphJob() : graph_(ops::Builtin()) {}

std::vector<FlagSpec> GraphJob::Flags(std::vector<FlagSpec> own) {
  own.push_back({"feed", true, true});
  own.push_back({"out", true, false});
  own.push_back({"tags", true, false});
  own.push_back({"checkpoint", true, false});
  return WithLimits(std::move(own));
}

std::vector<FlagSpec> GraphJob::WithLimits(std::vector<FlagSpec> own) {
  own.push_back({"memory-limit", true, false});
  own.push_back({"threads", true, false});
  return own;
}

absl::StatusOr<SessionOptions> GraphJob::ReadLimits(const CommandLine& line) {
  SessionOptions options;
  if (line.Has("memory-limit")) {
    const absl::StatusOr<int64_t> limit = ParseSize(line.Get("memory-limit", ""));
    if (!limit.ok()) return UsageError(absl::StrCat("--memory-limit: ", limit.status().message()));
    options.memory_limit_bytes = *limit;
    MemoryBudget::Process()->set_limit(*limit);
  }
  if (line.Has("threads")) {
    const absl::StatusOr<int64_t> threads = ParseInt("threads", line.Get("threads", ""), 1, 1024);
    if (!threads.ok()) return UsageError(threads.status().message());
    options.intra_op_threads = static_cast<int>(*threads);
  }
  return options;
}

absl::StatusOr<std::unique_ptr<GraphJob>> GraphJob::Open(const CommandLine& line) {
  if (line.positional().size() != 1)
    return UsageError(
        absl::StrCat("expected one graph file, got ", line.positional().size(),
                     " arguments; the graph comes first, before --fetch, --wrt and --feed"));
  if (!line.Has("out")) return UsageError("--out DIR is missing");
  auto job = std::unique_ptr<GraphJob>(new GraphJob);
  job->out_ = line.Get("out", "");
  SLUICE_ASSIGN_OR_RETURN(job->options_, ReadLimits(line));
  for (const std::string& feed : line.All("feed")) SLUICE_RETURN_IF_ERROR(ParseFeed(feed).status());
  job->checkpoint_ = line.Get("checkpoint", "");
  if (NamesSavedModel(line)) {
    if (line.Has("checkpoint"))
      return UsageError("--checkpoint is for graph files: a SavedModel has its own variables");
    SLUICE_ASSIGN_OR_RETURN(job->model_, LoadModel(line, job->options_));
  } else {
    if (line.Has("tags")) return UsageError("--tags is for SavedModels");
    SLUICE_RETURN_IF_ERROR(LoadGraph(line.positional()[0], &job->graph_));
  }
  SLUICE_RETURN_IF_ERROR(job->ReadFeeds(line.All("feed")));
  return job;
}

absl::Status GraphJob::ReadFeeds(const std::vector<std::string>& feeds) {
  for (const std::string& feed : feeds) {
    SLUICE_ASSIGN_OR_RETURN(feeds_.emplace_back(), ReadFeed(graph(), feed));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> GraphJob::Run(const Outputs& fetches) {
  if (model_.has_value()) return model_->session().Run(feeds_, fetches);
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph_, options_));
  if (!checkpoint_.empty()) {
    SLUICE_RETURN_IF_ERROR(
        RestoreVariables(checkpoint_, VariablesBehind(fetches, feeds_), &graph_, &session));
  }
  return session.Run(feeds_, fetches);
}

absl::Status GraphJob::RunAndWrite(const Outputs& fetches, const std::vector<std::string>& names) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<std::string> paths, ResultPaths(out_, names));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> results, Run(fetches));
  return WriteResults(names, paths, results);
}

}  // namespace sluice::tools
