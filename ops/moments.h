// Mean and variance: tf.nn.moments.
#ifndef SLUICE_OPS_MOMENTS_H_
#define SLUICE_OPS_MOMENTS_H_

#include <cstdint>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct MomentsOptions {
  bool keep_dims = false;
};
struct MomentsOutputs {
  Output mean, variance;
};
// Mean and (biased) variance of x, of a floating type, over `axes`: variance = mean of (x -
// mean)^2; no gradient goes through the mean there, where it would be zero. half and bfloat16 are
// computed in float32. Nodes "moments/mean", "moments/SquaredDifference", "moments/variance",
// "moments/Squeeze" ...
MomentsOutputs Moments(At at, Output x, const std::vector<int64_t>& axes,
                       const MomentsOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_MOMENTS_H_
