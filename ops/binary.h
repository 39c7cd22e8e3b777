// Elementwise functions of two tensors of one dtype, with numpy's broadcasting: shapes are aligned
// at their last dimensions, and a dimension of 1 (or none) is repeated. InvalidArgument
// ("Dimensions must be equal, but are 3 and 4") where they do not fit.
//
// "Numbers" are half, bfloat16 (both computed in float32), float, double, int8 to int64, uint8,
// uint16, complex64, complex128. Integer results that do not fit wrap around; integer division by
// zero is InvalidArgument, the smallest integer / -1 is itself. Gradients are TensorFlow's: the
// derivative, summed over what was repeated (broadcast_gradient.h).
#ifndef SLUICE_OPS_BINARY_H_
#define SLUICE_OPS_BINARY_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

Output Add(At at, Output x, Output y);       // x + y of numbers; joins strings
Output AddV2(At at, Output x, Output y);     // x + y of numbers: what operator+ and tf.add build
Output Sub(At at, Output x, Output y);       // x - y of numbers
Output Mul(At at, Output x, Output y);       // x * y of numbers
Output Div(At at, Output x, Output y);       // Python 2's: x / y, of integers towards zero
Output RealDiv(At at, Output x, Output y);   // x / y of floating and complex types
Output FloorDiv(At at, Output x, Output y);  // floor(x / y) of real numbers. No gradient passes
Output TruncateDiv(At at, Output x,
                   Output y);  // x / y without its fraction, of real numbers. No gradient passes
Output FloorMod(At at, Output x, Output y);     // x - floor(x / y) * y: the sign of y, Python's %
Output Mod(At at, Output x, Output y);          // x - trunc(x / y) * y: the sign of x, C's %
Output TruncateMod(At at, Output x, Output y);  // the same
Output Pow(At at, Output x, Output y);  // x^y of floating and complex types, int32, int64 (y < 0:
                                        // InvalidArgument). Gradient to y: 0 for x <= 0
Output Maximum(
    At at, Output x,
    Output y);  // of real types; NaN where either is. Gradient goes to x where x >= y, else to y
Output Minimum(At at, Output x, Output y);  // the same the other way round: to x where x <= y
Output SquaredDifference(At at, Output x, Output y);  // (x - y)^2; without complex conjugation
Output DivNoNan(At at, Output x,
                Output y);  // x / y, 0 where y is 0; floating and complex types, as the next three
Output MulNoNan(At at, Output x, Output y);  // x * y, 0 where y is 0, even if x is NaN
Output Xdivy(At at, Output x, Output y);     // x / y, 0 where x is 0
Output Xlogy(At at, Output x, Output y);     // x * log(y), 0 where x is 0
Output Atan2(At at, Output y, Output x);     // the angle of the point (x, y), of floating types

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BINARY_H_
