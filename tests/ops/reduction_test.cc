#include "ops/reduction.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "tests/testing/interpreter.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct ReductionCase {
  const char* op;
  double first;  // the result of nothing
  double (*step)(double, double);
  double (*finish)(double, double);  // total, count
  double low, high;
  bool integers = true;
};

const ReductionCase kReductionCases[] = {
    {"Sum", 0, [](double a, double x) { return a + x; }, [](double a, double) { return a; }, -2, 2},
    {"Mean", 0, [](double a, double x) { return a + x; }, [](double a, double n) { return a / n; },
     -2, 2, false},
    {"Prod", 1, [](double a, double x) { return a * x; }, [](double a, double) { return a; }, 0.8,
     1.25, false},
    {"Max", -kInf, [](double a, double x) { return std::max(a, x); },
     [](double a, double) { return a; }, -2, 2},
    {"Min", kInf, [](double a, double x) { return std::min(a, x); },
     [](double a, double) { return a; }, -2, 2},
    {"EuclideanNorm", 0, [](double a, double x) { return a + x * x; },
     [](double a, double) { return std::sqrt(a); }, -2, 2, false},
};

// The slow twin: every element is added to the result that its kept indices name.
Tensor ReduceTwin(const ReductionCase& c, const Tensor& x, const std::vector<int>& axes,
                  bool keep_dims) {
  const std::vector<double> from = ToDoubles(x);
  TensorShape shape, kept;
  int64_t results = 1;
  std::vector<int64_t> steps(x.shape().rank(), 0);
  for (int i = x.shape().rank() - 1; i >= 0; --i) {
    if (std::find(axes.begin(), axes.end(), i) != axes.end()) continue;
    steps[i] = results;
    results *= x.dim(i);
  }
  for (int i = 0; i < x.shape().rank(); ++i) {
    const bool reduced = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (!reduced) shape.AddDim(x.dim(i));
    kept.AddDim(reduced ? 1 : x.dim(i));
  }
  std::vector<double> totals(results, c.first), counts(results, 0);
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t at = 0, rest = static_cast<int64_t>(i);
    for (int d = x.shape().rank() - 1; d >= 0; --d) {
      at += rest % x.dim(d) * steps[d];
      rest /= x.dim(d);
    }
    totals[at] = c.step(totals[at], from[i]);
    ++counts[at];
  }
  for (int64_t i = 0; i < results; ++i) totals[i] = c.finish(totals[i], counts[i]);
  return FromDoubles(x.dtype(), keep_dims ? kept : shape, totals);
}

Tensor Axes(const std::vector<int>& axes) {
  return Tensor::Of<int32_t>({static_cast<int64_t>(axes.size())}, absl::Span<const int32_t>(axes));
}

struct AxesCase {
  TensorShape shape;
  std::vector<int> axes;
};

// Last axis, first axis, middle, all, none, interleaved; sizes around the blocks of the kernel.
const AxesCase kAxesCases[] = {
    {{}, {}},
    {{5}, {0}},
    {{5}, {}},
    {{1}, {0}},
    {{4, 7}, {1}},
    {{4, 7}, {0}},
    {{4, 7}, {0, 1}},
    {{3, 4, 5}, {1}},
    {{3, 4, 5}, {0, 2}},
    {{3, 4, 5}, {1, 2}},
    {{2, 3, 2, 3, 2}, {1, 3}},
    {{2, 3, 2, 3, 2}, {0, 2, 4}},
    {{3, 1, 4}, {1}},
    {{1, 6, 1}, {0, 2}},
    {{3, 300}, {1}},
    {{300, 3}, {0}},
    {{2, 300, 2}, {1}},
    {{70, 600}, {0}},
    {{1000}, {0}},
    {{2, 3, 17}, {0, 2}},
};

class ReductionTest : public ::testing::TestWithParam<ReductionCase> {
 protected:
  void Check(DType dtype, const AxesCase& a, Tolerance tolerance = {}) const {
    const ReductionCase& c = GetParam();
    const Tensor x = RandomTensor(dtype, a.shape, 4, c.low, c.high);
    for (bool keep_dims : {false, true}) {
      OpTest(c.op)
          .Attr("keep_dims", keep_dims)
          .Input(x)
          .Input(Axes(a.axes))
          .Expect(ReduceTwin(c, x, a.axes, keep_dims), tolerance);
    }
  }
};

TEST_P(ReductionTest, MatchesTwin) {
  for (const AxesCase& a : kAxesCases) {
    for (DType dtype : kFloatDTypes) Check(dtype, a, {2e-6, 2e-5});  // sums may nearly cancel
  }
}

