#include "ops/pool_v2.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"
#include "tests/testing/pool_reference.h"

namespace sluice {
namespace {

const PoolCase kCases[] = {
    {"tiles", {2, 6, 4, 5}, {2, 3, 2, 5}, {1, 2, 2, 1}, {1, 2, 2, 1}},
    {"overlapping_same", {1, 7, 6, 3}, {1, 4, 3, 3}, {1, 3, 3, 1}, {1, 2, 2, 1}, {1, 0}, "SAME"},
    {"stride_larger_than_window", {1, 7, 8, 2}, {1, 3, 3, 2}, {1, 1, 2, 1}, {1, 3, 3, 1}},
    {"nchw", {2, 3, 6, 4}, {2, 3, 3, 2}, {1, 1, 2, 2}, {1, 1, 2, 2}, {0, 0}, "VALID", "NCHW"},
};

class PoolV2Test : public ::testing::TestWithParam<PoolCase> {
 protected:
  OpTest Op(const char* op, const std::vector<Tensor>& inputs, const char* file = __builtin_FILE(),
            int line = __builtin_LINE()) {
    const PoolCase& c = GetParam();
    OpTest test(op, file, line);
    test.Attr("padding", c.padding);
    if (!c.data_format.empty()) test.Attr("data_format", c.data_format);
    return std::move(test.Inputs(inputs).Input(SizesTensor(c.ksize)).Input(SizesTensor(c.strides)));
  }
};

TEST_P(PoolV2Test, MatchesPlainLoops) {
  const PoolCase& c = GetParam();
  for (const DType dtype : kPoolDTypes) {
    const Tensor x = Ties(dtype, c.input, 1), y = PooledMaxima(c, x),
                 dy = RandomTensor(dtype, c.output, 2, 0, 4),
                 grads = RandomTensor(dtype, c.input, 3, 0, 4);
    Op("MaxPoolV2", {x}).Expect(y);
    Op("MaxPoolGradV2", {x, y, dy}).Expect(AtFirstMaxima(c, x, dy));
    Op("MaxPoolGradGradV2", {x, y, grads}).Expect(OfFirstMaxima(c, x, grads));
  }
}

TEST_P(PoolV2Test, GradientsAreNumeric) {
  const PoolCase& c = GetParam();
  const Tensor x = LadderTensor(DType::kDouble, c.input, 3), y = PooledMaxima(c, x);
  GradientCheckOptions only_grad;
  only_grad.wrt = {2};
  Op("MaxPoolV2", {x}).CheckGradient();
  Op("MaxPoolGradV2", {x, y, RandomTensor(DType::kDouble, c.output, 4)}).CheckGradient(only_grad);
  Op("MaxPoolGradGradV2", {x, y, RandomTensor(DType::kDouble, c.input, 5)})
      .CheckGradient(only_grad);
}

INSTANTIATE_TEST_SUITE_P(All, PoolV2Test, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(PoolV2, ByHand) {
  OpTest("MaxPoolV2")
      .Attr("padding", "VALID")
      .Input({1, 2, 4, 1}, {1, 2, 3, 4, 8, 7, 6, 5})
      .Input<int32_t>({4}, {1, 2, 2, 1})
      .Input<int32_t>({4}, {1, 2, 2, 1})
      .Expect({1, 1, 2, 1}, {8, 6});
}

TEST(PoolV2, EmptyBatch) {
  OpTest("MaxPoolV2")
      .Attr("padding", "VALID")
      .Input({0, 2, 4, 1}, {})
      .Input<int32_t>({4}, {1, 2, 2, 1})
      .Input<int32_t>({4}, {1, 2, 2, 1})
      .Expect({0, 1, 2, 1}, {});
}

TEST(PoolV2Errors, Rejected) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const auto op = [](std::initializer_list<int32_t> ksize, std::initializer_list<int32_t> strides) {
    const auto vector = [](std::initializer_list<int32_t> v) {
      return Tensor::Of<int32_t>({static_cast<int64_t>(v.size())}, v);
    };
    return std::move(OpTest("MaxPoolV2")
                         .Attr("padding", "VALID")
                         .Input(RandomTensor(DType::kFloat, {1, 4, 4, 1}))
                         .Input(vector(ksize))
                         .Input(vector(strides)));
  };
  op({1, 0, 2, 1}, {1, 1, 1, 1}).ExpectError(kInvalid, "ksize must be > 0, but got 0");
  op({1, 2, 2, 1}, {1, 1, -1, 1}).ExpectError(kInvalid, "Stride must be > 0, but got -1");
  op({1, 2, 2}, {1, 1, 1, 1}).ExpectError(kInvalid, "must specify 4 dimensions, got 3");
  op({1, 5, 2, 1}, {1, 1, 1, 1}).ExpectError(kInvalid, "Negative dimension size");
  op({2, 2, 2, 1}, {1, 1, 1, 1})
      .ExpectError(absl::StatusCode::kUnimplemented, "not yet supported on the batch dimension");
  OpTest("MaxPoolGradV2")
      .Attr("padding", "VALID")
      .Inputs(std::vector<Tensor>(3, RandomTensor(DType::kFloat, {1, 4, 4, 1})))
      .Input<int32_t>({4}, {1, 2, 2, 1})
      .Input<int32_t>({4}, {1, 2, 2, 1})
      .ExpectError(kInvalid, "Dimensions must be equal");
}

TEST(PoolV2, UnknownSizes) {
  OpTest test("MaxPoolV2");
  test.Attr("padding", "VALID")
      .Input(RandomTensor(DType::kFloat, {1, 4, 4, 1}))
      .Input<int32_t>({4}, {1, 2, 2, 1})
      .Input<int32_t>({4}, {1, 2, 2, 1});
  EXPECT_EQ(*test.InferShape({{3, 4, 4, 1}, {4}, {4}}), TensorShape({3, -1, -1, -1}));
  EXPECT_EQ(*test.InferShape({{3, 4, 4, 1}, {4}, {4}}, {1, 2}), TensorShape({3, 2, 2, 1}));
}

}  // namespace
}  // namespace sluice
