#include "ops/multinomial.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/random.h"
#include "graph/evaluate.h"
#include "ops/all_ops.h"
#include "tests/testing/op_test.h"
#include "tests/testing/statistics.h"

namespace sluice {
namespace {

using absl::StatusCode;

constexpr float kInf = std::numeric_limits<float>::infinity();

absl::StatusOr<std::vector<Tensor>> Draw(const Tensor& logits, int32_t samples, int64_t seed,
                                         DType output = DType::kInt64, int threads = 1) {
  EvaluateOptions options;
  options.threads = threads;
  return EvaluateOp(
      *ops::Builtin().Find("Multinomial"),
      {{"T", logits.dtype()}, {"output_dtype", output}, {"seed", seed}, {"seed2", int64_t{5}}},
      {logits, Tensor::Scalar(samples)}, options);
}

TEST(MultinomialTest, FrequenciesAreTheProbabilities) {
  // Probabilities .1 .2 .3 .4 and, not normalized, .5 0 .25 .25.
  const std::vector<double> logits = {std::log(.1), std::log(.2), std::log(.3), std::log(.4),
                                      std::log(50), -1e30,        std::log(25), std::log(25)};
  const std::vector<std::vector<double>> expected = {{2000, 4000, 6000, 8000},
                                                     {10000, 0, 5000, 5000}};
  for (const DType dtype : {DType::kFloat, DType::kDouble}) {
    for (const DType output : {DType::kInt32, DType::kInt64}) {
      const auto out = Draw(FromDoubles(dtype, {2, 4}, logits), 20000, 3, output, 2);
      ASSERT_THAT(out, IsOk());
      ASSERT_EQ((*out)[0].shape(), (TensorShape{2, 20000}));
      ASSERT_EQ((*out)[0].dtype(), output);
      const std::vector<double> classes = ToDoubles((*out)[0]);
      for (int row = 0; row < 2; ++row) {
        std::vector<double> counts(4, 0), seen, wanted;
        for (int i = 0; i < 20000; ++i) ++counts.at(static_cast<size_t>(classes[row * 20000 + i]));
        for (int c = 0; c < 4; ++c) {
          if (expected[row][c] == 0) {
            EXPECT_EQ(counts[c], 0);
            continue;
          }
          seen.push_back(counts[c]);
          wanted.push_back(expected[row][c]);
        }
        EXPECT_LT(ChiSquare(seen, wanted), ChiSquareBound(seen.size()));
      }
    }
  }
}

TEST(MultinomialTest, RowsAndColumnsAreIndependentAndRepeatable) {
  const Tensor even = Tensor::Zeros(DType::kFloat, {2, 2});
  const auto out = Draw(even, 4000, 3), again = Draw(even, 4000, 3, DType::kInt64, 4);
  ASSERT_THAT(out, IsOk());
  EXPECT_TRUE(BitEqual((*out)[0], again.value()[0]));
  EXPECT_FALSE(BitEqual((*out)[0], Draw(even, 4000, 4).value()[0]));
  // All four pairs of neighbours, and of rows, are equally likely.
  const std::vector<double> c = ToDoubles((*out)[0]);
  std::vector<double> neighbours(4, 0), rows(4, 0);
  for (int i = 0; i < 4000; ++i) {
    if (i % 2 == 0) ++neighbours[static_cast<size_t>(2 * c[i] + c[i + 1])];
    ++rows[static_cast<size_t>(2 * c[i] + c[4000 + i])];
  }
  EXPECT_LT(ChiSquare(neighbours, {500, 500, 500, 500}), ChiSquareBound(4));
  EXPECT_LT(ChiSquare(rows, {1000, 1000, 1000, 1000}), ChiSquareBound(4));
}

// Class j where the number lies between the running sums j - 1 and j.
TEST(StatelessMultinomialTest, LooksUpTheStreamsNumbers) {
  const Philox::Block mix = Philox(0x02461e293ec8f720, 9)(8);
  const Philox philox(mix[0] | uint64_t{mix[1]} << 32, mix[2] | uint64_t{mix[3]} << 32);
  std::vector<int64_t> want;
  for (uint64_t k = 0; k < 10; ++k) {
    const Philox::Block b = philox(k / 2);
    const double u = (uint64_t{b[k % 2 * 2] & 0xfffff} << 32 | b[k % 2 * 2 + 1]) / 0x1p52;
    // Row 0: probabilities 1/4, 3/4; row 1: 1/2, 1/2.
    want.push_back(u < (k < 5 ? .25 : .5) ? 0 : 1);
  }
  OpTest("StatelessMultinomial")
      .Input({2, 2}, {0, std::log(3.0f), 1, 1})
      .Input<int32_t>({}, {5})
      .Input<int64_t>({2}, {8, 9})
      .Expect(Tensor::Of<int64_t>({2, 5}, want));
}

TEST(StatelessMultinomialTest, OnlyFiniteLogitsCount) {
  const auto all_are = [](std::initializer_list<float> logits, int64_t want) {
    OpTest("StatelessMultinomial")
        .Input({1, 3}, logits)
        .Input<int32_t>({}, {4})
        .Input<int32_t>({2}, {1, 2})
        .Expect<int64_t>({1, 4}, {want, want, want, want});
  };
  all_are({-kInf, 5, -kInf}, 1);
  all_are({NAN, kInf, -300}, 2);
  all_are({1e30f, 0, 0}, 0);
  all_are({NAN, NAN, kInf}, 3);  // TensorFlow's answer when there is nothing to choose
}

TEST(StatelessMultinomialTest, HalfAndEmpty) {
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    OpTest("StatelessMultinomial")
        .Attr("output_dtype", DType::kInt32)
        .Input(FromDoubles(dtype, {1, 2}, {-100, 100}))
        .Input<int32_t>({}, {2})
        .Input<int64_t>({2}, {1, 2})
        .Expect<int32_t>({1, 2}, {1, 1});
  }
  OpTest("StatelessMultinomial")
      .Input({0, 2}, {})
      .Input<int32_t>({}, {3})
      .Input<int64_t>({2}, {1, 2})
      .Expect<int64_t>({0, 3}, {});
  OpTest("StatelessMultinomial")
      .Input({2, 1}, {1, 1})
      .Input<int32_t>({}, {0})
      .Input<int64_t>({2}, {1, 2})
      .Expect<int64_t>({2, 0}, {});
}

TEST(MultinomialTest, Errors) {
  const auto multinomial = [](const Tensor& logits, const Tensor& samples) {
    return OpTest("Multinomial").Input(logits).Input(samples);
  };
  const Tensor logits = Tensor::Zeros(DType::kFloat, {2, 2});
  multinomial(logits, Tensor::Scalar(-1))
      .ExpectError(StatusCode::kInvalidArgument, "num_samples should be nonnegative, got -1");
  multinomial(Tensor::Zeros(DType::kFloat, {2}), Tensor::Scalar(1))
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 2 but is rank 1");
  multinomial(logits, Tensor::Of<int32_t>({1}, {1}))
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 0 but is rank 1");
  multinomial(Tensor::Zeros(DType::kFloat, {2, 0}), Tensor::Scalar(1))
      .ExpectError(StatusCode::kInvalidArgument, "num_classes should be positive, got 0");
  multinomial(Tensor::Zeros(DType::kInt32, {2, 2}), Tensor::Scalar(1))
      .ExpectError(StatusCode::kUnimplemented, "int32");
  OpTest("StatelessMultinomial")
      .Input(logits)
      .Input<int32_t>({}, {1})
      .Input<int64_t>({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "seed must have shape [2], not [1]");
}

}  // namespace
}  // namespace sluice
