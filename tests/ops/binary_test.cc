#include "ops/binary.h"

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
constexpr int32_t kMin32 = std::numeric_limits<int32_t>::min();

// The slow twin of broadcasting: every index of the result is looked up in both operands.
Tensor BroadcastTwin(const Tensor& x, const Tensor& y, const TensorShape& result,
                     double (*f)(double, double)) {
  const std::vector<double> from_x = ToDoubles(x), from_y = ToDoubles(y);
  std::vector<double> z(result.num_elements());
  for (size_t i = 0; i < z.size(); ++i) {
    int64_t at_x = 0, at_y = 0, rest = static_cast<int64_t>(i), step_x = 1, step_y = 1;
    for (int d = 1; d <= result.rank(); ++d) {
      const int64_t index = rest % result.dim(-d);
      rest /= result.dim(-d);
      if (d <= x.shape().rank()) {
        at_x += (x.dim(-d) == 1 ? 0 : index) * step_x;
        step_x *= x.dim(-d);
      }
      if (d <= y.shape().rank()) {
        at_y += (y.dim(-d) == 1 ? 0 : index) * step_y;
        step_y *= y.dim(-d);
      }
    }
    z[i] = f(from_x[at_x], from_y[at_y]);
  }
  return FromDoubles(x.dtype(), result, z);
}

struct BinaryCase {
  const char* op;
  double (*twin)(double, double);
  double low_x, high_x, low_y, high_y;
  bool differentiable = true;
  bool integers = false;  // the twin is right for small positive integers too
};

const BinaryCase kBinaryCases[] = {
    {"Add", [](double x, double y) { return x + y; }, -2, 2, -2, 2, true, true},
    {"AddV2", [](double x, double y) { return x + y; }, -2, 2, -2, 2, true, true},
    {"Sub", [](double x, double y) { return x - y; }, -2, 2, -2, 2, true, true},
    {"Mul", [](double x, double y) { return x * y; }, -2, 2, -2, 2, true, true},
    {"Div", [](double x, double y) { return x / y; }, -2, 2, 0.5, 2, true, true},
    {"RealDiv", [](double x, double y) { return x / y; }, -2, 2, 0.5, 2},
    {"FloorDiv", [](double x, double y) { return std::floor(x / y); }, -9, 9, 0.5, 2, false, true},
    {"TruncateDiv", [](double x, double y) { return std::trunc(x / y); }, -9, 9, 0.5, 2, false,
     true},
    {"FloorMod", [](double x, double y) { return x - std::floor(x / y) * y; }, 0.1, 0.9, 1.1, 2,
     true, true},
    {"Mod", [](double x, double y) { return std::fmod(x, y); }, 2.6, 2.9, 1.0, 1.2, true, true},
    {"TruncateMod", [](double x, double y) { return std::fmod(x, y); }, -2.9, -2.6, 1.0, 1.2, true},
    {"Pow", [](double x, double y) { return std::pow(x, y); }, 0.2, 2, -2, 2},
    {"Maximum", [](double x, double y) { return std::max(x, y); }, -2, 2, -2, 2, true, true},
    {"Minimum", [](double x, double y) { return std::min(x, y); }, -2, 2, -2, 2, true, true},
    {"SquaredDifference", [](double x, double y) { return (x - y) * (x - y); }, -2, 2, -2, 2, true,
     true},
    {"DivNoNan", [](double x, double y) { return y == 0 ? 0 : x / y; }, -2, 2, 0.5, 2},
    {"MulNoNan", [](double x, double y) { return y == 0 ? 0 : x * y; }, -2, 2, 0.5, 2},
    {"Xdivy", [](double x, double y) { return x == 0 ? 0 : x / y; }, 0.2, 2, 0.5, 2},
    {"Xlogy", [](double x, double y) { return x == 0 ? 0 : x * std::log(y); }, 0.2, 2, 0.5, 2},
    {"Atan2", [](double y, double x) { return std::atan2(y, x); }, 0.2, 2, -2, 2},
};

struct ShapeCase {
  TensorShape x, y, z;
};

