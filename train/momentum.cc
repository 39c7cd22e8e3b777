#include "train/momentum.h"

#include "ops/sparse_training.h"

namespace sluice::train {

Momentum::Momentum(MomentumOptions options)
    : Optimizer(options.name, options.use_locking), options_(std::move(options)) {}

void Momentum::CreateSlots(At at, const std::vector<Variable>& variables) {
  for (const Variable& v : variables) CreateSlot(at, v, "momentum");
}

void Momentum::Prepare(At at) {
  learning_rate_ = options_.learning_rate.Tensor(at, "learning_rate");
  momentum_ = options_.momentum.Tensor(at, "momentum");
}

Output Momentum::ApplyDense(At at, const Output& gradient, const Variable& variable) {
  const Output learning_rate = CastTo(at, learning_rate_, variable);
  const Output momentum = CastTo(at, momentum_, variable);
  return Apply(at, "Momentum", {variable, GetSlot(variable, "momentum")},
               {learning_rate, gradient, momentum}, {{"use_nesterov", options_.use_nesterov}});
}

Output Momentum::ApplySparse(At at, const IndexedSlices& gradient, const Variable& variable) {
  const Output learning_rate = CastTo(at, learning_rate_, variable);
  const Output momentum = CastTo(at, momentum_, variable);
  const auto apply =
      variable.is_resource() ? ops::ResourceSparseApplyMomentum : ops::SparseApplyMomentum;
  return apply(at, variable.handle(), GetSlot(variable, "momentum").handle(), learning_rate,
               gradient.values, gradient.indices, momentum,
               {.use_locking = use_locking(), .use_nesterov = options_.use_nesterov});
}

}  // namespace sluice::train
