// Normalization with given moments (tf.nn.batch_normalization).
#ifndef SLUICE_LAYERS_NN_NORMALIZATION_H_
#define SLUICE_LAYERS_NN_NORMALIZATION_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::nn {

// What is to be done with x; all broadcast against it and are of its dtype.
struct BatchNormalizationOptions {
  Output mean = {};      // required
  Output variance = {};  // required
  Output offset = {};    // beta; empty: 0
  Output scale = {};     // gamma; empty: 1
  double variance_epsilon = 1e-3;
};
// (x - mean) / sqrt(variance + variance_epsilon) * scale + offset, computed as x * f + (offset -
// mean * f). Nodes in a scope "batchnorm".
Output BatchNormalization(At at, Output x, const BatchNormalizationOptions& options);

}  // namespace sluice::nn

#endif  // SLUICE_LAYERS_NN_NORMALIZATION_H_
