#include "session/preflight.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/variable_resource.h"
#include "glog/logging.h"
#include "graph/gradients.h"
#include "graph/lint.h"

namespace sluice {
namespace {

bool Trains(const Graph& graph, const Outputs& fetches) {
  const Outputs train_ops = graph.TrainOps();
  if (train_ops.empty()) return false;
  const std::vector<bool> runs = Ancestors(graph, fetches, /*control=*/true);
  return std::any_of(train_ops.begin(), train_ops.end(), [&](const Output& op) {
    const auto id = static_cast<size_t>(op.node()->id());
    return id < runs.size() && runs[id];
  });
}

bool HasValue(SessionState& session, const std::string& name) {
  const ResourceRef found = session.resources.Find(name);
  const auto* variable = dynamic_cast<const VariableResource*>(found.get());
  return variable != nullptr && variable->initialized();
}

}  // namespace

absl::Status CheckBeforeTraining(const Graph& graph, SessionState& session,
                                 const Request& request) {
  const bool strict = session.preflight == Preflight::kStrict;
  if (session.preflight == Preflight::kOff) return absl::OkStatus();
  if (!strict && session.preflight_done.load(std::memory_order_relaxed)) return absl::OkStatus();
  const Outputs fetches(request.fetches.begin(), request.fetches.end());
  if (!Trains(graph, fetches)) return absl::OkStatus();
  if (!strict && session.preflight_done.exchange(true)) return absl::OkStatus();

  std::string problems;
  for (const LintFinding& finding : Lint(graph, {.fetches = fetches, .only_cheap = true})) {
    if (finding.severity != LintSeverity::kWarning) continue;
    if (finding.kind == LintKind::kUninitializedVariable && HasValue(session, finding.name)) {
      continue;
    }
    if (strict) {
      absl::StrAppend(&problems, "\n  ", finding.ToString());
    } else {
      LOG(WARNING) << finding.ToString();
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the graph is not ready for training (Preflight::kStrict):", problems));
}

}  // namespace sluice
