#include "layers/nn_normalization.h"

#include "ops/const.h"

namespace sluice::nn {

Output BatchNormalization(At at, Output x, const BatchNormalizationOptions& o) {
  if (x.empty()) return x;
  const At norm = at.Composite("batchnorm");
  const At add = norm.Sub("add");
  const Output epsilon = ops::ConstOf(add.Named("y"), x.dtype(), o.variance_epsilon);
  Output factor = norm.Node("Rsqrt", {add.AsScope().Node("AddV2", {o.variance, epsilon})});
  const auto mul = [&](const Output& a, const Output& b) {
    return norm.Named("mul").Node("Mul", {a, b});
  };
  if (!o.scale.empty()) factor = mul(factor, o.scale);
  const Output scaled = mul(x, factor);
  const Output offset = o.offset.empty()
                            ? mul(norm.Node("Neg", {o.mean}), factor)
                            : norm.Named("sub").Node("Sub", {o.offset, mul(o.mean, factor)});
  return norm.Named("add").Node("AddV2", {scaled, offset});
}

}  // namespace sluice::nn
