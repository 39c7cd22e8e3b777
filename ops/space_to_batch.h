// Blocks of space moved to the batch, and back.
#ifndef SLUICE_OPS_SPACE_TO_BATCH_H_
#define SLUICE_OPS_SPACE_TO_BATCH_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// `input` [batch, space..., rest...] has m >= 1 space dimensions, as many as `block_shape` (int32
// or int64 vector, >= 1) has entries. Each is padded with zeros as `paddings` [m, 2] says (as
// numbers: row by row) and cut into blocks, which must fit exactly; the place in the block moves to
// the front of the batch:
//   y[(o * batch + n), s..., r...] = padded[n, s * block_shape + o, r...]
// Any dtype. Gradient: BatchToSpaceND of dy.
Output SpaceToBatchND(At at, Output input, Ints block_shape, Ints paddings);
// The inverse: crops [m, 2] elements are dropped at the ends. Gradient: SpaceToBatchND of dy.
Output BatchToSpaceND(At at, Output input, Ints block_shape, Ints crops);

// The same for [batch, height, width, depth] and square blocks.
Output SpaceToBatch(At at, Output input, Ints paddings, int64_t block_size);
Output BatchToSpace(At at, Output input, Ints crops, int64_t block_size);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPACE_TO_BATCH_H_
