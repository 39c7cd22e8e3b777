#include "benchmarks/networks.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "layers/shape_from.h"
#include "ops/block_lstm.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

Initializer Normal(double scale) {
  return initializers::VarianceScaling(
      {.scale = scale, .distribution = initializers::Distribution::kUntruncatedNormal});
}

Output Dense(Scope s, Output x, int64_t units, Activation activation = {}) {
  return layers::Dense(s, x,
                       {.units = units, .activation = activation, .kernel_initializer = Normal(1)});
}

Output ConvRelu(Scope s, Output x, int64_t filters, int64_t kernel) {
  return layers::Conv2D(s, x,
                        {.filters = filters,
                         .kernel_size = kernel,
                         .padding = Padding::kSame,
                         .activation = ops::Relu,
                         .kernel_initializer = Normal(2)});
}

Output Mlp(Scope s, Output x, const NetworkOptions& options) {
  x = Dense(s, x, Width(1024, options), ops::Relu);
  x = Dense(s, x, Width(1024, options), ops::Relu);
  return Dense(s, x, 10);
}

Output LeNet(Scope s, Output x, const NetworkOptions& options) {
  x = ConvRelu(s, x, Width(32, options), 5);
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  x = ConvRelu(s, x, Width(64, options), 5);
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  x = Dense(s, layers::Flatten(s, x), Width(1024, options), ops::Relu);
  return Dense(s, x, 10);
}

// x [steps, batch, inputs]. The fused cell for the whole sequence, from a zero state; the forget
// gate's bias is 1, as everywhere in TensorFlow.
Output Lstm(Scope s, Output x, const NetworkOptions& options) {
  const int64_t steps = x.shape().dim(0), inputs = x.shape().dim(2), units = Width(256, options);
  const Scope cell = s.VariableScope("lstm_fused_cell");
  const Variable kernel =
      GetVariable(cell, "kernel", {.shape = {inputs + units, 4 * units}, .initializer = Normal(1)});
  const Variable bias =
      GetVariable(cell, "bias", {.shape = {4 * units}, .initializer = initializers::Zeros()});
  const Output state = ops::Zeros(cell, layers::ShapeFrom(cell, x, {layers::Dim::Of(1), units}));
  const Output no_peephole = ops::Zeros(cell, {units});
  const Output h =
      ops::BlockLSTM(cell, ops::Const(cell, steps), x, state, state, kernel, no_peephole,
                     no_peephole, no_peephole, bias, {.forget_bias = 1, .cell_clip = 0})
          .h;
  const Output last = ops::StridedSlice(s, h, {-1}, {0}, {1}, {.shrink_axis_mask = 1});
  return Dense(s, last, 10);
}

Output SeparableRelu(Scope s, Output x, int64_t filters) {
  return layers::SeparableConv2D(
      s, x,
      {.filters = filters,
       .kernel_size = 3,
       .strides = 2,
       .padding = Padding::kSame,
       .activation = ops::Relu,
       .depthwise_initializer = initializers::RandomNormal(0, std::sqrt(2.0 / 9)),
       .pointwise_initializer = Normal(2)});
}

Output SepConv(Scope s, Output x, const NetworkOptions& options) {
  x = ConvRelu(s, x, Width(32, options), 3);
  x = SeparableRelu(s, x, Width(64, options));
  x = SeparableRelu(s, x, Width(128, options));
  return Dense(s, layers::GlobalAveragePooling2D(s, x), 10);
}

Output Local2d(Scope s, Output x, const NetworkOptions& options) {
  const double fan_in = 9.0 * static_cast<double>(x.shape().dim(3));
  x = layers::LocallyConnected2D(
      s, x,
      {.filters = Width(16, options),
       .kernel_size = 3,
       .activation = ops::Relu,
       .kernel_initializer = initializers::RandomNormal(0, std::sqrt(2 / fan_in))});
  return Dense(s, layers::GlobalAveragePooling2D(s, x), 10);
}

int64_t Side(int64_t own, const NetworkOptions& options) {
  return options.side > 0 ? options.side : own;
}
template <int64_t kSide, int64_t kChannels>
TensorShape Image(const NetworkOptions& options) {
  return {Side(kSide, options), Side(kSide, options), kChannels};
}
TensorShape Row(const NetworkOptions&) { return {784}; }
TensorShape Sequence(const NetworkOptions& options) {
  return {Side(50, options), Width(256, options)};
}

}  // namespace

int64_t Width(int64_t n, const NetworkOptions& options) {
  return std::max<int64_t>(1, n / options.divisor);
}

absl::Span<const Network> Networks() {
  static const auto* const networks =
      new std::vector<Network>{{"mlp", Row, 10, 0, Mlp, 3.72e6},
                               {"lenet", Image<28, 1>, 10, 0, LeNet, 27.8e6},
                               {"mobilenet", Image<224, 3>, 1000, 0, MobileNet, 1.137e9},
                               {"resnet18", Image<224, 3>, 1000, 0, ResNet18, 3.63e9},
                               {"resnet50", Image<224, 3>, 1000, 0, ResNet50, 8.18e9},
                               {"lstm", Sequence, 10, 1, Lstm, 52.4e6},
                               {"sepconv", Image<32, 3>, 10, 0, SepConv, 4.1e6},
                               {"local2d", Image<32, 8>, 10, 0, Local2d, 2.07e6}};
  return *networks;
}

}  // namespace sluice::benchmarks
