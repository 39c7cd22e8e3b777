#include "ops/add_n.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

TEST(AddNTest, ByHand) {
  OpTest("AddN")
      .Input({2}, {1, 2})
      .Input({2}, {10, 20})
      .Input({2}, {100, 200})
      .Expect({2}, {111, 222});
  OpTest("AddN")
      .Input<int32_t>({}, {INT32_MAX})
      .Input<int32_t>({}, {1})
      .Expect<int32_t>({}, {INT32_MIN});
  OpTest("AddN").Input({2}, {1, 2}).Expect({2}, {1, 2});
  OpTest("AddN").Input({0, 2}, {}).Input({0, 2}, {}).Expect({0, 2}, {});
  OpTest("AccumulateNV2")
      .Attr("shape", TensorShape({2}))
      .Input({2}, {1, 2})
      .Input({2}, {10, 20})
      .Expect({2}, {11, 22});
}

TEST(AddNTest, MatchesLoopOverTilesAndThreads) {
  for (int64_t n : {1, 17, 2048, 2049, 50001}) {
    for (DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf}) {
      std::vector<Tensor> inputs;
      std::vector<double> sum(n);
      for (int k = 0; k < 5; ++k) {
        inputs.push_back(RandomTensor(dtype, {n}, k));
        const std::vector<double> values = ToDoubles(inputs.back());
        for (int64_t i = 0; i < n; ++i) sum[i] += values[i];
      }
      OpTest("AddN").Inputs(inputs).Expect(FromDoubles(dtype, {n}, sum));
    }
  }
}

TEST(AddNTest, TheSameInputTwice) {
  const Tensor x = RandomTensor(DType::kFloat, {3}, 1);
  std::vector<double> twice = ToDoubles(x);
  for (double& v : twice) v *= 2;
  OpTest("AddN").Input(x).Input(x).Expect(FromDoubles(DType::kFloat, {3}, twice));
}

TEST(AddNTest, RejectsOtherShapes) {
  OpTest("AddN")
      .Input({2}, {1, 2})
      .Input({3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "From merging shape 0 with other shapes");
  OpTest("AddN").Input({1}, {1}).Input({}, {1}).ExpectError(absl::StatusCode::kInvalidArgument, "");
  OpTest("AccumulateNV2")
      .Attr("shape", TensorShape({3}))
      .Input({2}, {1, 2})
      .ExpectError(absl::StatusCode::kInvalidArgument, "3");
}

TEST(AddNTest, GradientIsNumeric) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 3}, 1),
               y = RandomTensor(DType::kDouble, {2, 3}, 2);
  OpTest("AddN").Input(x).Input(y).Input(x).CheckGradient();
  OpTest("AccumulateNV2").Attr("shape", TensorShape({2, 3})).Input(x).Input(y).CheckGradient();
}

}  // namespace
}  // namespace sluice
