#include "train/gradient_descent.h"

namespace sluice::train {

GradientDescent::GradientDescent(GradientDescentOptions options)
    : Optimizer(options.name, options.use_locking), options_(std::move(options)) {}

void GradientDescent::CreateSlots(At, const std::vector<Variable>&) {}

void GradientDescent::Prepare(At at) {
  learning_rate_ = options_.learning_rate.Tensor(at, "learning_rate");
}

Output GradientDescent::ApplyDense(At at, const Output& gradient, const Variable& variable) {
  return Apply(at, "GradientDescent", {variable}, {CastTo(at, learning_rate_, variable), gradient});
}

Output GradientDescent::ApplySparseDuplicateIndices(At at, const IndexedSlices& gradient,
                                                    const Variable& variable) {
  const Output rate = CastTo(at, learning_rate_, variable);
  const Output delta = at.Named("mul").Node("Mul", {gradient.values, rate});
  return variable.ScatterSub(at, gradient.indices, delta);
}

}  // namespace sluice::train
