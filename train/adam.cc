#include "train/adam.h"

#include <algorithm>

namespace sluice::train {

Adam::Adam(AdamOptions options)
    : Optimizer(options.name, options.use_locking), options_(std::move(options)) {}

void Adam::CreateSlots(At at, const std::vector<Variable>& variables) {
  const Variable& first =
      *std::min_element(variables.begin(), variables.end(),
                        [](const auto& a, const auto& b) { return a.op_name() < b.op_name(); });
  beta1_power_ = CreateScalar(at, "beta1_power", options_.beta1, first);
  beta2_power_ = CreateScalar(at, "beta2_power", options_.beta2, first);
  for (const Variable& v : variables) {
    CreateSlot(at, v, "m");
    CreateSlot(at, v, "v");
  }
}

void Adam::Prepare(At at) {
  learning_rate_ = options_.learning_rate.Tensor(at, "learning_rate");
  beta1_ = options_.beta1.Tensor(at, "beta1");
  beta2_ = options_.beta2.Tensor(at, "beta2");
  epsilon_ = options_.epsilon.Tensor(at, "epsilon");
}

Output Adam::ApplyDense(At at, const Output& gradient, const Variable& variable) {
  const Output beta1_power = CastTo(at, beta1_power_, variable);
  const Output beta2_power = CastTo(at, beta2_power_, variable);
  const Output learning_rate = CastTo(at, learning_rate_, variable);
  const Output beta1 = CastTo(at, beta1_, variable), beta2 = CastTo(at, beta2_, variable);
  const Output epsilon = CastTo(at, epsilon_, variable);
  return Apply(at, "Adam", {variable, GetSlot(variable, "m"), GetSlot(variable, "v")},
               {beta1_power, beta2_power, learning_rate, beta1, beta2, epsilon, gradient});
}

Output Adam::ApplySparse(At at, const IndexedSlices& gradient, const Variable& variable) {
  const auto mul = [&](const Output& x, const Output& y) {
    return at.Named("mul").Node("Mul", {x, y});
  };
  const auto one_minus = [&](const Output& x) {
    const At inside = at.Sub("sub");
    const Output one = inside.Named("x").Node(
        "Const", {}, {{"value", NumberTensor(variable.dtype(), 1)}, {"dtype", variable.dtype()}});
    return inside.AsScope().Node("Sub", {one, x});
  };
  // slot = slot decay + terms in the rows given. Returns the new value.
  const auto decay = [&](const char* name, const Output& factor, const Output& terms) {
    const Variable slot = GetSlot(variable, name);
    const Output decayed = slot.Assign(at, mul(ReadNow(at, slot), factor));
    const At after = at.In(at.scope().After({decayed}));
    const Output added = slot.ScatterAdd(after, gradient.indices, terms);
    return slot.Read(at.In(at.scope().After({added})));
  };
  const auto cast = [&](const Output& x) { return CastTo(at, x, variable); };
  const Output beta1 = cast(beta1_), beta2 = cast(beta2_), g = gradient.values;
  const Output bias1 = one_minus(CastTo(at, beta1_power_, variable));
  const Output bias2 = one_minus(CastTo(at, beta2_power_, variable));
  const Output corrected = mul(cast(learning_rate_), at.Node("Sqrt", {bias2}));
  const Output rate = at.Named("truediv").Node("RealDiv", {corrected, bias1});
  const Output m = decay("m", beta1, mul(g, one_minus(beta1)));
  const Output v = decay("v", beta2, mul(mul(g, g), one_minus(beta2)));
  const Output root = at.Node("Sqrt", {v});
  const Output below = at.Named("add").Node("AddV2", {root, cast(epsilon_)});
  return variable.AssignSub(at, at.Named("truediv").Node("RealDiv", {mul(rate, m), below}));
}

Outputs Adam::Finish(At at, const Outputs& updates) {
  const Scope beside = at.scope().After(updates).ColocateWith(beta1_power_.handle());
  const At after = at.In(beside);
  const auto advance = [&](const Variable& power, const Output& beta) {
    return power.Assign(after, after.Named("mul").Node("Mul", {ReadNow(after, power), beta}));
  };
  return {advance(beta1_power_, beta1_), advance(beta2_power_, beta2_)};
}

}  // namespace sluice::train
