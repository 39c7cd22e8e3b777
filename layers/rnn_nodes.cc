#include "layers/rnn_nodes.h"

#include "ops/concat.h"
#include "ops/const.h"
#include "ops/split.h"

namespace sluice::layers::rnn {

Output Join(At at, const Outputs& parts) { return ops::ConcatV2(at.Named("concat"), parts, 1); }

Output Affine(At at, const Output& x, const Output& h, const Output& kernel, const Output& bias) {
  return at.Node("BiasAdd", {at.Node("MatMul", {Join(at, {x, h}), kernel}), bias});
}

Outputs Split(At at, const Output& value, int64_t count) {
  Outputs parts = ops::Split(at.Named("split"), 1, value, count);
  parts.resize(count);  // also on a failed graph
  return parts;
}

Output Mul(At at, const Output& a, const Output& b) { return at.Named("mul").Node("Mul", {a, b}); }
Output Add(At at, const Output& a, const Output& b) {
  return at.Named("add").Node("AddV2", {a, b});
}

Output AddNumber(At at, const Output& a, double b) {
  if (a.empty()) return {};
  const At inside = at.Composite("add");
  return inside.AsScope().Node("AddV2", {a, ops::ConstOf(inside.Named("y"), a.dtype(), b)});
}

Output NumberMinus(At at, double a, const Output& b) {
  if (b.empty()) return {};
  const At inside = at.Composite("sub");
  return inside.AsScope().Node("Sub", {ops::ConstOf(inside.Named("x"), b.dtype(), a), b});
}

Output Clip(At at, const Output& x, double limit) {
  if (x.empty()) return {};
  const At inside = at.Composite("clip_by_value");
  const At minimum = inside.Composite("Minimum");
  const Output capped =
      minimum.AsScope().Node("Minimum", {x, ops::ConstOf(minimum.Named("y"), x.dtype(), limit)});
  return inside.AsScope().Node("Maximum",
                               {capped, ops::ConstOf(inside.Named("y"), x.dtype(), -limit)});
}

}  // namespace sluice::layers::rnn
