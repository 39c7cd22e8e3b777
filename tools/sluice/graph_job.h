// What `run` and `grad` share: a graph from a file, feeds from .npy files, results to .npy files.
#ifndef SLUICE_TOOLS_SLUICE_GRAPH_JOB_H_
#define SLUICE_TOOLS_SLUICE_GRAPH_JOB_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "session/session.h"
#include "tools/sluice/command_line.h"

namespace sluice::tools {

// Reads GRAPH.pb, GRAPH.pbtxt, GRAPH.meta or text of either into `graph`. Errors name the file.
absl::Status LoadGraph(const std::string& path, Graph* graph);

// A tensor of the graph: "a:0", or "a" for its first output.
absl::StatusOr<Output> FindTensor(const Graph& graph, const std::string& name);

// NAME=FILE.npy as name and file; a usage error otherwise.
absl::StatusOr<std::pair<std::string, std::string>> ParseFeed(const std::string& feed);
// The tensor NAME and what FILE.npy holds, in the tensor's dtype. Errors name the file.
absl::StatusOr<std::pair<Output, Tensor>> ReadFeed(const Graph& graph, const std::string& feed);

class GraphJob {
 public:
  // Flags that both subcommands take, with their own.
  static std::vector<FlagSpec> Flags(std::vector<FlagSpec> own);

  // --memory-limit and --threads, with a subcommand's own flags.
  static std::vector<FlagSpec> WithLimits(std::vector<FlagSpec> own);
  // What they say; the memory limit holds for the whole process from now on.
  static absl::StatusOr<SessionOptions> ReadLimits(const CommandLine& line);

  // Reads the graph (the one positional argument), the limits, and the feeds.
  static absl::StatusOr<std::unique_ptr<GraphJob>> Open(const CommandLine& line);

  Graph& graph() { return graph_; }
  // Runs `fetches` and writes DIR/<names[i] with / and : replaced by _>.npy. Nothing is written
  // unless all could be computed.
  absl::Status RunAndWrite(const Outputs& fetches, const std::vector<std::string>& names);

 private:
  GraphJob();
  absl::Status ReadFeeds(const std::vector<std::string>& feeds);

  Graph graph_;
  SessionOptions options_;
  Feeds feeds_;
  std::string out_;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_GRAPH_JOB_H_
