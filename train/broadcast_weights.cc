#include "train/broadcast_weights.h"

#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/concat.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/identity.h"
#include "ops/reduction.h"
#include "ops/shape.h"
#include "ops/slice.h"

namespace sluice::train {
namespace {

enum class Fit { kYes, kNo, kMaybe };

Fit StaticFit(const TensorShape& weights, const TensorShape& values) {
  if (weights.rank() == 0) return Fit::kYes;
  if (!weights.rank_known() || !values.rank_known()) return Fit::kMaybe;
  if (weights.rank() != values.rank()) return Fit::kNo;
  Fit fit = Fit::kYes;
  for (int i = 0; i < weights.rank(); ++i) {
    if (weights.dim(i) == 1) continue;
    if (weights.dim(i) < 0 || values.dim(i) < 0) {
      fit = Fit::kMaybe;
    } else if (weights.dim(i) != values.dim(i)) {
      return Fit::kNo;
    }
  }
  return fit;
}

// Every dimension of the weights 1 or that of the values, the vectors being of one length.
Output DimsFit(At at, const Output& weights_shape, const Output& values_shape) {
  const Output equal = ops::Equal(at, weights_shape, values_shape);
  const Output one = ops::Equal(at, weights_shape, ops::Const(at, 1));
  return ops::All(at, ops::LogicalOr(at, equal, one), 0);
}

// A scalar bool: may the weights be multiplied into the values?
Output RunTimeFit(At at, const Output& weights, const Output& values, const Output& weights_shape,
                  const Output& values_shape) {
  if (weights.shape().rank_known() && values.shape().rank_known())
    return DimsFit(at, weights_shape, values_shape);
  const Output weights_rank = ops::Rank(at, weights), values_rank = ops::Rank(at, values);
  const Output is_scalar = ops::Equal(at.Named("is_scalar"), weights_rank, ops::Const(at, 0));
  const Output same_rank = ops::Equal(at, weights_rank, values_rank);
  // Made as long as the values' shape, so that they can be compared whatever the ranks are.
  const Output longer = ops::ConcatV2(at, {weights_shape, ops::OnesLike(at, values_shape)}, 0);
  const Output aligned = ops::Slice(at, longer, {0}, ops::Shape(at, values_shape));
  return ops::LogicalAnd(at, ops::LogicalOr(at, is_scalar, same_rank),
                         DimsFit(at, aligned, values_shape));
}

}  // namespace

At RequireBroadcastable(At at, const Output& weights, const Output& values) {
  if (!at.ok() || weights.empty() || values.empty()) return at;
  const Fit fit = StaticFit(weights.shape(), values.shape());
  if (fit == Fit::kYes) return at;
  if (fit == Fit::kNo) {
    at.Fail("weights",
            absl::InvalidArgumentError(absl::StrCat(
                "weights can not be broadcast to values. values.shape=", values.shape().ToString(),
                ". weights.shape=", weights.shape().ToString(), ".")));
    return at;
  }
  const At inside = at.Sub("assert_broadcastable");
  const Output weights_shape = ops::Shape(inside.Named("weights/shape"), weights);
  const Output values_shape = ops::Shape(inside.Named("values/shape"), values);
  const Output fits = RunTimeFit(inside, weights, values, weights_shape, values_shape);
  const Output text = ops::Const(inside, "weights can not be broadcast to values. weights.shape=");
  const Output check = ops::Assert(
      inside, fits, {text, weights_shape, ops::Const(inside, "values.shape="), values_shape},
      {.summarize = 8});
  return check.empty() ? at : at.In(at.scope().After({check}));
}

Output BroadcastWeights(At at, const Output& weights, const Output& values) {
  if (!at.ok() || weights.empty() || values.empty()) return {};
  const At inside = at.Sub("broadcast_weights");
  const Output cast = ops::Cast(inside, weights, values.dtype());
  const At checked = RequireBroadcastable(inside, cast, values);
  if (cast.shape().fully_defined() && cast.shape() == values.shape()) return cast;
  return ops::Mul(checked.AsScope(), cast, ops::OnesLike(checked, values));
}

}  // namespace sluice::train
