// Gradients through numpy's broadcasting: an operand that was repeated gets the sum over its
// repetitions.
#ifndef SLUICE_OPS_BROADCAST_GRADIENT_H_
#define SLUICE_OPS_BROADCAST_GRADIENT_H_

#include <utility>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Axes of the broadcast of shapes s0 and s1 (int32 or int64 vectors) over which the gradient of
// either operand must be summed: r0, r1. Empty for both where the shapes are equal. InvalidArgument
// when they do not fit each other. No gradient.
struct BroadcastGradientArgsOutputs {
  Output r0, r1;
};
BroadcastGradientArgsOutputs BroadcastGradientArgs(At at, Output s0, Output s1);

// Gradients gx, gy of the shape of x broadcast with y, brought to the shapes of x and y (an empty
// one stays empty). Static shapes give the sums directly, and nothing at all where nothing was
// repeated; otherwise nodes Shape, BroadcastGradientArgs, Sum, Reshape, as in TensorFlow.
std::vector<Output> SumToShapes(At at, const Output& x, const Output& y, Output gx, Output gy);
// The same for one operand x of a broadcast whose result (or its gradient) is `result`.
Output SumToShape(At at, const Output& x, const Output& result, Output gx);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BROADCAST_GRADIENT_H_
