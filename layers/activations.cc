#include "layers/activations.h"

#include "core/status.h"
#include "layers/reshaping.h"
#include "ops/array_util.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/relu.h"

namespace sluice::activations {
namespace {

Output Number(At at, const char* name, const Output& like, double value) {
  return ops::ConstOf(at.Named(name), like.dtype(), value);
}

// tf.clip_by_value.
Output Clip(At at, const Output& x, double low, double high) {
  const At inside = at.Composite("clip_by_value");
  const Output below = inside.Node("Minimum", {x, Number(inside, "max", x, high)});
  return inside.AsScope().Node("Maximum", {below, Number(inside, "min", x, low)});
}

}  // namespace

Output Linear(At, Output x) { return x; }

Output HardSigmoid(At at, Output x) {
  if (x.empty()) return x;
  const Output slope = at.Node("Mul", {x, Number(at, "slope", x, 0.2)});
  return Clip(at, at.Node("AddV2", {slope, Number(at, "offset", x, 0.5)}), 0, 1);
}

Output Swish(At at, Output x) {
  if (x.empty()) return x;
  return at.Node("Mul", {x, at.Node("Sigmoid", {x})});
}

Output Crelu(At at, Output x) { return Crelu(at, std::move(x), {}); }

Output Crelu(At at, Output x, const CreluOptions& options) {
  if (x.empty()) return x;
  const At inside = at.Composite("CRelu");
  const Output axis = ops::ConstOf(inside.Named("axis"), DType::kInt32, options.axis);
  const Output both = inside.Node("ConcatV2", {x, inside.Node("Neg", {x}), axis});
  return inside.AsScope().Node("Relu", {both});
}

Output Softmax(At at, Output x) { return Softmax(at, std::move(x), {}); }

Output Softmax(At at, Output x, const SoftmaxOptions& options) {
  if (x.empty()) return x;
  if (!x.shape().rank_known() && options.axis == -1) return at.Node("Softmax", {x});
  const int rank = x.shape().rank_known() ? x.shape().rank() : -1;
  if (rank < 2) {
    return at.Fail("Softmax", absl::InvalidArgumentError(absl::StrCat(
                                  "Cannot apply softmax to a tensor that is ",
                                  rank < 0 ? "of unknown rank" : absl::StrCat(rank, "D"),
                                  ". Received input: ", x.name(), " ", x.shape().ToString())));
  }
  const absl::StatusOr<int> axis = ops::CanonicalAxis(options.axis, rank);
  if (!axis.ok()) return at.Fail("Softmax", axis.status());
  if (*axis == rank - 1) return at.Node("Softmax", {x});
  const At inside = at.Composite("Softmax");
  const auto reduced = [&](const char* op, const Output& of) {
    const Output indices = layers::DimsConst(inside, "reduction_indices", {*axis});
    return inside.Node(op, {of, indices}, {{"keep_dims", true}});
  };
  // The largest cancels out: no gradient needs to pass it.
  const Output largest = inside.Node("StopGradient", {reduced("Max", x)});
  const Output e = inside.Node("Exp", {inside.Node("Sub", {x, largest})});
  return inside.AsScope().Node("RealDiv", {e, reduced("Sum", e)});
}

Output Relu(At at, Output x, const ReluOptions& o) {
  if (x.empty()) return x;
  const bool bounded = o.max_value.has_value();
  if (o.alpha != 0 && !bounded && o.threshold == 0)
    return ops::LeakyRelu(at, x, {.alpha = static_cast<float>(o.alpha)});
  Output y;
  if (o.threshold != 0) {
    const Output above = at.Node("Greater", {x, Number(at, "threshold", x, o.threshold)});
    y = at.Node("Mul", {x, ops::Cast(at, above, x.dtype())});
  } else if (bounded && *o.max_value == 6) {
    y = at.Node("Relu6", {x});
  } else {
    y = at.Node("Relu", {x});
  }
  if (bounded && (o.threshold != 0 || *o.max_value != 6)) y = Clip(at, y, 0, *o.max_value);
  if (o.alpha == 0) return y;
  Output below = at.Node("Neg", {x});
  if (o.threshold != 0) below = at.Node("AddV2", {below, Number(at, "threshold", x, o.threshold)});
  const Output leak = at.Node("Mul", {Number(at, "alpha", x, o.alpha), at.Node("Relu", {below})});
  return at.Node("Sub", {y, leak});
}

Output Elu(At at, Output x, const EluOptions& options) {
  if (x.empty()) return x;
  const Output y = at.Node("Elu", {x});
  if (options.alpha == 1) return y;
  const Output scaled = at.Node("Mul", {Number(at, "alpha", x, options.alpha), y});
  return at.Node("Select", {at.Node("Greater", {x, Number(at, "zero", x, 0)}), y, scaled});
}

}  // namespace sluice::activations
