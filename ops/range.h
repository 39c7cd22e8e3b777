// Range and LinSpace: numbers at equal distances.
#ifndef SLUICE_OPS_RANGE_H_
#define SLUICE_OPS_RANGE_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// start, start + delta, start + 2 * delta, ... before `limit`: a vector of ceil((limit - start) /
// delta) numbers. Scalars of one dtype: int32, int64, float, double, half, bfloat16.
// InvalidArgument when delta is 0 or leads away from limit. (tf.range)
Output Range(At at, Ints start, Ints limit, Ints delta);

// `num` >= 1 numbers from `start` to `stop`, both included: half, bfloat16, float, double.
// (tf.linspace)
Output LinSpace(At at, Output start, Output stop, Ints num);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RANGE_H_