TEST_P(ReductionTest, NarrowTypesAreGatheredWide) {
  for (const AxesCase& a : kAxesCases) Check(DType::kHalf, a);
  Check(DType::kBfloat16, {{4, 70}, {1}});
}

TEST_P(ReductionTest, Integers) {
  if (!GetParam().integers) return;
  for (DType dtype : kIntegerDTypes) {
    for (const AxesCase& a : kAxesCases) {
      const Tensor x = RandomTensor(dtype, a.shape, 4, 0, 3);
      const bool of_nothing = x.num_elements() == 0;
      if (of_nothing || x.num_elements() > 100) continue;
      OpTest(GetParam().op)
          .Input(x)
          .Input(Axes(a.axes))
          .Expect(ReduceTwin(GetParam(), x, a.axes, false));
    }
  }
}

TEST_P(ReductionTest, LargeOnesInParallel) {
  for (const AxesCase& a :
       {AxesCase{{200003}, {0}}, AxesCase{{3000, 70}, {1}}, AxesCase{{40000, 5}, {0}},
        AxesCase{{500, 600}, {0}}, AxesCase{{8, 3, 9000}, {0, 2}}}) {
    // A product of so many numbers is 0 or infinite: take fewer.
    if (GetParam().op == std::string("Prod")) continue;
    Check(DType::kFloat, a, {2e-6, 1e-4});
  }
}

TEST_P(ReductionTest, Nothing) {
  for (bool keep_dims : {false, true}) {
    const Tensor x = Tensor::Zeros(DType::kFloat, {0, 3});
    OpTest(GetParam().op)
        .Attr("keep_dims", keep_dims)
        .Input(x)
        .Input(Axes({0}))
        .Expect(ReduceTwin(GetParam(), x, {0}, keep_dims));
    OpTest(GetParam().op)
        .Attr("keep_dims", keep_dims)
        .Input(x)
        .Input(Axes({1}))
        .Expect(ReduceTwin(GetParam(), x, {1}, keep_dims));
  }
}

