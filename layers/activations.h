// Activations that are made of several ops or take arguments (tf.keras.activations, tf.nn; rule
// LY-8). Those that are one op are in ops/relu.h and ops/unary.h. All keep x's shape, unless said
// otherwise, and take half, bfloat16, float and double. Those of (At, Output) can be given to a
// layer: {.activation = activations::Swish}.
#ifndef SLUICE_LAYERS_ACTIVATIONS_H_
#define SLUICE_LAYERS_ACTIVATIONS_H_

#include <cstdint>
#include <optional>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::activations {

Output Linear(At at, Output x);       // x
Output HardSigmoid(At at, Output x);  // clip(0.2 x + 0.5, 0, 1)
Output Swish(At at, Output x);        // x * sigmoid(x) (Ramachandran et al. 2017)

struct CreluOptions {
  int64_t axis = -1;
};
// max([x, -x], 0), joined along `axis`, which doubles (Shang et al. 2016; tf.nn.crelu). Nodes in a
// scope "CRelu".
Output Crelu(At at, Output x);
Output Crelu(At at, Output x, const CreluOptions& options);

struct SoftmaxOptions {
  int64_t axis = -1;
};
// exp(x) / sum of exp(x) along `axis`. Rank >= 2: InvalidArgument ~ "Cannot apply softmax to a
// tensor that is 1D" otherwise, as Keras (ops::Softmax takes rank 1 too), or for an axis that x
// lacks.
Output Softmax(At at, Output x);
Output Softmax(At at, Output x, const SoftmaxOptions& options);

// tf.keras.activations.relu:
//   max_value                for x >= max_value,
//   x                        for threshold <= x < max_value,
//   alpha * (x - threshold)  below.
struct ReluOptions {
  double alpha = 0;
  std::optional<double> max_value = {};  // empty: no bound
  double threshold = 0;
};
Output Relu(At at, Output x, const ReluOptions& options);

struct EluOptions {
  double alpha = 1;
};
// x for x > 0, else alpha * (e^x - 1). (tf.keras.activations.elu)
Output Elu(At at, Output x, const EluOptions& options);

}  // namespace sluice::activations

#endif  // SLUICE_LAYERS_ACTIVATIONS_H_
