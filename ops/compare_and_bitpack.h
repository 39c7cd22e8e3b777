// CompareAndBitpack: eight comparisons in a byte.
#ifndef SLUICE_OPS_COMPARE_AND_BITPACK_H_
#define SLUICE_OPS_COMPARE_AND_BITPACK_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// y[..., j] = the bits input[..., 8j + k] > threshold, k = 0 the highest; uint8. bool, half, float,
// double, int8 to int64; bools are packed as they are, whatever the threshold. The last dimension
// must be a multiple of 8 and the threshold a scalar: InvalidArgument. No gradient.
Output CompareAndBitpack(At at, Output input, Output threshold);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_COMPARE_AND_BITPACK_H_
