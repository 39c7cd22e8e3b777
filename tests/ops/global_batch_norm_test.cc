#include "ops/global_batch_norm.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr char kOp[] = "BatchNormWithGlobalNormalization";

TEST(GlobalBatchNormTest, ByHand) {
  // (x - 1) / sqrt(3.75 + 0.25) * gamma + beta.
  OpTest(kOp)
      .Attr("variance_epsilon", 0.25f)
      .Attr("scale_after_normalization", true)
      .Input({1, 1, 2, 2}, {1, 3, 5, -1})
      .Input({2}, {1, 1})
      .Input({2}, {3.75, 3.75})
      .Input({2}, {10, 20})
      .Input({2}, {2, 4})
      .Expect({1, 1, 2, 2}, {10, 24, 14, 16});
  OpTest(kOp)
      .Attr("variance_epsilon", 0.25f)
      .Attr("scale_after_normalization", false)
      .Input({1, 1, 1, 2}, {1, 3})
      .Input({2}, {1, 1})
      .Input({2}, {3.75, 3.75})
      .Input({2}, {10, 20})
      .Input({2}, {2, 4})
      .Expect({1, 1, 1, 2}, {10, 21});
}

std::vector<Tensor> Inputs(DType dtype, int64_t depth) {
  return {RandomTensor(dtype, {2, 3, 2, depth}, 1), RandomTensor(dtype, {depth}, 2),
          RandomTensor(dtype, {depth}, 3, 0.5, 2), RandomTensor(dtype, {depth}, 4),
          RandomTensor(dtype, {depth}, 5)};
}

TEST(GlobalBatchNormTest, Gradients) {
  for (const bool scale : {true, false}) {
    OpTest test(kOp);
    test.Attr("variance_epsilon", 0.125f).Attr("scale_after_normalization", scale);
    test.Inputs(Inputs(DType::kDouble, 3)).CheckGradient();
  }
}

TEST(GlobalBatchNormTest, FloatAndHalfAgreeWithDouble) {
  for (const DType dtype : {DType::kFloat, DType::kHalf}) {
    std::vector<Tensor> narrow = Inputs(dtype, 19), wide;
    for (const Tensor& t : narrow)
      wide.push_back(FromDoubles(DType::kDouble, t.shape(), ToDoubles(t)));
    for (const char* op : {kOp, "BatchNormWithGlobalNormalizationGrad"}) {
      std::vector<Tensor> a = narrow, b = wide;
      if (op != kOp) {  // t, m, v, gamma, backprop
        a[4] = a[0];
        b[4] = b[0];
      }
      auto run = [&](const std::vector<Tensor>& inputs) {
        return OpTest(op)
            .Attr("variance_epsilon", 0.125f)
            .Attr("scale_after_normalization", true)
            .Inputs(inputs)
            .Run();
      };
      const auto got = run(a), want = run(b);
      ASSERT_THAT(got, IsOk());
      ASSERT_THAT(want, IsOk());
      const double tolerance = dtype == DType::kFloat ? 1e-5 : 1e-2;
      for (size_t i = 0; i < got->size(); ++i) {
        EXPECT_EQ((*got)[i].dtype(), dtype);
        ExpectClose(FromDoubles(DType::kDouble, (*got)[i].shape(), ToDoubles((*got)[i])),
                    (*want)[i], {tolerance, tolerance});
      }
    }
  }
}

TEST(GlobalBatchNormTest, Errors) {
  std::vector<Tensor> inputs = Inputs(DType::kFloat, 3);
  inputs[2] = RandomTensor(DType::kFloat, {2});
  OpTest(kOp)
      .Attr("variance_epsilon", 0.1f)
      .Attr("scale_after_normalization", true)
      .Inputs(inputs)
      .ExpectError(absl::StatusCode::kInvalidArgument, "");
  inputs = Inputs(DType::kInt32, 3);
  OpTest(kOp)
      .Attr("variance_epsilon", 0.1f)
      .Attr("scale_after_normalization", true)
      .Inputs(inputs)
      .ExpectError(absl::StatusCode::kUnimplemented, "no kernel for dtype int32");
}

}  // namespace
}  // namespace sluice
