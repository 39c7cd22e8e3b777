// RaggedRange: ranges of different lengths, one after the other.
#ifndef SLUICE_OPS_RAGGED_RANGE_H_
#define SLUICE_OPS_RAGGED_RANGE_H_

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct RaggedRangeOptions {
  DType Tsplits = DType::kInt64;  // or kInt32
};
// {rt_nested_splits, rt_dense_values}: row i holds starts[i], starts[i] + deltas[i], ... before
// limits[i] and lies at [splits[i], splits[i + 1]) of the values. Each input is a vector or a
// scalar for all rows. bfloat16, float, double, int32, int64. InvalidArgument "Requires delta !=
// 0", "starts, limits, and deltas must have the same shape".
Outputs RaggedRange(At at, Output starts, Output limits, Output deltas,
                    const RaggedRangeOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RAGGED_RANGE_H_
