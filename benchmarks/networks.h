// The networks that workloads.cc measures, as a user of the library writes them. Sizes and layers
// stand in the builders; README.md tells what a run of one is.
#ifndef SLUICE_BENCHMARKS_NETWORKS_H_
#define SLUICE_BENCHMARKS_NETWORKS_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "core/tensor_shape.h"
#include "graph/output.h"
#include "graph/scope.h"

namespace sluice::benchmarks {

struct NetworkOptions {
  bool training = false;  // batch normalization with the batch's moments, and their updates
  int64_t side = 0;       // height and width of images, steps of a sequence; 0: the network's own
  int64_t divisor = 1;    // > 0: every number of channels or units but the classes' is divided by
                          // it, down to 1, for tests of the same network at a small size
};

// float32 inputs in, logits [batch, classes] out. Weights are normal with standard deviation
// sqrt(2 / fan in) in convolutions, sqrt(1 / fan in) elsewhere; biases 0, gamma 1, beta 0; batch
// normalization with epsilon 1e-3, momentum 0.9. "SAME" pads as TensorFlow's.
struct Network {
  std::string name;
  // Of one input, without the batch; `side` and `divisor` considered.
  TensorShape (*input)(const NetworkOptions& options);
  int64_t classes;
  int batch_axis;  // of the input: 1 for sequences, whose steps come first
  // Layers in `scope`. `x` is the input with its batch, whose size need not be known.
  Output (*logits)(Scope scope, Output x, const NetworkOptions& options);
  double flops;  // of the whole network's forward pass for one input: two per multiply-add
};

// mlp, lenet, mobilenet, resnet18, resnet50, lstm, sepconv, local2d.
absl::Span<const Network> Networks();

// What the builders share: `n / divisor`, at least 1.
int64_t Width(int64_t n, const NetworkOptions& options);

// networks_image.cc
Output MobileNet(Scope s, Output x, const NetworkOptions& options);
Output ResNet18(Scope s, Output x, const NetworkOptions& options);
Output ResNet50(Scope s, Output x, const NetworkOptions& options);

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_NETWORKS_H_
