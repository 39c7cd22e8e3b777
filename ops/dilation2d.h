// Grayscale dilation: Dilation2D and its gradients.
#ifndef SLUICE_OPS_DILATION2D_H_
#define SLUICE_OPS_DILATION2D_H_

#include <cstdint>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/padding.h"

namespace sluice::ops {

// input [batch, height, width, depth], filter [rows, columns, depth] of one real type:
//   y[b, i, j, c] = max over r, s of input[b, i * stride + r * rate, j * stride + s * rate, c] +
//                   filter[r, s, c],
// where pixels beyond the edges take no part. strides and rates are {1, rows, columns, 1}.
// InvalidArgument where they are not, or depths differ. Gradient: to the first maximum.
// (tf.nn.dilation2d)
Output Dilation2D(At at, Output input, Output filter, const std::vector<int64_t>& strides,
                  const std::vector<int64_t>& rates, Padding padding);

// Of input's shape: each out_backprop added to the pixel that was the maximum.
Output Dilation2DBackpropInput(At at, Output input, Output filter, Output out_backprop,
                               const std::vector<int64_t>& strides,
                               const std::vector<int64_t>& rates, Padding padding);
// Of filter's shape.
Output Dilation2DBackpropFilter(At at, Output input, Output filter, Output out_backprop,
                                const std::vector<int64_t>& strides,
                                const std::vector<int64_t>& rates, Padding padding);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_DILATION2D_H_
