#include "ops/top_k.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(TopKTest, ByHand) {
  const Tensor x = Tensor::Of<float>({2, 4}, {1, 4, 2, 3, 7, 7, 7, 9});
  const Tensor values = Tensor::Of<float>({2, 2}, {4, 3, 9, 7}),
               indices = Tensor::Of<int32_t>({2, 2}, {1, 3, 3, 0});
  OpTest("TopKV2").Input(x).Input<int32_t>({}, {2}).ExpectAll({values, indices});
  OpTest("TopK").Attr("k", 2).Input(x).ExpectAll({values, indices});
  OpTest("TopKV2")
      .Attr("sorted", false)
      .Input<int32_t>({3}, {5, -1, 5})
      .Input<int32_t>({}, {1})
      .ExpectAll({Tensor::Of<int32_t>({1}, {5}), Tensor::Of<int32_t>({1}, {0})});
}

TEST(TopKTest, NothingAndEverything) {
  OpTest("TopKV2")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input<int32_t>({}, {0})
      .ExpectAll({Tensor::Of<float>({2, 0}, {}), Tensor::Of<int32_t>({2, 0}, {})});
  OpTest("TopKV2")
      .Input({0, 3}, {})
      .Input<int32_t>({}, {2})
      .ExpectAll({Tensor::Of<float>({0, 2}, {}), Tensor::Of<int32_t>({0, 2}, {})});
  OpTest("TopKV2")
      .Input({3}, {2, 3, 1})
      .Input<int32_t>({}, {3})
      .ExpectAll({Tensor::Of<float>({3}, {3, 2, 1}), Tensor::Of<int32_t>({3}, {1, 0, 2})});
}

TEST(TopKTest, NanCountsAsLargest) {
  OpTest("TopKV2")
      .Input({5}, {1, kNan, kInf, kNan, -kInf})
      .Input<int32_t>({}, {5})
      .ExpectAll({Tensor::Of<float>({5}, {kNan, kNan, kInf, 1, -kInf}),
                  Tensor::Of<int32_t>({5}, {1, 3, 2, 0, 4})});
}

TEST(TopKTest, MatchesSort) {
  for (DType dtype : {DType::kFloat, DType::kDouble, DType::kInt32, DType::kUint8, DType::kHalf}) {
    for (int64_t k : {1, 5, 37}) {
      const Tensor x = RandomTensor(dtype, {50, 37}, 1, 0, 30);  // many ties
      const std::vector<double> v = ToDoubles(x);
      std::vector<double> values, indices;
      for (int64_t row = 0; row < 50; ++row) {
        std::vector<int> order(37);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](int a, int b) { return v[row * 37 + a] > v[row * 37 + b]; });
        for (int64_t i = 0; i < k; ++i) {
          values.push_back(v[row * 37 + order[i]]);
          indices.push_back(order[i]);
        }
      }
      OpTest("TopKV2")
          .Input(x)
          .Input<int32_t>({}, {static_cast<int32_t>(k)})
          .ExpectAll(
              {FromDoubles(dtype, {50, k}, values), FromDoubles(DType::kInt32, {50, k}, indices)});
    }
  }
}

TEST(TopKTest, RejectsBadK) {
  const Tensor x = Tensor::Of<float>({2}, {1, 2});
  OpTest("TopKV2").Input(x).Input<int32_t>({}, {-1}).ExpectError(absl::StatusCode::kInvalidArgument,
                                                                 "Need k >= 0, got -1");
  OpTest("TopKV2").Input(x).Input<int32_t>({}, {3}).ExpectError(
      absl::StatusCode::kInvalidArgument, "input must have at least k columns. Had 2, needed 3");
  OpTest("TopK").Attr("k", 3).Input(x).ExpectError(absl::StatusCode::kInvalidArgument,
                                                   "Had 2, needed 3");
  OpTest("TopK").Attr("k", -1).Input(x).ExpectError(absl::StatusCode::kInvalidArgument, "k");
  OpTest("TopKV2").Input({}, {1}).Input<int32_t>({}, {0}).ExpectError(
      absl::StatusCode::kInvalidArgument, "Shape must be at least rank 1 but is rank 0");
}

TEST(TopKTest, GradientIsNumeric) {
  OpTest("TopKV2")
      .Input(LadderTensor(DType::kDouble, {2, 2, 4}, 3))
      .Input<int32_t>({}, {2})
      .CheckGradient();
  OpTest("TopK").Attr("k", 1).Input(LadderTensor(DType::kDouble, {4}, 3)).CheckGradient();
}

TEST(InTopKTest, ByHand) {
  const Tensor x = Tensor::Of<float>({3, 4}, {0.1f, 0.4f, 0.2f, 0.3f, 1, 1, 1, 1, 4, 3, 2, 1});
  const Tensor targets = Tensor::Of<int32_t>({3}, {3, 2, 2});
  OpTest("InTopK").Attr("k", 1).Input(x).Input(targets).Expect<bool>({3}, {false, true, false});
  OpTest("InTopK").Attr("k", 2).Input(x).Input(targets).Expect<bool>({3}, {true, true, false});
  OpTest("InTopKV2")
      .Input(x)
      .Input<int64_t>({3}, {3, 2, 2})
      .Input<int64_t>({}, {3})
      .Expect<bool>({3}, {true, true, true});
  OpTest("InTopK").Attr("k", 0).Input(x).Input(targets).Expect<bool>({3}, {false, false, false});
  OpTest("InTopK").Attr("k", 1).Input({0, 4}, {}).Input<int32_t>({0}, {}).Expect<bool>({0}, {});
}

TEST(InTopKTest, OddTargetsAndPredictionsAreMisses) {
  OpTest("InTopK")
      .Attr("k", 9)
      .Input({4, 2}, {1, 2, 1, 2, kNan, 2, 1, kInf})
      .Input<int32_t>({4}, {2, -1, 1, 0})
      .Expect<bool>({4}, {false, false, false, false});
  OpTest("InTopK")
      .Attr("k", 1)
      .Input({2, 2}, {1, 2, 1, 2})
      .Input<int32_t>({3}, {0, 0, 0})
      .ExpectError(absl::StatusCode::kInvalidArgument,
                   "First dimension of predictions 2 must match length of targets 3");
}

}  // namespace
}  // namespace sluice
