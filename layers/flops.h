// What an op costs.
#ifndef SLUICE_LAYERS_FLOPS_H_
#define SLUICE_LAYERS_FLOPS_H_

#include <cstdint>

#include "graph/node.h"

namespace sluice::layers {

// Floating-point operations of one run of `node` as its op tells (OpSpec::Flops), two per
// multiply-add, as TensorFlow's profiler counts them (tensorflow/python/framework/graph_util, the
// "flops" statistics): contractions (convolutions, depthwise, transposed and locally connected
// ones, matrix products), elementwise functions (1 per element, Softmax 5, SquaredDifference 2),
// pooling (window times outputs), reductions (1 per input element). The batch normalizations, which
// the profiler leaves out, count 2 per element: a scale and a shift. An unknown dimension, such as
// the batch, counts as 1. 0 for ops that compute nothing or do not tell, and for unknown ranks.
int64_t Flops(const Node& node);

// Whether the op multiplies its input with weights: a convolution or a matrix product.
bool IsContraction(const Node& node);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_FLOPS_H_
