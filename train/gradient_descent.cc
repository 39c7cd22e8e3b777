#include "train/gradient_descent.h"

#include "ops/training.h"

namespace sluice::train {

GradientDescent::GradientDescent(GradientDescentOptions options)
    : Optimizer(options.name, options.use_locking), options_(std::move(options)) {}

void GradientDescent::CreateSlots(At, const std::vector<Variable>&) {}

void GradientDescent::Prepare(At at) {
  learning_rate_ = options_.learning_rate.Tensor(at, "learning_rate");
}

Output GradientDescent::ApplyDense(At at, const Output& gradient, const Variable& variable) {
  return ops::ResourceApplyGradientDescent(
      at, variable.handle(), CastTo(at, learning_rate_, variable), gradient, use_locking());
}

}  // namespace sluice::train
