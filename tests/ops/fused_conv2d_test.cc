// _FusedConv2D and _FusedDepthwiseConv2dNative by hand, their shapes and errors. (What they compute
// is tested below, in tests/ops/conv_kernel_test.cc, and through the rewrites.)
#include "ops/fused_conv2d.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;
using Strings = std::vector<std::string>;

OpTest Fused(const char* op, const Strings& fused_ops, int64_t num_args) {
  return OpTest(op)
      .Attr("strides", {1, 1, 1, 1})
      .Attr("padding", "VALID")
      .Attr("fused_ops", fused_ops)
      .Attr("num_args", num_args);
}

TEST(FusedConv2DTest, ByHand) {
  // The sums are 6 8 12 14.
  const auto conv = [](const Strings& fused_ops, int64_t num_args) {
    return Fused("_FusedConv2D", fused_ops, num_args)
        .Input({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9})
        .Input({2, 2, 1, 1}, {1, 0, 0, 1});
  };
  const TensorShape y = {1, 2, 2, 1};
  conv({}, 0).Expect(y, {6, 8, 12, 14});
  conv({"Relu6"}, 0).Expect(y, {6, 6, 6, 6});
  conv({"BiasAdd"}, 1).Input({1}, {-10}).Expect(y, {-4, -2, 2, 4});
  conv({"BiasAdd", "Relu"}, 1).Input({1}, {-10}).Expect(y, {0, 0, 2, 4});
  conv({"Add"}, 1).Input(y, {1, 2, 3, 4}).Expect(y, {7, 10, 15, 18});
  conv({"BiasAdd", "Add", "Relu"}, 2)
      .Input({1}, {-10})
      .Input(y, {1, 2, -3, 4})
      .Expect(y, {0, 0, 0, 8});
  conv({"BiasAdd", "LeakyRelu"}, 1)
      .Attr("leakyrelu_alpha", 0.5f)
      .Input({1}, {-10})
      .Expect(y, {-2, -1, 2, 4});
}

TEST(FusedConv2DTest, DepthwiseByHand) {
  Fused("_FusedDepthwiseConv2dNative", {"BiasAdd", "Relu"}, 1)
      .Input({1, 1, 2, 2}, {1, 2, 3, 4})
      .Input({1, 2, 2, 1}, {1, 10, 2, 20})  // channel 0: 1, 2; channel 1: 10, 20
      .Input({2}, {-8, -7})
      .Expect({1, 1, 1, 2}, {0, 93});
}

TEST(FusedConv2DTest, EmptyBatch) {
  Fused("_FusedConv2D", {"BiasAdd"}, 1)
      .Input({0, 3, 3, 1}, {})
      .Input({2, 2, 1, 1}, {1, 0, 0, 1})
      .Input({1}, {1})
      .Expect({0, 2, 2, 1}, {});
}

TEST(FusedConv2DTest, Errors) {
  const auto expect = [](const Strings& fused_ops, const std::vector<TensorShape>& args,
                         StatusCode code, const char* text) {
    OpTest test = Fused("_FusedConv2D", fused_ops, static_cast<int64_t>(args.size()))
                      .Input(Tensor::Zeros(DType::kFloat, {1, 3, 3, 1}))
                      .Input(Tensor::Zeros(DType::kFloat, {2, 2, 1, 5}));
    for (const TensorShape& shape : args) test.Input(Tensor::Zeros(DType::kFloat, shape));
    test.ExpectError(code, text);
  };
  const StatusCode invalid = StatusCode::kInvalidArgument;
  expect({"Relu", "BiasAdd"}, {{5}}, invalid, "in this order");
  expect({"Selu"}, {}, invalid, "got [Selu]");
  expect({"BiasAdd"}, {}, invalid, "take 1 args, got 0");
  expect({"BiasAdd"}, {{4}}, invalid, "are 5 and 4");
  expect({"BiasAdd"}, {{5, 1}}, invalid, "rank");
  expect({"Add"}, {{1, 2, 2, 4}}, invalid, "Dimensions must be equal");
  expect({"FusedBatchNorm"}, {{5}, {5}, {5}, {5}}, StatusCode::kUnimplemented, "FusedBatchNorm");
}

TEST(FusedConv2DTest, UnknownSizesAreLearntFromWhatIsAdded) {
  const Tensor any = Tensor::Zeros(DType::kFloat, {});
  const TensorShape got = Fused("_FusedConv2D", {"Add"}, 1)
                              .Input(any)
                              .Input(any)
                              .Input(any)
                              .InferShape({{-1, -1, 3, 2}, {2, 2, 2, 5}, {7, 4, 2, 5}})
                              .value();
  EXPECT_EQ(got, TensorShape({7, 4, 2, 5}));
}

}  // namespace
}  // namespace sluice