TEST_P(ReductionTest, GradientIsNumeric) {
  const ReductionCase& c = GetParam();
  for (const AxesCase& a : {AxesCase{{2, 3}, {1}}, AxesCase{{2, 3}, {0}}, AxesCase{{2, 3}, {0, 1}},
                            AxesCase{{4}, {}}, AxesCase{{2, 3, 2}, {0, 2}}, AxesCase{{}, {}}}) {
    // A ladder: no ties, so that a small step does not change the winner.
    const Tensor x = LadderTensor(DType::kDouble, a.shape, 5, 0.5, 2);
    for (bool keep_dims : {false, true}) {
      OpTest(c.op).Attr("keep_dims", keep_dims).Input(x).Input(Axes(a.axes)).CheckGradient();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ReductionTest, ::testing::ValuesIn(kReductionCases),
                         [](const auto& info) { return std::string(info.param.op); });

TEST(ReductionTest, ByHand) {
  const Tensor x = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  OpTest("Sum").Input(x).Input<int32_t>({1}, {1}).Expect({2}, {6, 15});
  OpTest("Sum").Input(x).Input<int32_t>({}, {0}).Expect({3}, {5, 7, 9});
  OpTest("Sum").Input(x).Input<int64_t>({1}, {-1}).Expect({2}, {6, 15});
  OpTest("Mean")
      .Attr("keep_dims", true)
      .Input(x)
      .Input<int32_t>({2}, {0, -1})
      .Expect({1, 1}, {3.5f});
  OpTest("Prod").Input(x).Input<int32_t>({1}, {1}).Expect({2}, {6, 120});
  OpTest("Max").Input(x).Input<int32_t>({1}, {0}).Expect({3}, {4, 5, 6});
  OpTest("Min").Input(x).Input<int32_t>({2}, {1, 0}).Expect({}, {1});
  OpTest("EuclideanNorm").Input({2}, {3, -4}).Input<int32_t>({1}, {0}).Expect({}, {5});
}

TEST(ReductionTest, OfNothing) {
  const Tensor floats = Tensor::Zeros(DType::kFloat, {0}),
               ints = Tensor::Zeros(DType::kInt32, {2, 0});
  OpTest("Max").Input(floats).Input<int32_t>({1}, {0}).Expect({}, {-kInf});
  OpTest("Min").Input(floats).Input<int32_t>({1}, {0}).Expect({}, {kInf});
  OpTest("Mean").Input(floats).Input<int32_t>({1}, {0}).Expect({}, {kNan});
  OpTest("Max").Input(ints).Input<int32_t>({1}, {1}).Expect<int32_t>({2}, {INT32_MIN, INT32_MIN});
  OpTest("Mean").Input(ints).Input<int32_t>({1}, {1}).Expect<int32_t>({2}, {0, 0});
  OpTest("Prod").Input(ints).Input<int32_t>({1}, {1}).Expect<int32_t>({2}, {1, 1});
  OpTest("Sum").Input(ints).Input<int32_t>({1}, {0}).Expect<int32_t>({0}, {});
}

TEST(ReductionTest, NanReachesTheResult) {
  const Tensor x = Tensor::Of<float>({2, 3}, {1, kNan, 3, 4, 5, 6});
  for (const char* op : {"Max", "Min"}) {
    OpTest(op).Input(x).Input<int32_t>({1}, {1}).Expect({2}, {kNan, op[1] == 'a' ? 6.0f : 4.0f});
    OpTest(op).Input(x).Input<int32_t>({1}, {0}).Expect(
        {3}, {op[1] == 'a' ? 4.0f : 1.0f, kNan, op[1] == 'a' ? 6.0f : 3.0f});
  }
  OpTest("Max").Input({2}, {-kInf, -kInf}).Input<int32_t>({1}, {0}).Expect({}, {-kInf});
}

TEST(ReductionTest, IntegerMeanDoesNotWrap) {
  OpTest("Mean")
      .Input<int32_t>({2}, {2147483647, 2147483645})
      .Input<int32_t>({1}, {0})
      .Expect<int32_t>({}, {2147483646});
  OpTest("Mean").Input<int8_t>({3}, {-3, -4, -4}).Input<int32_t>({1}, {0}).Expect<int8_t>({}, {-3});
  OpTest("Mean")
      .Input<uint8_t>({2}, {255, 253})
      .Input<int32_t>({1}, {0})
      .Expect<uint8_t>({}, {254});
  OpTest("Sum")
      .Input<int32_t>({2}, {2147483647, 1})
      .Input<int32_t>({1}, {0})
      .Expect<int32_t>({}, {INT32_MIN});
  OpTest("Prod")
      .Input<int16_t>({2}, {-32768, -32768})
      .Input<int32_t>({1}, {0})
      .Expect<int16_t>({}, {0});
}

// 2^24 + 1 + 1 + ... is 2^24 when the ones are added to it in float.
TEST(ReductionTest, SumsDoNotLoseSmallTerms) {
  std::vector<float> values(100000, 1.0f);
  values[0] = 16777216;
  OpTest("Sum")
      .Input(Tensor::Of<float>({100000}, absl::Span<const float>(values)))
      .Input<int32_t>({1}, {0})
      .Expect({}, {16877216}, 1e-5);  // a few hundred float additions per lane
}

TEST(ReductionTest, Bools) {
  const Tensor x = Tensor::Of<bool>({2, 2}, {true, false, true, true});
  OpTest("All").Input(x).Input<int32_t>({1}, {1}).Expect<bool>({2}, {false, true});
  OpTest("Any").Input(x).Input<int32_t>({1}, {0}).Expect<bool>({2}, {true, true});
  OpTest("All")
      .Attr("keep_dims", true)
      .Input(x)
      .Input<int32_t>({2}, {0, 1})
      .Expect<bool>({1, 1}, {false});
  OpTest("All").Input<bool>({0}, {}).Input<int32_t>({1}, {0}).Expect<bool>({}, {true});
  OpTest("Any").Input<bool>({0}, {}).Input<int32_t>({1}, {0}).Expect<bool>({}, {false});
  OpTest("Any")
      .Input(RandomTensor(DType::kBool, {100}, 3))
      .Input<int32_t>({1}, {0})
      .Expect<bool>({}, {true});
}

TEST(ReductionTest, ComplexNumbers) {
  using C = std::complex<float>;
  const Tensor x = Tensor::Of<C>({2, 2}, {{1, 2}, {3, 4}, {0, 1}, {0, 1}});
  OpTest("Sum").Input(x).Input<int32_t>({1}, {1}).Expect<C>({2}, {{4, 6}, {0, 2}});
  OpTest("Mean").Input(x).Input<int32_t>({1}, {1}).Expect<C>({2}, {{2, 3}, {0, 1}});
  OpTest("Prod").Input(x).Input<int32_t>({1}, {1}).Expect<C>({2}, {{-5, 10}, {-1, 0}});
}

TEST(ReductionTest, RejectsBadAxes) {
  const Tensor x = Tensor::Zeros(DType::kFloat, {2, 3});
  OpTest("Sum").Input(x).Input<int32_t>({1}, {2}).ExpectError(
      absl::StatusCode::kInvalidArgument,
      "Invalid reduction dimension 2 for input with 2 dimension(s)");
  OpTest("Sum").Input(x).Input<int32_t>({1}, {-3}).ExpectError(absl::StatusCode::kInvalidArgument,
                                                               "dimension -3");
  OpTest("Max")
      .Input(x)
      .Input<int32_t>({2}, {1, -1})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Axes contains duplicate dimension: 1");
  OpTest("Mean")
      .Input(x)
      .Input<int32_t>({1, 1}, {0})
      .ExpectError(absl::StatusCode::kInvalidArgument, "rank");
  OpTest("Sum")
      .Input(Tensor::Zeros(DType::kFloat, {}))
      .Input<int32_t>({1}, {0})
      .ExpectError(absl::StatusCode::kInvalidArgument,
                   "Invalid reduction dimension 0 for input with 0 dimension(s)");
  OpTest("Max")
      .Input<std::complex<float>>({1}, {{1, 1}})
      .Input<int32_t>({1}, {0})
      .ExpectError(absl::StatusCode::kUnimplemented, "complex64");
}

TEST(ReductionTest, InfersShapes) {
  const Tensor x = Tensor::Zeros(DType::kFloat, {1}), axes = Tensor::Of<int32_t>({1}, {1});
  auto infer = [&](const TensorShape& shape, bool keep_dims, bool known) {
    auto result = OpTest("Sum")
                      .Attr("keep_dims", keep_dims)
                      .Input(x)
                      .Input(axes)
                      .InferShape({shape, {1}}, known ? std::vector<int>{1} : std::vector<int>{});
    return result.ok() ? result->ToString() : result.status().ToString();
  };
  EXPECT_EQ(infer({-1, 3, 4}, false, true), "[?,4]");
  EXPECT_EQ(infer({-1, 3, 4}, true, true), "[?,1,4]");
  EXPECT_EQ(infer({2, 3, 4}, true, false), "[?,?,?]");
  EXPECT_EQ(infer({2, 3, 4}, false, false), "<unknown>");
  EXPECT_EQ(infer(TensorShape::Unknown(), true, true), "<unknown>");
}

// Rule GR-17: ties share the gradient.
TEST(ReductionTest, TiesOfMaxShareTheGradient) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Const<double>(root, {1, 3, 3, 2}, {4});
  const Outputs dx = Gradients(root, {ops::Max(root, x, 0)}, {x});
  auto values = Interpret(graph, {}, dx);
  ASSERT_THAT(values, IsOk());
  ExpectClose((*values)[0], Tensor::Of<double>({4}, {0, 0.5, 0.5, 0}));
}

TEST(ReductionTest, ProdGradientAtZeros) {
  OpTest("Prod").Input<double>({2, 3}, {0, 2, 3, 0, 0, 5}).Input<int32_t>({1}, {1}).CheckGradient();
}

TEST(ReductionTest, LogSumExp) {
  auto run = [](const Tensor& x, ops::Ints axes, bool keep_dims) -> Tensor {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output y =
        ops::ReduceLogSumExp(root, ops::Const(root, x), axes, {.keep_dims = keep_dims});
    EXPECT_THAT(graph.status(), IsOk());
    auto values = Interpret(graph, {}, {y});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0] : Tensor();
  };
  const Tensor x = Tensor::Of<float>({2, 2}, {1000, 1000, -kInf, -kInf});
  ExpectClose(run(x, {1}, false), Tensor::Of<float>({2}, {1000.69315f, -kInf}));
  ExpectClose(run(x, {1}, true), Tensor::Of<float>({2, 1}, {1000.69315f, -kInf}));
  CheckGradient(
      [](At at, const Outputs& in) -> Outputs { return {ops::ReduceLogSumExp(at, in[0], {1})}; },
      {RandomTensor(DType::kDouble, {2, 3}, 1)}, {.context = "ReduceLogSumExp"});
}

TEST(ReductionTest, EuclideanNormOfIntegersAndComplexNumbers) {
  OpTest("EuclideanNorm")
      .Input<int32_t>({2, 2}, {3, 4, -5, 12})
      .Input<int32_t>({1}, {1})
      .Expect<int32_t>({2}, {5, 13});
  OpTest("EuclideanNorm")  // sqrt(2) is rounded down
      .Input<uint8_t>({2}, {1, 1})
      .Input<int32_t>({1}, {0})
      .Expect<uint8_t>({}, {1});
  OpTest("EuclideanNorm")  // |3 + 4i|^2 + |12|^2 = 13^2
      .Input<std::complex<float>>({2}, {{3, 4}, {0, -12}})
      .Input<int32_t>({1}, {0})
      .Expect<std::complex<float>>({}, {{13, 0}});
}

}  // namespace
}  // namespace sluice
