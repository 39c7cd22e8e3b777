// Bit operations on integers of every width, signed and unsigned. No gradient passes.
#ifndef SLUICE_OPS_BITWISE_H_
#define SLUICE_OPS_BITWISE_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Elementwise with numpy's broadcasting, as the ops of binary.h.
Output BitwiseAnd(At at, Output x, Output y);
Output BitwiseOr(At at, Output x, Output y);
Output BitwiseXor(At at, Output x, Output y);
// x shifted by y bits; y is clamped to [0, number of bits - 1].
Output LeftShift(At at, Output x, Output y);
// Signed types keep their sign: -5 >> 1 is -3.
Output RightShift(At at, Output x, Output y);

Output Invert(At at, Output x);           // all bits flipped
Output PopulationCount(At at, Output x);  // how many bits are set, uint8

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BITWISE_H_
