// What `run` and `grad` share: a graph from a file or a SavedModel, feeds from .npy files, results
// to .npy files.
#ifndef SLUICE_TOOLS_SLUICE_GRAPH_JOB_H_
#define SLUICE_TOOLS_SLUICE_GRAPH_JOB_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "session/session.h"
#include "tools/sluice/command_line.h"
#include "train/saved_model.h"

namespace sluice::tools {

// Reads GRAPH.pb, GRAPH.pbtxt, GRAPH.meta, text of either, or a SavedModel (the graph "serve", or
// the only one) into `graph`. Errors name the file.
absl::Status LoadGraph(const std::string& path, Graph* graph);

// A tensor of the graph: "a:0", or "a" for its first output.
absl::StatusOr<Output> FindTensor(const Graph& graph, const std::string& name);

// NAME=FILE.npy as name and file; a usage error otherwise.
absl::StatusOr<std::pair<std::string, std::string>> ParseFeed(const std::string& feed);
// The tensor NAME and what FILE.npy holds, in the tensor's dtype. Errors name the file.
absl::StatusOr<std::pair<Output, Tensor>> ReadFeed(const Graph& graph, const std::string& feed);
// What FILE.npy holds, as that dtype (kInvalid: as it is): quantized types are plain integers
// there, bfloat16, which numpy lacks, is float32. `what` is called so in messages ("tensor x:0").
absl::StatusOr<Tensor> ReadFeedFile(const std::string& path, DType dtype, const std::string& what);

// The one SavedModel of the command line, with the tags of --tags A,B; without that flag "serve",
// or the only ones there are.
absl::StatusOr<SavedModel> LoadModel(const CommandLine& line, const SessionOptions& options);

// Where results of these names go: `directory`/<name, with / and : replaced by _>.npy.
// InvalidArgument for names that are too long or the same then.
absl::StatusOr<std::vector<std::string>> ResultPaths(const std::string& directory,
                                                     const std::vector<std::string>& names);
// Writes them, making the directory, and prints a line for each. Unimplemented, before anything is
// written, for a dtype that .npy files cannot hold (strings).
absl::Status WriteResults(const std::vector<std::string>& names,
                          const std::vector<std::string>& paths, const std::vector<Tensor>& values);

class GraphJob {
 public:
  // Flags that both subcommands take, with their own: --feed, --out, --tags, --checkpoint, limits.
  static std::vector<FlagSpec> Flags(std::vector<FlagSpec> own);

  // --memory-limit and --threads, with a subcommand's own flags.
  static std::vector<FlagSpec> WithLimits(std::vector<FlagSpec> own);
  // What they say; the memory limit holds for the whole process from now on.
  static absl::StatusOr<SessionOptions> ReadLimits(const CommandLine& line);

  // Reads the graph (the one positional argument, a file or the directory of a SavedModel), the
  // limits, and the feeds.
  static absl::StatusOr<std::unique_ptr<GraphJob>> Open(const CommandLine& line);

  Graph& graph() { return model_.has_value() ? model_->graph() : graph_; }
  // Runs `fetches` and writes DIR/<names[i] with / and : replaced by _>.npy. Nothing is written
  // unless all could be computed. Variables have the values of the SavedModel or of --checkpoint.
  absl::Status RunAndWrite(const Outputs& fetches, const std::vector<std::string>& names);

 private:
  GraphJob();
  absl::Status ReadFeeds(const std::vector<std::string>& feeds);
  absl::StatusOr<std::vector<Tensor>> Run(const Outputs& fetches);

  Graph graph_;
  std::optional<SavedModel> model_;  // in place of graph_
  SessionOptions options_;
  Feeds feeds_;
  std::string out_, checkpoint_;
};

// Is the one positional argument a SavedModel, by its directory or its saved_model.pb?
bool NamesSavedModel(const CommandLine& line);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_GRAPH_JOB_H_
