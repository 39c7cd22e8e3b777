// Lint: what is probably a mistake in a graph, found before the first step.
#ifndef SLUICE_GRAPH_LINT_H_
#define SLUICE_GRAPH_LINT_H_

#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/output.h"

namespace sluice {

enum class LintKind {
  // A variable that the fetches need and the given initializer does not initialize. Without one:
  // that is in neither GLOBAL_VARIABLES nor LOCAL_VARIABLES, so that no standard initializer does.
  kUninitializedVariable,
  // A variable of TRAINABLE_VARIABLES that no train op changes: no gradient reached it.
  kTrainableWithoutGradient,
  // An item of UPDATE_OPS that no train op runs (moving averages that never move). Not one that
  // belongs to layers which no train op depends on (graph/updates.h).
  kUnusedUpdate,
  // An item of REGULARIZATION_LOSSES that no train op differentiates, although one changes the
  // variable.
  kUnusedRegularizer,
  // A placeholder that nothing reads.
  kUnusedPlaceholder,
  // A variable that several layer calls read: wanted in towers and siamese networks, else an
  // accident. One finding per variable, with all readers.
  kSharedVariable,
  // A layer without a name, numbered under Reuse::kAuto ("dense_1"), with new weights of the same
  // shapes as an earlier one's: kAuto looks as if it shared.
  kAutoNamedLayer,
};
// "trainable-without-gradient": for logs and the command line.
const char* LintKindName(LintKind kind);

enum class LintSeverity { kNote, kWarning };

struct LintFinding {
  LintKind kind;
  LintSeverity severity;  // kNote: only kSharedVariable
  std::string name;       // of the variable, op or layer
  std::string message;    // what was found and what to do
  std::string location;   // "net.cc:28": where the program built it; "" for imported graphs

  // "warning: unused-update: bn/AssignMovingAvg: ... (net.cc:28)"
  std::string ToString() const;
};

struct LintOptions {
  // What the program runs. Empty: the ops of TRAIN_OP; without any, every op that nothing reads.
  Outputs fetches = {};
  // The operation that initializes the variables; empty: the one in the collection INIT_OP (with
  // those of LOCAL_INIT_OP), if any.
  Output initializer = {};
  // Leaves out kSharedVariable and kAutoNamedLayer, which look at the whole graph.
  bool only_cheap = false;
};

// Findings in the order of LintKind, within one kind in the order of creation. Train ops are all
// items of TRAIN_OP, whichever of them the fetches run; when these run none, the three kinds about
// training are left out. Imported graphs are looked at like others, as far as their collections and
// names tell. Takes time linear in the size of the graph, which cannot change meanwhile.
std::vector<LintFinding> Lint(const Graph& graph, const LintOptions& options = {});

}  // namespace sluice

#endif  // SLUICE_GRAPH_LINT_H_
