#include "ops/cast.h"

#include <cmath>
#include <complex>
#include <limits>

#include "absl/strings/str_cat.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

const DType kAll[] = {DType::kFloat, DType::kDouble, DType::kHalf,   DType::kBfloat16,
                      DType::kInt8,  DType::kInt16,  DType::kInt32,  DType::kInt64,
                      DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64,
                      DType::kBool};

OpTest Cast(const Tensor& x, DType to) { return OpTest("Cast").Attr("DstT", to).Input(x); }

TEST(CastTest, EveryPairKeepsSmallNumbers) {
  for (DType from : kAll) {
    for (DType to : kAll) {
      const Tensor x = FromDoubles(from, {2, 3}, {0, 1, 1, 0, 0, 1});
      Cast(x, to).Expect(FromDoubles(to, {2, 3}, {0, 1, 1, 0, 0, 1}));
    }
  }
}

TEST(CastTest, OddSizesAndNothing) {
  for (int64_t n : {0, 1, 15, 16, 17, 70001}) {
    const Tensor x = RandomTensor(DType::kFloat, {n}, 1, -100, 100);
    std::vector<double> values = ToDoubles(x);
    Cast(x, DType::kDouble).Expect(FromDoubles(DType::kDouble, {n}, values));
    for (double& v : values) v = std::trunc(v);
    Cast(x, DType::kInt32).Expect(FromDoubles(DType::kInt32, {n}, values));
  }
}

TEST(CastTest, FloatingToIntegerSaturates) {
  const Tensor x = Tensor::Of<float>({8}, {kNan, kInf, -kInf, 3e9f, -3e9f, 2.9f, -2.9f, 300});
  Cast(x, DType::kInt32)
      .Expect<int32_t>({8}, {0, INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, 2, -2, 300});
  Cast(x, DType::kInt64)
      .Expect<int64_t>({8}, {0, INT64_MAX, INT64_MIN, 3000000000, -3000000000, 2, -2, 300});
  Cast(x, DType::kUint8).Expect<uint8_t>({8}, {0, 255, 0, 255, 0, 2, 0, 255});
  Cast(x, DType::kInt8).Expect<int8_t>({8}, {0, 127, -128, 127, -128, 2, -2, 127});
  Cast(x, DType::kUint64).Expect<uint64_t>({8}, {0, UINT64_MAX, 0, 3000000000, 0, 2, 0, 300});
  const Tensor edge =
      Tensor::Of<double>({4}, {2147483647, 2147483648, -2147483648.0, -2147483649.0});
  Cast(edge, DType::kInt32).Expect<int32_t>({4}, {INT32_MAX, INT32_MAX, INT32_MIN, INT32_MIN});
  Cast(Tensor::Of<double>({2}, {9223372036854775807.0, -9223372036854775808.0}), DType::kInt64)
      .Expect<int64_t>({2}, {INT64_MAX, INT64_MIN});
  Cast(FromDoubles(DType::kHalf, {2}, {kNan, 60000}), DType::kInt16)
      .Expect<int16_t>({2}, {0, 32767});
}

TEST(CastTest, IntegersKeepTheirLowBits) {
  Cast(Tensor::Of<int32_t>({3}, {257, -1, 128}), DType::kUint8).Expect<uint8_t>({3}, {1, 255, 128});
  Cast(Tensor::Of<int32_t>({3}, {257, -1, 128}), DType::kInt8).Expect<int8_t>({3}, {1, -1, -128});
  Cast(Tensor::Of<int64_t>({1}, {(int64_t{1} << 32) + 5}), DType::kInt32).Expect<int32_t>({1}, {5});
  Cast(Tensor::Of<uint64_t>({1}, {UINT64_MAX}), DType::kInt64).Expect<int64_t>({1}, {-1});
}

TEST(CastTest, Bools) {
  Cast(Tensor::Of<float>({4}, {0, -0.0f, kNan, 0.1f}), DType::kBool)
      .Expect<bool>({4}, {false, false, true, true});
  Cast(Tensor::Of<int64_t>({2}, {int64_t{1} << 40, 0}), DType::kBool)
      .Expect<bool>({2}, {true, false});
  Cast(Tensor::Of<bool>({2}, {true, false}), DType::kHalf)
      .Expect(FromDoubles(DType::kHalf, {2}, {1, 0}));
}