// Every way in which the walk over the operands comes out: flat, scalar, rows, columns, short rows,
// interleaved, empty.
const ShapeCase kShapeCases[] = {
    {{}, {}, {}},
    {{5}, {5}, {5}},
    {{2, 3}, {2, 3}, {2, 3}},
    {{}, {4, 5}, {4, 5}},
    {{4, 5}, {1}, {4, 5}},
    {{4, 37}, {37}, {4, 37}},
    {{3}, {50, 3}, {50, 3}},
    {{700, 3}, {3}, {700, 3}},
    {{4, 1}, {4, 37}, {4, 37}},
    {{6, 2}, {6, 1}, {6, 2}},
    {{4, 1}, {1, 5}, {4, 5}},
    {{40, 1}, {1, 40}, {40, 40}},
    {{2, 1, 3}, {4, 1}, {2, 4, 3}},
    {{2, 3, 1, 5}, {3, 4, 1}, {2, 3, 4, 5}},
    {{1, 2, 1, 2, 1}, {2, 1, 2, 1, 2}, {2, 2, 2, 2, 2}},
    {{0}, {1}, {0}},
    {{0, 3}, {3}, {0, 3}},
    {{2, 0}, {2, 1}, {2, 0}},
    {{1}, {0, 1}, {0, 1}},
};

class BinaryTest : public ::testing::TestWithParam<BinaryCase> {
 protected:
  Tensor X(DType dtype, const TensorShape& shape) const {
    return RandomTensor(dtype, shape, 5, GetParam().low_x, GetParam().high_x);
  }
  Tensor Y(DType dtype, const TensorShape& shape) const {
    return RandomTensor(dtype, shape, 6, GetParam().low_y, GetParam().high_y);
  }
};

TEST_P(BinaryTest, MatchesTwinOverBroadcasts) {
  for (const ShapeCase& s : kShapeCases) {
    for (DType dtype : kFloatDTypes) {
      const Tensor x = X(dtype, s.x), y = Y(dtype, s.y);
      OpTest(GetParam().op).Input(x).Input(y).Expect(BroadcastTwin(x, y, s.z, GetParam().twin));
    }
  }
}

TEST_P(BinaryTest, LargeArraysInParallel) {
  const ShapeCase cases[] = {{{200003}, {200003}, {200003}},
                             {{300, 700}, {700}, {300, 700}},
                             {{60000, 3}, {60000, 1}, {60000, 3}}};
  for (const ShapeCase& s : cases) {
    const Tensor x = X(DType::kFloat, s.x), y = Y(DType::kFloat, s.y);
    OpTest(GetParam().op)
        .Input(x)
        .Input(y)
        .Expect(BroadcastTwin(x, y, s.z, GetParam().twin), {2e-5, 2e-5});
  }
}

TEST_P(BinaryTest, HalfThroughFloat) {
  if (GetParam().op == std::string("Atan2") || GetParam().op == std::string("FloorDiv") ||
      GetParam().op == std::string("TruncateDiv"))
    return;  // near a jump, rounding an operand is rounding the result
  for (const ShapeCase& s : kShapeCases) {
    const Tensor x = X(DType::kHalf, s.x), y = Y(DType::kHalf, s.y);
    OpTest(GetParam().op).Input(x).Input(y).Expect(BroadcastTwin(x, y, s.z, GetParam().twin));
  }
}

TEST_P(BinaryTest, SmallIntegers) {
  if (!GetParam().integers) return;
  for (DType dtype : {DType::kInt32, DType::kInt64}) {
    for (const ShapeCase& s : kShapeCases) {
      const Tensor x = RandomTensor(dtype, s.x, 5, 0, 50), y = RandomTensor(dtype, s.y, 6, 1, 9);
      OpTest(GetParam().op).Input(x).Input(y).Expect(BroadcastTwin(x, y, s.z, GetParam().twin));
    }
  }
}

TEST_P(BinaryTest, GradientIsNumeric) {
  if (!GetParam().differentiable) return;
  const ShapeCase cases[] = {{{2, 3}, {2, 3}, {}}, {{2, 3}, {}, {}},  {{3}, {2, 3}, {}},
                             {{2, 1}, {1, 3}, {}}, {{1, 3}, {3}, {}}, {{2, 1, 2}, {3, 1}, {}}};
  for (const ShapeCase& s : cases)
    OpTest(GetParam().op)
        .Input(X(DType::kDouble, s.x))
        .Input(Y(DType::kDouble, s.y))
        .CheckGradient();
}

INSTANTIATE_TEST_SUITE_P(All, BinaryTest, ::testing::ValuesIn(kBinaryCases),
                         [](const auto& info) { return std::string(info.param.op); });

TEST(BinaryTest, RejectsShapesThatDoNotFit) {
  OpTest("AddV2")
      .Input({3}, {1, 2, 3})
      .Input({4}, {1, 2, 3, 4})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Dimensions must be equal, but are 3 and 4");
  OpTest("Mul")
      .Input({2, 1}, {1, 2})
      .Input({3, 2}, {1, 2, 3, 4, 5, 6})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Dimensions must be equal, but are 2 and 3");
}

