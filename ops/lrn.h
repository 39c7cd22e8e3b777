// Local response normalization: LRN, LRNGrad.
#ifndef SLUICE_OPS_LRN_H_
#define SLUICE_OPS_LRN_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct LRNOptions {
  int64_t depth_radius = 5;
  float bias = 1;
  float alpha = 1;
  float beta = 0.5f;
};

// input [batch, height, width, depth] of half, bfloat16 or float:
//   y[.., d] = x[.., d] / (bias + alpha * sum(x[.., d - depth_radius ... d + depth_radius]^2))^beta
// (Krizhevsky et al. 2012; tf.nn.local_response_normalization)
Output LRN(At at, Output input, const LRNOptions& options = {});

// Its gradient: of the input's shape. output_image is what LRN made of input_image.
Output LRNGrad(At at, Output input_grads, Output input_image, Output output_image,
               const LRNOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_LRN_H_
