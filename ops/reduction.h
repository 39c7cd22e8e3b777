// Reductions over axes: Sum, Mean, Prod, Max, Min, All, Any, EuclideanNorm, and
// tf.reduce_logsumexp.
#ifndef SLUICE_OPS_REDUCTION_H_
#define SLUICE_OPS_REDUCTION_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct ReductionOptions {
  bool keep_dims = false;  // reduced dimensions stay, as 1
};

// `axes` is a number, a list or an int32/int64 tensor; negative ones count from the end; an empty
// list copies the input. InvalidArgument for an axis outside the input's rank and for one given
// twice. Floating sums are gathered in double and do not depend on the number of threads. Numbers
// are half, bfloat16, float, double, all integers, complex64 and complex128.
//
// Sum of numbers; integers wrap. Of nothing: 0. Gradient: dy for every element.
Output Sum(At at, Output input, Ints axes, const ReductionOptions& options = {});
// Sum / count; of integers towards zero. Of nothing: NaN, or 0 for integers. Gradient: dy / count
// for every element.
Output Mean(At at, Output input, Ints axes, const ReductionOptions& options = {});
// Product of numbers. Of nothing: 1. Gradient: dy times the product of the other elements, exact
// where there are zeros; needs a known rank.
Output Prod(At at, Output input, Ints axes, const ReductionOptions& options = {});
// Maximum of real numbers; NaN where there is one. Of nothing: -infinity, or the lowest integer.
// Gradient: dy to the largest element; ties share it equally.
Output Max(At at, Output input, Ints axes, const ReductionOptions& options = {});
// Minimum, likewise.
Output Min(At at, Output input, Ints axes, const ReductionOptions& options = {});
// Are all (is any) of the bools true? Of nothing: true (false).
Output All(At at, Output input, Ints axes, const ReductionOptions& options = {});
Output Any(At at, Output input, Ints axes, const ReductionOptions& options = {});
// sqrt(sum of squares) of floating types. Gradient: dy * x / y.
Output EuclideanNorm(At at, Output input, Ints axes, const ReductionOptions& options = {});

// tf.reduce_sum(x) and so on, over all axes: tf.range(rank) where the rank is known only when
// running.
Ints AllAxes(At at, const Output& input);

// log(sum(exp(x))) without overflow: the maximum is taken out first (tf.reduce_logsumexp). Nodes in
// a scope "ReduceLogSumExp".
Output ReduceLogSumExp(At at, Output input, Ints axes, const ReductionOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_REDUCTION_H_