TEST(BinaryTest, IntegersWrap) {
  OpTest("Add")
      .Input<int32_t>({1}, {2147483647})
      .Input<int32_t>({1}, {1})
      .Expect<int32_t>({1}, {kMin32});
  OpTest("Mul")
      .Input<int32_t>({1}, {65536})
      .Input<int32_t>({1}, {65537})
      .Expect<int32_t>({1}, {65536});
  OpTest("Sub").Input<uint8_t>({1}, {3}).Input<uint8_t>({1}, {5}).Expect<uint8_t>({1}, {254});
  OpTest("Mul")
      .Input<int16_t>({1}, {-32768})
      .Input<int16_t>({1}, {-32768})
      .Expect<int16_t>({1}, {0});
  OpTest("AddV2")
      .Input<int8_t>({2}, {127, -128})
      .Input<int8_t>({1}, {1})
      .Expect<int8_t>({2}, {-128, -127});
}

TEST(BinaryTest, IntegerDivisionByZeroIsAnError) {
  for (const char* op : {"Div", "FloorDiv", "TruncateDiv", "FloorMod", "Mod", "TruncateMod"}) {
    OpTest(op)
        .Input<int32_t>({2}, {1, 2})
        .Input<int32_t>({2}, {1, 0})
        .ExpectError(absl::StatusCode::kInvalidArgument, "Integer division by zero");
    OpTest(op)
        .Input<int64_t>({2}, {1, 2})
        .Input<int64_t>({}, {0})
        .ExpectError(absl::StatusCode::kInvalidArgument, "Integer division by zero");
  }
  OpTest("Div").Input<int32_t>({0}, {}).Input<int32_t>({}, {0}).Expect<int32_t>({0}, {});
}

TEST(BinaryTest, SmallestIntegerByMinusOne) {
  for (const char* op : {"Div", "FloorDiv", "TruncateDiv"})
    OpTest(op)
        .Input<int32_t>({1}, {kMin32})
        .Input<int32_t>({1}, {-1})
        .Expect<int32_t>({1}, {kMin32});
  for (const char* op : {"FloorMod", "Mod", "TruncateMod"})
    OpTest(op).Input<int32_t>({1}, {kMin32}).Input<int32_t>({1}, {-1}).Expect<int32_t>({1}, {0});
}

TEST(BinaryTest, RoundingOfQuotients) {
  const Tensor x = Tensor::Of<int32_t>({4}, {7, -7, 7, -7}),
               y = Tensor::Of<int32_t>({4}, {2, 2, -2, -2});
  OpTest("Div").Input(x).Input(y).Expect<int32_t>({4}, {3, -3, -3, 3});
  OpTest("TruncateDiv").Input(x).Input(y).Expect<int32_t>({4}, {3, -3, -3, 3});
  OpTest("FloorDiv").Input(x).Input(y).Expect<int32_t>({4}, {3, -4, -4, 3});
  OpTest("TruncateMod").Input(x).Input(y).Expect<int32_t>({4}, {1, -1, 1, -1});
  OpTest("FloorMod").Input(x).Input(y).Expect<int32_t>({4}, {1, 1, -1, -1});
  OpTest("FloorMod").Input({2}, {-5.5f, 5.5f}).Input({}, {3}).Expect({2}, {0.5f, 2.5f});
  OpTest("FloorDiv").Input({2}, {-5.5f, 5.5f}).Input({}, {3}).Expect({2}, {-2, 1});
  OpTest("FloorDiv").Input<uint8_t>({1}, {200}).Input<uint8_t>({1}, {7}).Expect<uint8_t>({1}, {28});
}

TEST(BinaryTest, FloatDivisionByZero) {
  OpTest("RealDiv").Input({3}, {1, -1, 0}).Input({}, {0}).Expect({3}, {kInf, -kInf, kNan});
  OpTest("DivNoNan").Input({3}, {1, -1, 0}).Input({}, {0}).Expect({3}, {0, 0, 0});
  OpTest("MulNoNan").Input({2}, {kInf, kNan}).Input({}, {0}).Expect({2}, {0, 0});
  OpTest("Xdivy").Input({2}, {0, 1}).Input({2}, {0, 0}).Expect({2}, {0, kInf});
  OpTest("Xlogy").Input({2}, {0, 1}).Input({2}, {0, 0}).Expect({2}, {0, -kInf});
}

