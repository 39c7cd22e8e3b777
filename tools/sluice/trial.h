// What `plan` and `profile` share: a graph, what to fetch from it, and feeds that are made up where
// only their shapes matter.
#ifndef SLUICE_TOOLS_SLUICE_TRIAL_H_
#define SLUICE_TOOLS_SLUICE_TRIAL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "session/session.h"
#include "tools/sluice/command_line.h"

namespace sluice::tools {

class Trial {
 public:
  // --fetch, --feed-shape, --disable, --no-optimize and the limits, with a subcommand's own flags.
  static std::vector<FlagSpec> Flags(std::vector<FlagSpec> own);

  // Reads the graph (the one positional argument) and finds the fetches ("a:0", or "a": the op's
  // first output, or the op itself when it has none; commas may stand between names). Feeds: what
  // --feed names (where the subcommand has that flag), tensors of the shapes that --feed-shape
  // names (NAME=2x28x28x1; NAME=scalar), and every other placeholder that the fetches need, in its
  // own shape. A first dimension that is not known, the batch, is taken as 1, with a note on
  // stderr.
  // InvalidArgument, naming all of them with dtypes and shapes, for placeholders whose shapes are
  // not known well enough.
  // `values`: made-up feeds hold numbers, the same in every run: floating ones in [0, 1), integers
  // 0 or 1 (class numbers and positions of any table), else only shapes.
  static absl::StatusOr<std::unique_ptr<Trial>> Open(const CommandLine& line, bool values);

  Graph& graph() { return graph_; }
  const SessionOptions& options() const { return options_; }
  const Outputs& fetches() const { return fetches_; }
  const Feeds& feeds() const { return feeds_; }
  // Variables that the fetches need, in the order in which the graph has them.
  const std::vector<const Node*>& variables() const { return variables_; }

 private:
  Trial();
  absl::Status FindFetches(const std::vector<std::string>& names);
  absl::Status AddFeeds(const CommandLine& line, bool values);
  absl::Status AddPlaceholders(bool values);
  absl::Status AddMadeUp(const Output& to, const TensorShape& shape, bool values);
  bool Fed(const Node& node, int index) const;

  Graph graph_;
  SessionOptions options_;
  Outputs fetches_;
  Feeds feeds_;
  std::vector<const Node*> variables_;
};

// "2x28x28x1" or "scalar" as a shape; nullopt for anything else.
std::optional<TensorShape> ParseShape(const std::string& text);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_TRIAL_H_
