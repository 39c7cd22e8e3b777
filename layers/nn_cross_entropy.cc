#include "layers/nn_cross_entropy.h"

#include <numbers>

#include "core/status.h"
#include "graph/graph.h"
#include "ops/array_util.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/concat.h"
#include "ops/const.h"
#include "ops/cross_entropy.h"
#include "ops/fill.h"
#include "ops/identity.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/reshape.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "ops/transpose.h"
#include "ops/unary.h"

namespace sluice::nn {
namespace {

bool IsNarrow(DType dtype) { return dtype == DType::kHalf || dtype == DType::kBfloat16; }

// False after an error, or on a failed graph.
bool Given(At at, const Output& labels, const Output& logits) {
  if (!at.ok()) return false;
  if (!labels.empty() && !logits.empty()) return true;
  at.Fail("labels", absl::InvalidArgumentError("Both labels and logits must be provided."));
  return false;
}

bool NoScalar(At at, const Output& logits) {
  if (logits.shape().rank() != 0) return true;
  at.Fail("logits", absl::InvalidArgumentError("Logits cannot be scalars - received shape []."));
  return false;
}

bool SameShape(At at, const Output& labels, const Output& logits) {
  if (labels.shape().CompatibleWith(logits.shape())) return true;
  at.Fail("labels", absl::InvalidArgumentError(absl::StrCat(
                        "logits and labels must have the same shape (", logits.shape().ToString(),
                        " vs ", labels.shape().ToString(), ")")));
  return false;
}

// [d0, ..., n] as [d0 * ..., n].
Output Rows(At at, const Output& x) {
  const int64_t last = x.shape().rank() > 0 ? x.shape().dim(-1) : -1;
  if (last > 0) return ops::Reshape(at, x, {-1, last});
  const Output classes = ops::StridedSlice(at, ops::Shape(at, x), {-1}, {0}, {1}, {.end_mask = 1});
  return ops::Reshape(at, x, ops::ConcatV2(at, {ops::Const<int32_t>(at, {-1}), classes}, 0));
}

// `rows` [d0 * ...] as [d0, ...], the dimensions of `like` but its last.
Output Unrow(At at, const Output& rows, const Output& like) {
  const Output leading =
      ops::StridedSlice(at, ops::Shape(at, like), {0}, {-1}, {1}, {.begin_mask = 1});
  const Output result = ops::Reshape(at, rows, leading);
  if (result.empty() || !like.shape().rank_known()) return result;
  TensorShape known = like.shape();
  known.RemoveDim(known.rank() - 1);
  const absl::Status set = at.graph().SetShape(result, known);
  return set.ok() ? result : at.Fail("logits", set);
}

// Dimension `axis` moved behind the others.
Output MovedToEnd(At at, const Output& x, int axis) {
  std::vector<int64_t> order;
  for (int i = 0; i < x.shape().rank(); ++i) {
    if (i != axis) order.push_back(i);
  }
  order.push_back(axis);
  return ops::Transpose(at, x, order);
}

// Makes the classes' axis the last one.
absl::Status MoveClassesToEnd(At at, int axis, Output* labels, Output* logits) {
  const TensorShape& shape = logits->shape();
  if (axis == -1 || axis == shape.rank() - 1) return absl::OkStatus();
  if (!shape.rank_known())
    return absl::InvalidArgumentError("the rank of logits must be known for an axis but the last");
  SLUICE_ASSIGN_OR_RETURN(const int from, ops::CanonicalAxis(axis, shape.rank()));
  *logits = MovedToEnd(at, *logits, from);
  *labels = MovedToEnd(at, *labels, from);
  return absl::OkStatus();
}

// `inside` is the scope that the op is called like.
Output SoftmaxEntropy(At inside, Output labels, Output logits, int axis) {
  const DType dtype = logits.dtype();
  if (IsNarrow(dtype)) logits = ops::Cast(inside, logits, DType::kFloat);
  labels = ops::Cast(inside, labels, logits.dtype());
  if (!inside.ok()) return {};
  const absl::Status moved = MoveClassesToEnd(inside, axis, &labels, &logits);
  if (!moved.ok()) return inside.Fail("axis", moved);
  const char* const op = "SoftmaxCrossEntropyWithLogits";
  Output loss;
  if (logits.shape().rank() == 2) {
    loss = inside.AsScope().Node(op, {logits, labels});
  } else {
    const Output rows = Rows(inside, logits), targets = Rows(inside, labels);
    loss = Unrow(inside, inside.AsScope().Node(op, {rows, targets}), logits);
  }
  return loss.empty() ? loss : ops::Cast(inside, loss, dtype);
}

bool SparseRanksOk(At at, const TensorShape& labels, const TensorShape& logits) {
  if (!labels.rank_known() || !logits.rank_known() || labels.rank() == logits.rank() - 1)
    return true;
  at.Fail("labels", absl::InvalidArgumentError(absl::StrCat(
                        "Rank mismatch: Rank of labels (received ", labels.rank(),
                        ") should equal rank of logits minus 1 (received ", logits.rank(),
                        "): labels ", labels.ToString(), ", logits ", logits.ToString())));
  return false;
}

// z log z - z + log(2 pi z) / 2, 0 for 0 <= z <= 1.
Output Stirling(At at, const Output& z) {
  const auto number = [&](double value) { return ops::ConstOf(at, z.dtype(), value); };
  const Output log_z = ops::Log(at, z);
  const Output main = ops::Sub(at.Named("sub"), ops::Mul(at.Named("mul"), z, log_z), z);
  const Output around = ops::Mul(at.Named("mul"), number(2 * std::numbers::pi), z);
  const Output rest = ops::Mul(at.Named("mul"), number(0.5), ops::Log(at, around));
  const Output all = ops::AddV2(at.Named("add"), main, rest);
  const Output small =
      ops::LogicalAnd(at, ops::GreaterEqual(at, z, number(0)), ops::LessEqual(at, z, number(1)));
  return ops::Select(at, small, ops::ZerosLike(at.Named("zeros_like"), z), all);
}

}  // namespace

Output SoftmaxCrossEntropyWithLogits(At at, Output labels, Output logits,
                                     const SoftmaxCrossEntropyOptions& options) {
  const At inside = at.Composite("softmax_cross_entropy_with_logits_sg");
  if (!Given(inside, labels, logits) || !NoScalar(inside, logits) ||
      !SameShape(inside, labels, logits))
    return {};
  labels = ops::StopGradient(inside.Named("labels_stop_gradient"), labels);
  return SoftmaxEntropy(inside, labels, logits, options.axis);
}

Output SoftmaxCrossEntropyWithLogitsV2(At at, Output labels, Output logits,
                                       const SoftmaxCrossEntropyOptions& options) {
  const At inside = at.Composite("softmax_cross_entropy_with_logits");
  if (!Given(inside, labels, logits) || !NoScalar(inside, logits) ||
      !SameShape(inside, labels, logits))
    return {};
  return SoftmaxEntropy(inside, labels, logits, options.axis);
}

Output SparseSoftmaxCrossEntropyWithLogits(At at, Output labels, Output logits) {
  const char* const op = "SparseSoftmaxCrossEntropyWithLogits";
  const At inside = at.Composite(op);
  if (!Given(inside, labels, logits) || !NoScalar(inside, logits) ||
      !SparseRanksOk(inside, labels.shape(), logits.shape()))
    return {};
  const DType dtype = logits.dtype();
  if (IsNarrow(dtype)) logits = ops::Cast(inside, logits, DType::kFloat);
  const At named = inside.Named(at.scope().op_name().empty() ? op : at.scope().op_name());
  if (logits.shape().rank() == 2) return ops::Cast(inside, named.Node(op, {logits, labels}), dtype);
  const Output rows = Rows(inside, logits);
  const Output flat = named.Node(op, {rows, ops::Reshape(inside, labels, {-1})});
  return ops::Cast(inside, ops::Reshape(inside, flat, ops::Shape(inside, labels)), dtype);
}

Output SigmoidCrossEntropyWithLogits(At at, Output labels, Output logits) {
  if (!Given(at, labels, logits) || !SameShape(at, labels, logits)) return {};
  return ops::SigmoidCrossEntropyWithLogits(at, labels, logits);
}

Output WeightedCrossEntropyWithLogits(At at, Output labels, Output logits, Output pos_weight) {
  const At inside = at.Composite("logistic_loss");
  if (!Given(inside, labels, logits) || !SameShape(inside, labels, logits)) return {};
  const Output one = ops::ConstOf(inside, logits.dtype(), 1);
  const auto times = [&](const Output& x, const Output& y) {
    return ops::Mul(inside.Named("mul"), x, y);
  };
  const auto minus = [&](const Output& x, const Output& y) {
    return ops::Sub(inside.Named("sub"), x, y);
  };
  const Output factor = ops::AddV2(inside.Named("add"), one, times(minus(pos_weight, one), labels));
  const Output negative = times(minus(one, labels), logits);
  const Output size = ops::Neg(inside, ops::Abs(inside, logits));
  const Output log = ops::Log1p(inside, ops::Exp(inside, size));
  const Output below = ops::Relu(inside, ops::Neg(inside, logits));
  const Output positive = times(factor, ops::AddV2(inside.Named("add"), log, below));
  return ops::AddV2(inside.AsScope(), negative, positive);
}

Output LogPoissonLoss(At at, Output targets, Output log_input,
                      const LogPoissonLossOptions& options) {
  const At inside = at.Composite("log_poisson_loss");
  if (!Given(inside, targets, log_input) || !SameShape(inside, targets, log_input)) return {};
  const Output product = ops::Mul(inside.Named("mul"), log_input, targets);
  const Output loss = ops::Sub(inside.Named("sub"), ops::Exp(inside, log_input), product);
  if (!options.compute_full_loss) return loss;
  return ops::AddV2(inside.Named("add"), loss, Stirling(inside, targets));
}

Output L2Normalize(At at, Output x, const std::vector<int64_t>& axes,
                   const L2NormalizeOptions& options) {
  const At inside = at.Composite("l2_normalize");
  if (!inside.ok() || x.empty()) return {};
  const Output sum = ops::Sum(inside, ops::Square(inside, x), axes, {.keep_dims = true});
  const Output least = ops::ConstOf(inside, x.dtype(), options.epsilon);
  const Output scale = ops::Rsqrt(inside, ops::Maximum(inside, sum, least));
  return ops::Mul(inside.AsScope(), x, scale);
}

}  // namespace sluice::nn
