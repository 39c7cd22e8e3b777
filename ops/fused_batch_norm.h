// Batch normalization of images, in training and inference, and its gradient.
#ifndef SLUICE_OPS_FUSED_BATCH_NORM_H_
#define SLUICE_OPS_FUSED_BATCH_NORM_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct FusedBatchNormOptions {
  float epsilon = 0.0001f;
  std::string data_format = "NHWC";  // or "NCHW"
  bool is_training = true;
};

// x [batch, height, width, channels] (NCHW: [batch, channels, height, width]), the others
// [channels]; float32.
//   y = (x - m) * scale / sqrt(v + epsilon) + offset
// Training: m and v are the mean and biased variance of x over all but channels; inputs mean and
// variance are not looked at (TensorFlow passes empty ones). Else they are inputs mean and
// variance. Outputs: y; batch_mean (m); batch_variance (training: v * n / (n - 1), Bessel's
// correction, rule LY-3; n values per channel, n - 1 counted as 1 for n = 1); reserve_space_1 (m)
// and reserve_space_2 (v) for the gradient. With an empty x in training the statistics are NaN.
// InvalidArgument ~ "Dimensions must be equal" for other sizes.
Outputs FusedBatchNorm(At at, Output x, Output scale, Output offset, Output mean, Output variance,
                       FusedBatchNormOptions options = {});
// x and y may be half or bfloat16 beside statistics in float; the arithmetic is in float.
Outputs FusedBatchNormV2(At at, Output x, Output scale, Output offset, Output mean, Output variance,
                         FusedBatchNormOptions options = {});
// Also gives reserve_space_3, a scalar that nothing looks at.
Outputs FusedBatchNormV3(At at, Output x, Output scale, Output offset, Output mean, Output variance,
                         FusedBatchNormOptions options = {});

// Gradients with respect to x, scale and offset, then two empty vectors. Training: reserve_space_1
// and 2 are the forward op's; else they are its mean and variance inputs.
Outputs FusedBatchNormGrad(At at, Output y_backprop, Output x, Output scale, Output reserve_space_1,
                           Output reserve_space_2, FusedBatchNormOptions options = {});
Outputs FusedBatchNormGradV2(At at, Output y_backprop, Output x, Output scale,
                             Output reserve_space_1, Output reserve_space_2,
                             FusedBatchNormOptions options = {});
Outputs FusedBatchNormGradV3(At at, Output y_backprop, Output x, Output scale,
                             Output reserve_space_1, Output reserve_space_2, Output reserve_space_3,
                             FusedBatchNormOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FUSED_BATCH_NORM_H_