TEST(BinaryTest, MaximumAndMinimumKeepNan) {
  const Tensor x = Tensor::Of<float>({3}, {kNan, 1, kNan}),
               y = Tensor::Of<float>({3}, {1, kNan, kNan});
  OpTest("Maximum").Input(x).Input(y).Expect({3}, {kNan, kNan, kNan});
  OpTest("Minimum").Input(x).Input(y).Expect({3}, {kNan, kNan, kNan});
}

TEST(BinaryTest, TiesOfMaximumGoToX) {
  const Tensor x = Tensor::Of<double>({2}, {1, 2});
  for (const char* op : {"Maximum", "Minimum"}) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output a = ops::Const(root, x), b = ops::Const(root, x);
    const Output z = At(root).Node(op, {a, b});
    const Outputs grads = Gradients(root, {z}, {a, b});
    auto values = Interpret(graph, {}, grads);
    ASSERT_THAT(values, IsOk());
    ExpectClose((*values)[0], Tensor::Of<double>({2}, {1, 1}));
    ExpectClose((*values)[1], Tensor::Of<double>({2}, {0, 0}));
  }
}

TEST(BinaryTest, PowOfIntegers) {
  OpTest("Pow")
      .Input<int32_t>({4}, {2, -3, 0, 7})
      .Input<int32_t>({4}, {10, 3, 0, 1})
      .Expect<int32_t>({4}, {1024, -27, 1, 7});
  OpTest("Pow").Input<int64_t>({1}, {2}).Input<int64_t>({1}, {-1}).ExpectError(
      absl::StatusCode::kInvalidArgument, "Integers to negative integer powers are not allowed");
}

TEST(BinaryTest, PowByCommonExponents) {
  const Tensor x = Tensor::Of<float>({6}, {0, -0.0f, 2, -3, kInf, -kInf});
  OpTest("Pow").Input(x).Input({}, {2}).Expect({6}, {0, 0, 4, 9, kInf, kInf});
  OpTest("Pow").Input(x).Input({}, {3}).Expect({6}, {0, 0, 8, -27, kInf, -kInf});
  OpTest("Pow").Input(x).Input({}, {0.5f}).Expect({6}, {0, 0, 1.41421356f, kNan, kInf, kInf});
  OpTest("Pow").Input(x).Input({}, {-1}).Expect({6}, {kInf, -kInf, 0.5f, -0.33333333f, 0, 0});
  OpTest("Pow").Input(x).Input({}, {0}).Expect({6}, {1, 1, 1, 1, 1, 1});
  OpTest("Pow").Input({2}, {2, 3}).Input({2}, {0.5f, -2}).Expect({2}, {1.41421356f, 0.11111111f});
}

// Rule GR-17: log 0 is taken as 0, so that the gradient stays finite.
TEST(BinaryTest, PowGradientAtZero) {
  OpTest("Pow").Input<double>({2}, {0, 0}).Input<double>({2}, {2, 3}).CheckGradient({.wrt = {0}});
}

TEST(BinaryTest, AddJoinsStrings) {
  OpTest("Add")
      .Input<std::string>({2}, {"a", "b"})
      .Input<std::string>({}, {"x"})
      .Expect<std::string>({2}, {"ax", "bx"});
}

TEST(BinaryTest, ComplexNumbers) {
  using C = std::complex<float>;
  OpTest("Mul")
      .Input<C>({2}, {{0, 1}, {1, 1}})
      .Input<C>({}, {{0, 1}})
      .Expect<C>({2}, {{-1, 0}, {-1, 1}});
  OpTest("RealDiv").Input<C>({1}, {{1, 1}}).Input<C>({1}, {{0, 1}}).Expect<C>({1}, {{1, -1}});
  OpTest("SquaredDifference")
      .Input<C>({1}, {{1, 1}})
      .Input<C>({1}, {{1, 0}})
      .Expect<C>({1}, {{-1, 0}});
}

TEST(BinaryTest, InfersWhatBroadcastingTells) {
  const Tensor x = Tensor::Zeros(DType::kFloat, {1});
  auto infer = [&](const TensorShape& a, const TensorShape& b) {
    auto shape = OpTest("AddV2").Input(x).Input(x).InferShape({a, b});
    return shape.ok() ? shape->ToString() : shape.status().ToString();
  };
  EXPECT_EQ(infer({-1, 3}, {3}), "[?,3]");
  EXPECT_EQ(infer({-1, 1}, {5}), "[?,5]");
  EXPECT_EQ(infer({-1}, {5}), "[5]");
  EXPECT_EQ(infer({-1}, {1}), "[?]");
  EXPECT_EQ(infer(TensorShape::Unknown(), {1}), "<unknown>");
}

}  // namespace
}  // namespace sluice
