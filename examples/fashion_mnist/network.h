// The network of the example.
#ifndef SLUICE_EXAMPLES_FASHION_MNIST_NETWORK_H_
#define SLUICE_EXAMPLES_FASHION_MNIST_NETWORK_H_

#include "graph/output.h"
#include "graph/scope.h"

namespace sluice::examples {

// Images [batch, 28, 28, 1] -> logits [batch, 10]. `training`, a bool scalar, switches dropout. Its
// variables lie in the variable scope of `s`: called again with s.WithReuse(), it makes a second
// tower that shares them.
Output Classifier(Scope s, Output images, Output training);

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FASHION_MNIST_NETWORK_H_
