// The distinct elements of a vector; the elements of one vector that another lacks.
#ifndef SLUICE_OPS_UNIQUE_H_
#define SLUICE_OPS_UNIQUE_H_

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct UniqueOptions {
  DType out_idx = DType::kInt32;  // or kInt64
};

// {y, idx}: the distinct elements of vector `x` in the order of their first appearance, and for
// each element of x its position in y. Real numbers (two NaN are distinct), bool, strings. How many
// there are is known only after the run.
Outputs Unique(At at, Output x, const UniqueOptions& options = {});
// {y, idx, count}: also how often each occurs.
Outputs UniqueWithCounts(At at, Output x, const UniqueOptions& options = {});
// The same for slices of `x` along dimension `axis` (empty: x is a vector), which are equal when
// all their elements are.
Outputs UniqueV2(At at, Output x, Ints axis, const UniqueOptions& options = {});
Outputs UniqueWithCountsV2(At at, Output x, Ints axis, const UniqueOptions& options = {});
// {out, idx}: the elements of vector `x` that do not occur in vector `y`, in order and with
// repetitions, and their positions in x. (tf.setdiff1d)
Outputs ListDiff(At at, Output x, Output y, const UniqueOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_UNIQUE_H_
