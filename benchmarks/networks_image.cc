// The networks for images of 224x224: MobileNet (Howard et al. 2017), ResNet-18 and -50 (He et al.
// 2015, with the stride on the 3x3 convolution).
#include "benchmarks/networks.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

Initializer HeNormal() {
  return initializers::VarianceScaling(
      {.scale = 2, .distribution = initializers::Distribution::kUntruncatedNormal});
}

Output Conv(Scope s, Output x, int64_t filters, int64_t kernel, int64_t stride) {
  return layers::Conv2D(s, x,
                        {.filters = filters,
                         .kernel_size = kernel,
                         .strides = stride,
                         .padding = Padding::kSame,
                         .use_bias = false,
                         .kernel_initializer = HeNormal()});
}

Output Norm(Scope s, Output x, const NetworkOptions& options) {
  return layers::BatchNormalization(
      s, x, {.momentum = 0.9, .epsilon = 1e-3, .training = options.training});
}

Output Logits(Scope s, Output x) {
  x = layers::GlobalAveragePooling2D(s, x);
  return layers::Dense(
      s, x,
      {.units = 1000,
       .kernel_initializer = initializers::VarianceScaling(
           {.scale = 1, .distribution = initializers::Distribution::kUntruncatedNormal}),
       .name = "logits"});
}

// A 3x3 filter per channel, then a 1x1 convolution that mixes the channels.
Output SeparableBlock(Scope s, Output x, int64_t filters, int64_t stride,
                      const NetworkOptions& options) {
  x = layers::DepthwiseConv2D(
      s, x,
      {.kernel_size = 3,
       .strides = stride,
       .padding = Padding::kSame,
       .use_bias = false,
       .depthwise_initializer = initializers::RandomNormal(0, std::sqrt(2.0 / 9))});
  x = ops::Relu6(s, Norm(s, x, options));
  x = Conv(s, x, filters, 1, 1);
  return ops::Relu6(s, Norm(s, x, options));
}

// The input itself, or a 1x1 convolution of it where the shape changes.
Output Shortcut(Scope s, Output x, int64_t filters, int64_t stride, const NetworkOptions& options) {
  if (stride == 1 && x.shape().dim(3) == filters) return x;
  return Norm(s, Conv(s, x, filters, 1, stride), options);
}

Output BasicBlock(Scope s, Output x, int64_t width, int64_t stride, const NetworkOptions& options) {
  Output y = ops::Relu(s, Norm(s, Conv(s, x, width, 3, stride), options));
  y = Norm(s, Conv(s, y, width, 3, 1), options);
  return ops::Relu(s, y + Shortcut(s.VariableScope("shortcut"), x, width, stride, options));
}

Output Bottleneck(Scope s, Output x, int64_t width, int64_t stride, const NetworkOptions& options) {
  Output y = ops::Relu(s, Norm(s, Conv(s, x, width, 1, 1), options));
  y = ops::Relu(s, Norm(s, Conv(s, y, width, 3, stride), options));
  y = Norm(s, Conv(s, y, 4 * width, 1, 1), options);
  return ops::Relu(s, y + Shortcut(s.VariableScope("shortcut"), x, 4 * width, stride, options));
}

using Block = Output (*)(Scope, Output, int64_t, int64_t, const NetworkOptions&);

// Four stages of `blocks` blocks each; all but the first begin with a stride of 2.
Output ResNet(Scope s, Output x, const NetworkOptions& options, Block block,
              const int (&blocks)[4]) {
  x = ops::Relu(s, Norm(s, Conv(s, x, Width(64, options), 7, 2), options));
  x = layers::MaxPooling2D(s, x, {.pool_size = 3, .strides = 2, .padding = Padding::kSame});
  for (int stage = 0; stage < 4; ++stage) {
    const int64_t width = Width(int64_t{64} << stage, options);
    for (int i = 0; i < blocks[stage]; ++i) {
      const Scope scope = s.VariableScope(absl::StrCat("stage", stage + 1, "_block", i + 1));
      x = block(scope, x, width, stage > 0 && i == 0 ? 2 : 1, options);
    }
  }
  return Logits(s, x);
}

}  // namespace

Output MobileNet(Scope s, Output x, const NetworkOptions& options) {
  static constexpr struct {
    int64_t filters, stride;
  } kBlocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                 {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
  x = ops::Relu6(s, Norm(s, Conv(s, x, Width(32, options), 3, 2), options));
  int i = 0;
  for (const auto& block : kBlocks) {
    x = SeparableBlock(s.VariableScope(absl::StrCat("block", ++i)), x,
                       Width(block.filters, options), block.stride, options);
  }
  return Logits(s, x);
}

Output ResNet18(Scope s, Output x, const NetworkOptions& options) {
  return ResNet(s, x, options, BasicBlock, {2, 2, 2, 2});
}

Output ResNet50(Scope s, Output x, const NetworkOptions& options) {
  return ResNet(s, x, options, Bottleneck, {3, 4, 6, 3});
}

}  // namespace sluice::benchmarks
