// Activations: Relu and its relatives, and their gradients.
//
// Each maps a tensor element by element and keeps shape and dtype. half, bfloat16, float, double;
// Relu and Relu6 also the integers. A builder is an activation as layers take it: {.activation =
// ops::Relu}.
#ifndef SLUICE_OPS_RELU_H_
#define SLUICE_OPS_RELU_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

Output Relu(At at, Output features);      // max(x, 0)
Output Relu6(At at, Output features);     // min(max(x, 0), 6)
Output Elu(At at, Output features);       // x where x >= 0, else e^x - 1
Output Selu(At at, Output features);      // scale * (x where x >= 0, else alpha * (e^x - 1))
Output Softplus(At at, Output features);  // ln(1 + e^x)
Output Softsign(At at, Output features);  // x / (1 + |x|)

struct LeakyReluOptions {
  float alpha = 0.2f;
};
Output LeakyRelu(At at, Output features);  // x where x > 0, else 0.2 x
Output LeakyRelu(At at, Output features,
                 LeakyReluOptions options);  // x where x > 0, else alpha * x

// Gradients: `gradients` times the derivative. TensorFlow's ops take the activation's output for
// Elu and Selu, its input for LeakyRelu, Softplus and Softsign, either for Relu and Relu6. At 0
// (and at 6) Relu and Relu6 have derivative 0.
Output ReluGrad(At at, Output gradients, Output features);
Output Relu6Grad(At at, Output gradients, Output features);
Output EluGrad(At at, Output gradients, Output outputs);
Output SeluGrad(At at, Output gradients, Output outputs);
Output SoftplusGrad(At at, Output gradients, Output features);
Output SoftsignGrad(At at, Output gradients, Output features);
Output LeakyReluGrad(At at, Output gradients, Output features, LeakyReluOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RELU_H_