TEST(CastTest, NarrowingRoundsToNearestEven) {
  // bfloat16 has 8 bits of precision: neighbours of 1 are 1/128 apart.
  const double step = 1.0 / 128;
  const Tensor x = Tensor::Of<float>(
      {4}, {static_cast<float>(1 + step / 2), static_cast<float>(1 + 1.5 * step), 3.4e38f, kNan});
  Cast(x, DType::kBfloat16)
      .Expect(FromDoubles(DType::kBfloat16, {4}, {1, 1 + 2 * step, kInf, kNan}), {0, 0});
  Cast(Tensor::Of<float>({3}, {65519, 65520, 1e-8f}), DType::kHalf)
      .Expect(FromDoubles(DType::kHalf, {3}, {65504, kInf, 0}), {0, 0});
  Cast(Tensor::Of<double>({2}, {1e300, 1 + 1e-12}), DType::kFloat).Expect<float>({2}, {kInf, 1});
}

TEST(CastTest, TruncateRoundsTowardsZero) {
  const double step = 1.0 / 128;
  const Tensor x = Tensor::Of<float>(
      {3}, {static_cast<float>(1 + 0.9 * step), static_cast<float>(-1 - 0.9 * step), 1.5f});
  OpTest("Cast")
      .Attr("DstT", DType::kBfloat16)
      .Attr("Truncate", true)
      .Input(x)
      .Expect(FromDoubles(DType::kBfloat16, {3}, {1, -1, 1.5}), {0, 0});
  OpTest("Cast")
      .Attr("DstT", DType::kFloat)
      .Attr("Truncate", true)
      .Input<double>({2}, {1 - 1e-12, -0.1})
      .Expect<float>({2}, {0.99999994f, -0.099999994f}, 0);
}

TEST(CastTest, ComplexNumbers) {
  using C = std::complex<float>;
  const Tensor x = Tensor::Of<C>({3}, {{1.5f, 2}, {0, 3}, {0, 0}});
  Cast(x, DType::kFloat).Expect({3}, {1.5f, 0, 0});
  Cast(x, DType::kInt32).Expect<int32_t>({3}, {1, 0, 0});
  Cast(x, DType::kBool).Expect<bool>({3}, {true, true, false});
  Cast(x, DType::kComplex128).Expect<std::complex<double>>({3}, {{1.5, 2}, {0, 3}, {0, 0}});
  Cast(Tensor::Of<int32_t>({1}, {-3}), DType::kComplex64).Expect<C>({1}, {{-3, 0}});
}

TEST(CastTest, NamesWhatItCannotDo) {
  Cast(Tensor::Of<std::string>({1}, {"1"}), DType::kFloat)
      .ExpectError(absl::StatusCode::kUnimplemented, "Cast string to float32 is not supported");
  OpTest("Cast")
      .Attr("DstT", static_cast<DType>(77))
      .Input({1}, {1})
      .ExpectError(absl::StatusCode::kInvalidArgument, "77");
}

TEST(CastTest, GradientGoesBackThroughFloatingTypesOnly) {
  // double -> float -> double: the incoming gradient goes the same way back, through float.
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output in = ops::Const<double>(root, {1.5, -2.5, 3.5});
  const Output y = ops::Cast(root, ops::Cast(root, in, DType::kFloat), DType::kDouble);
  const Output dy = ops::Const<double>(root, {1, -0.25, 1 + 1e-12});
  const Outputs dx = Gradients(root, {y}, {in}, {.grad_ys = {dy}});
  absl::StatusOr<Session> session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  const auto results = session->Run({}, dx);
  ASSERT_THAT(results, IsOk());
  EXPECT_TRUE(BitEqual((*results)[0], Tensor::Of<double>({3}, {1, -0.25, 1})));
  const Tensor x = RandomTensor(DType::kDouble, {2, 3}, 1);
  CheckGradient(
      [](At at, const Outputs& in) -> Outputs {
        return {ops::Cast(at, ops::Cast(at, in[1], DType::kInt32), DType::kDouble), in[0]};
      },
      {x, x}, {.wrt = {0}, .no_gradient = {1}, .context = "Cast to integer"});
}

TEST(CastTest, ToTheSameTypeIsACopyOfAnything) {
  OpTest("Cast")
      .Attr("DstT", DType::kString)
      .Input(Tensor::Of<std::string>({2}, {"a", ""}))
      .Expect(Tensor::Of<std::string>({2}, {"a", ""}));
  OpTest("Cast")
      .Attr("DstT", DType::kString)
      .Input<int32_t>({1}, {1})
      .ExpectError(absl::StatusCode::kUnimplemented, "Cast int32 to string is not supported");
}

}  // namespace
}  // namespace sluice
