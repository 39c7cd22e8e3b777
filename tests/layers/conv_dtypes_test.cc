// Every layer of convolutions in half, bfloat16 and float against itself in double, whose values
// the layers' own tests check.
#include "layers/conv.h"
#include "layers/conv_transpose.h"
#include "layers/depthwise_conv2d.h"
#include "layers/locally_connected.h"
#include "layers/separable_conv.h"
#include "tests/testing/program/layer_check.h"

namespace sluice::layers {
namespace {

Tensor As(const Tensor& t, DType dtype) {
  return FromDoubles(dtype, TensorShape(t.shape()), ToDoubles(t));
}

template <typename LayerT>
void ExpectSameInEveryType(const LayerT& layer, const TensorShape& input) {
  SCOPED_TRACE(layer.class_name());
  LayerT built = layer;
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  built(root, ops::Placeholder(root, DType::kDouble, input));
  ASSERT_THAT(graph.status(), IsOk());
  for (const DType dtype : {DType::kHalf, DType::kBfloat16, DType::kFloat}) {
    // Numbers that the type holds, so that only sums and products are rounded.
    const Tensor x = As(As(RandomTensor(DType::kDouble, input, 1), dtype), DType::kDouble);
    std::vector<Tensor> exact, rounded;
    for (const Variable& v : built.weights()) {
      rounded.push_back(As(RandomTensor(DType::kDouble, v.shape(), 2 + exact.size()), dtype));
      exact.push_back(As(rounded.back(), DType::kDouble));
    }
    const double tolerance = dtype == DType::kFloat ? 1e-5 : dtype == DType::kHalf ? 6e-3 : 5e-2;
    const Tensor got = RunLayer(layer, {As(x, dtype)}, rounded);
    EXPECT_EQ(got.dtype(), dtype);
    ExpectClose(As(got, DType::kDouble), RunLayer(layer, {x}, exact), {tolerance, tolerance});
  }
}

TEST(ConvDTypesTest, Convolutions) {
  ExpectSameInEveryType(Conv1DLayer({.filters = 2, .kernel_size = 2}), {2, 4, 2});
  ExpectSameInEveryType(Conv2DLayer({.filters = 2, .kernel_size = 2}), {2, 3, 4, 2});
  ExpectSameInEveryType(Conv3DLayer({.filters = 2, .kernel_size = 2}), {1, 2, 3, 3, 2});
}

TEST(ConvDTypesTest, TransposedConvolutions) {
  ExpectSameInEveryType(Conv2DTransposeLayer({.filters = 2, .kernel_size = 2}), {2, 3, 4, 2});
  ExpectSameInEveryType(Conv3DTransposeLayer({.filters = 2, .kernel_size = 2}), {1, 2, 3, 3, 2});
}

TEST(ConvDTypesTest, DepthwiseAndSeparableConvolutions) {
  ExpectSameInEveryType(DepthwiseConv2DLayer({.kernel_size = 2}), {2, 3, 4, 2});
  ExpectSameInEveryType(SeparableConv1DLayer({.filters = 2, .kernel_size = 2}), {2, 4, 2});
  ExpectSameInEveryType(SeparableConv2DLayer({.filters = 2, .kernel_size = 2}), {2, 3, 4, 2});
}

TEST(ConvDTypesTest, LocallyConnected) {
  for (const int64_t implementation : {1, 2, 3}) {
    const Padding padding = implementation == 1 ? Padding::kValid : Padding::kSame;
    ExpectSameInEveryType(
        LocallyConnected1DLayer(
            {.filters = 2, .kernel_size = 2, .padding = padding, .implementation = implementation}),
        {2, 4, 2});
    ExpectSameInEveryType(
        LocallyConnected2DLayer(
            {.filters = 2, .kernel_size = 2, .padding = padding, .implementation = implementation}),
        {2, 3, 4, 2});
  }
}

}  // namespace
}  // namespace sluice::layers
