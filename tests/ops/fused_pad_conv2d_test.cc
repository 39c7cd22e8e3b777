#include "ops/fused_pad_conv2d.h"

#include "graph/graph.h"
#include "graph/scope.h"
#include "ops/all_ops.h"
#include "ops/conv2d.h"
#include "ops/pad.h"
#include "ops/resize.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

OpTest Fused(const char* op, const char* mode, std::initializer_list<int64_t> strides,
             const char* padding) {
  OpTest test(op);
  return test.Attr("mode", mode).Attr("strides", strides).Attr("padding", padding);
}

TEST(FusedPadConv2DTest, ByHand) {
  // [1, 2, 3] reflected to [2, 1, 2, 3, 2], sums of neighbours.
  Fused("FusedPadConv2D", "REFLECT", {1, 1, 1, 1}, "VALID")
      .Input({1, 1, 3, 1}, {1, 2, 3})
      .Input<int32_t>({4, 2}, {0, 0, 0, 0, 1, 1, 0, 0})
      .Input({1, 2, 1, 1}, {1, 1})
      .Expect({1, 1, 4, 1}, {3, 3, 5, 5});
  Fused("FusedPadConv2D", "SYMMETRIC", {1, 1, 1, 1}, "VALID")
      .Input({1, 1, 3, 1}, {1, 2, 3})
      .Input<int32_t>({4, 2}, {0, 0, 0, 0, 2, 1, 0, 0})
      .Input({1, 2, 1, 1}, {1, 1})
      .Expect({1, 1, 5, 1}, {3, 2, 3, 5, 6});
  // [1, 3] resized to [1, 2, 3, 3].
  Fused("FusedResizeAndPadConv2D", "REFLECT", {1, 1, 1, 1}, "VALID")
      .Input({1, 1, 2, 1}, {1, 3})
      .Input<int32_t>({2}, {1, 4})
      .Input<int32_t>({4, 2}, {0, 0, 0, 0, 0, 0, 0, 0})
      .Input({1, 1, 1, 1}, {2})
      .Expect({1, 1, 4, 1}, {2, 4, 6, 6});
}

// The three ops one after the other.
Tensor Composite(const Tensor& x, bool align, const char* mode, const Tensor& filter,
                 std::vector<int64_t> strides, Padding padding) {
  Graph graph(ops::Builtin());
  const Scope s = Scope::Root(graph);
  const Output resized = ops::ResizeBilinear(s, ops::Const(s, x), {7, 6}, {.align_corners = align});
  const Output padded = ops::MirrorPad(
      s, resized, ops::Const<int32_t>(s, {0, 0, 1, 3, 2, 0, 0, 0}, {4, 2}), {.mode = mode});
  const Output y =
      ops::Conv2D(s, padded, ops::Const(s, filter), {.strides = strides, .padding = padding});
  auto session = Session::Create(graph);
  EXPECT_THAT(session, IsOk());
  auto values = session->Run({}, {y});
  EXPECT_THAT(values, IsOk());
  return (*values)[0];
}

TEST(FusedPadConv2DTest, IsItsThreeParts) {
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf}) {
    const Tensor x = RandomTensor(dtype, {2, 4, 5, 3}), filter = RandomTensor(dtype, {3, 2, 3, 4});
    const Tensor wide_x = FromDoubles(DType::kFloat, x.shape(), ToDoubles(x));
    const Tensor wide_filter = FromDoubles(DType::kFloat, filter.shape(), ToDoubles(filter));
    for (const char* mode : {"REFLECT", "SYMMETRIC"}) {
      for (const Padding padding : {Padding::kValid, Padding::kSame}) {
        const Tensor want =
            Composite(wide_x, mode[0] == 'R', mode, wide_filter, {1, 2, 1, 1}, padding);
        const double tolerance = dtype == DType::kHalf ? 1e-2 : 1e-4;
        Fused("FusedResizeAndPadConv2D", mode, {1, 2, 1, 1}, PaddingName(padding).c_str())
            .Attr("resize_align_corners", mode[0] == 'R')
            .Input(x)
            .Input<int32_t>({2}, {7, 6})
            .Input<int32_t>({4, 2}, {0, 0, 1, 3, 2, 0, 0, 0})
            .Input(filter)
            .Expect(FromDoubles(dtype, want.shape(), ToDoubles(want)), {tolerance, tolerance});
      }
    }
  }
}

TEST(FusedPadConv2DTest, Errors) {
  const auto pad = [](std::initializer_list<int32_t> paddings, const TensorShape& filter) {
    return Fused("FusedPadConv2D", "REFLECT", {1, 1, 1, 1}, "VALID")
        .Input({1, 2, 2, 1}, {1, 2, 3, 4})
        .Input(Tensor::Of<int32_t>({4, 2}, paddings))
        .Input(Tensor::Zeros(DType::kFloat, filter));
  };
  pad({0, 0, 2, 0, 0, 0, 0, 0}, {1, 1, 1, 1})
      .ExpectError(StatusCode::kInvalidArgument, "no greater than the dimension size");
  pad({0, 0, -1, 0, 0, 0, 0, 0}, {1, 1, 1, 1}).ExpectError(StatusCode::kInvalidArgument, "less");
  pad({1, 0, 0, 0, 0, 0, 0, 0}, {1, 1, 1, 1}).ExpectError(StatusCode::kInvalidArgument, "batch");
  pad({0, 0, 0, 0, 0, 0, 0, 0}, {1, 1, 2, 1})
      .ExpectError(StatusCode::kInvalidArgument, "same depth: 1 vs 2");
  pad({0, 0, 0, 0, 0, 0, 0, 0}, {3, 1, 1, 1})
      .ExpectError(StatusCode::kInvalidArgument, "Negative dimension");
  Fused("FusedPadConv2D", "REFLECT", {1, 0, 1, 1}, "VALID")
      .Input({1, 1, 1, 1}, {1})
      .Input<int32_t>({4, 2}, {0, 0, 0, 0, 0, 0, 0, 0})
      .Input({1, 1, 1, 1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Stride");
}

}  // namespace
}  // namespace sluice
