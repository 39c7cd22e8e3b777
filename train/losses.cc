#include "train/losses.h"

#include "core/status.h"
#include "graph/graph.h"
#include "ops/add_n.h"
#include "ops/const.h"
#include "train/loss_steps.h"

namespace sluice::losses {
namespace {

At NamedOr(At at, const char* name) {
  return at.Named(at.scope().op_name().empty() ? name : at.scope().op_name());
}

}  // namespace

Output ComputeWeightedLoss(At at, Output losses, LossOptions options) {
  const At inside = EnterLoss(at, options.scope, "weighted_loss");
  if (!BothGiven(inside, {"losses", losses}, {"losses", losses})) return {};
  return FinishLoss(inside, losses, options);
}

void AddLoss(At at, Output loss, const std::string& loss_collection) {
  if (at.ok() && !loss.empty() && !loss_collection.empty())
    at.graph().AddToCollection(loss_collection, loss);
}

Outputs GetLosses(At at, const std::string& scope, const std::string& loss_collection) {
  return at.graph().OutputsIn(loss_collection, scope);
}

Outputs GetRegularizationLosses(At at, const std::string& scope) {
  return at.graph().RegularizationLosses(scope);
}

Output RegularizationLoss(At at, const std::string& scope) {
  const At named = NamedOr(at, "total_regularization_loss");
  const Outputs losses = GetRegularizationLosses(at, scope);
  return losses.empty() ? ops::Const(named, 0.0f) : ops::AddN(named, losses);
}

Output TotalLoss(At at, bool add_regularization_losses, const std::string& scope) {
  Outputs losses = GetLosses(at, scope);
  if (add_regularization_losses) {
    for (const Output& loss : GetRegularizationLosses(at, scope)) losses.push_back(loss);
  }
  if (losses.empty())
    return at.Fail("total_loss", absl::InvalidArgumentError("the graph has no losses"));
  return ops::AddN(NamedOr(at, "total_loss"), losses);
}

}  // namespace sluice::losses
