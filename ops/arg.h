// Positions of extremes: ArgMax, ArgMin.
#ifndef SLUICE_OPS_ARG_H_
#define SLUICE_OPS_ARG_H_

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct ArgMaxOptions {
  DType output_type = DType::kInt64;  // or kInt32
};
// Where along `dimension` (a number, negative from the end, or a tensor) the largest element of
// real numbers is; the first of equals. A NaN counts as the largest (ArgMin: the smallest), the
// first of them wins. InvalidArgument for a dimension outside the rank, and for one of size 0
// unless the result is empty too. No gradient passes.
Output ArgMax(At at, Output input, Ints dimension, const ArgMaxOptions& options = {});
Output ArgMin(At at, Output input, Ints dimension, const ArgMaxOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_ARG_H_
