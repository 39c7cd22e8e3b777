// The batch normalization of TensorFlow's first releases: mean and variance are inputs.
#ifndef SLUICE_OPS_GLOBAL_BATCH_NORM_H_
#define SLUICE_OPS_GLOBAL_BATCH_NORM_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// t [batch, height, width, depth], all others [depth], of floating types:
//   (t - m) / sqrt(v + variance_epsilon) [* gamma] + beta;
// gamma counts only with scale_after_normalization. (tf.nn.batch_norm_with_global_normalization)
Output BatchNormWithGlobalNormalization(At at, Output t, Output m, Output v, Output beta,
                                        Output gamma, float variance_epsilon,
                                        bool scale_after_normalization);

struct BatchNormWithGlobalNormalizationGradOutputs {
  Output dx;  // of t's shape
  Output dm;  // the others [depth]
  Output dv;
  Output db;
  Output dg;  // zeros without scale_after_normalization
};
// The gradients with respect to all inputs, for `backprop` of t's shape.
BatchNormWithGlobalNormalizationGradOutputs BatchNormWithGlobalNormalizationGrad(
    At at, Output t, Output m, Output v, Output gamma, Output backprop, float variance_epsilon,
    bool scale_after_normalization);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_GLOBAL_BATCH_NORM_H_
