// Samples of normal distributions cut to an interval.
#ifndef SLUICE_OPS_PARAMETERIZED_TRUNCATED_NORMAL_H_
#define SLUICE_OPS_PARAMETERIZED_TRUNCATED_NORMAL_H_

#include <cstdint>
#include <optional>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// A tensor of shape `shape` (a vector of one dimension at least). Row b holds samples of the normal
// distribution of mean means[b] and deviation stdevs[b], given that they lie in [minvals[b],
// maxvals[b]]. Parameters are half, bfloat16, float32 or float64, scalars or vectors of length 1 or
// shape[0]. InvalidArgument ~ "Invalid parameters" unless stdev > 0, minval < maxval, and one bound
// is finite. (tf.random.truncated_normal's general form)
Output ParameterizedTruncatedNormal(At at, Ints shape, Output means, Output stdevs, Output minvals,
                                    Output maxvals, std::optional<int64_t> seed = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_PARAMETERIZED_TRUNCATED_NORMAL_H_
