// Tile and BroadcastTo: a tensor repeated along its dimensions.
#ifndef SLUICE_OPS_TILE_H_
#define SLUICE_OPS_TILE_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// `input` repeated multiples[i] >= 0 times along dimension i. `multiples` is an int32 or int64
// vector with an entry per dimension. Any dtype. Gradient: the sum of dy over the repetitions.
Output Tile(At at, Output input, Ints multiples);

// `input` broadcast to `shape` by numpy's rules: dimensions are compared from the last, those of
// size 1 (or missing at the front) are repeated. InvalidArgument when the shapes do not fit. Any
// dtype. Gradient: the sum of dy over what was repeated.
Output BroadcastTo(At at, Output input, Ints shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TILE_H_
