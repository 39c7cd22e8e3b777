#include "ops/stateless_random.h"

#include <cmath>
#include <string>
#include <vector>

#include "core/random.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

OpTest Stateless(const char* op, const TensorShape& shape, const Tensor& seed,
                 DType dtype = DType::kFloat) {
  std::vector<int32_t> dims(shape.dims().begin(), shape.dims().end());
  return std::move(
      OpTest(op).Attr("dtype", dtype).Input(Tensor::Of<int32_t>({shape.rank()}, dims)).Input(seed));
}

Tensor Seed(int64_t a, int64_t b) { return Tensor::Of<int64_t>({2}, {a, b}); }

// Printed in TensorFlow's guide to random numbers: tf.random.stateless_normal(shape=[2, 3],
// seed=[1, 2]).
TEST(StatelessRandomTest, TensorFlowsNumbers) {
  Stateless("StatelessRandomNormal", {2, 3}, Seed(1, 2))
      .Expect({2, 3},
              {0.5441101f, 0.20738031f, 0.07356433f, 0.04643455f, -1.3015898f, -0.95385665f});
  Stateless("StatelessRandomNormal", {2, 3}, Tensor::Of<int32_t>({2}, {1, 2}))
      .Expect({2, 3},
              {0.5441101f, 0.20738031f, 0.07356433f, 0.04643455f, -1.3015898f, -0.95385665f});
}

// The stream that TensorFlow's GenerateKey() makes of seeds: they are the counter of one block
// under a fixed key; that block gives the key and the upper half of the counter.
class Words {
 public:
  Words(uint64_t seed0, uint64_t seed1) : philox_(Make(seed0, seed1)) {}
  uint32_t operator[](int64_t i) const { return philox_(static_cast<uint64_t>(i / 4))[i % 4]; }

 private:
  static Philox Make(uint64_t seed0, uint64_t seed1) {
    const Philox::Block mix = Philox(0x02461e293ec8f720, seed1)(seed0);
    return Philox(mix[0] | uint64_t{mix[1]} << 32, mix[2] | uint64_t{mix[3]} << 32);
  }
  Philox philox_;
};

TEST(StatelessRandomTest, UniformBitsOfEveryType) {
  const Words w(7, static_cast<uint64_t>(int64_t{-3}));
  std::vector<double> floats, doubles, halves, bfloats;
  for (int i = 0; i < 10; ++i) {
    floats.push_back((w[i] & 0x7fffff) / 8388608.0);
    halves.push_back((w[i] & 0x3ff) / 1024.0);
    bfloats.push_back((w[i] & 0x7f) / 128.0);
    doubles.push_back((uint64_t{w[2 * i] & 0xfffff} << 32 | w[2 * i + 1]) / 0x1p52);
  }
  const auto expect = [](DType dtype, const std::vector<double>& want) {
    Stateless("StatelessRandomUniform", {2, 5}, Seed(7, -3), dtype)
        .Expect(FromDoubles(dtype, {2, 5}, want), {0, 0});
  };
  expect(DType::kFloat, floats);
  expect(DType::kDouble, doubles);
  expect(DType::kHalf, halves);
  expect(DType::kBfloat16, bfloats);
}

TEST(StatelessRandomTest, NormalsAreBoxAndMullers) {
  const Words w(5, 6);
  std::vector<double> floats, doubles;
  for (int i = 0; i < 8; i += 2) {
    const double radius = std::sqrt(-2 * std::log((w[i] & 0x7fffff) / 8388608.0));
    const double angle = 2 * M_PI * ((w[i + 1] & 0x7fffff) / 8388608.0);
    floats.push_back(radius * std::sin(angle));
    floats.push_back(radius * std::cos(angle));
    const auto number = [&](int k) { return (uint64_t{w[k] & 0xfffff} << 32 | w[k + 1]) / 0x1p52; };
    const double wide = std::sqrt(-2 * std::log(number(2 * i)));
    doubles.push_back(wide * std::sin(2 * M_PI * number(2 * i + 2)));
    doubles.push_back(wide * std::cos(2 * M_PI * number(2 * i + 2)));
  }
  for (const DType dtype : {DType::kFloat, DType::kHalf, DType::kBfloat16}) {
    Stateless("StatelessRandomNormal", {7}, Seed(5, 6), dtype)
        .Expect(FromDoubles(dtype, {7}, {floats.begin(), floats.begin() + 7}));
  }
  Stateless("StatelessRandomNormal", {7}, Seed(5, 6), DType::kDouble)
      .Expect(FromDoubles(DType::kDouble, {7}, {doubles.begin(), doubles.begin() + 7}));
}

// Groups of 4 (double: 2) elements take pairs of normals from 256 (128) blocks of their own.
TEST(StatelessRandomTest, TruncatedNormalsSkipWhatLiesOutside) {
  const Words w(11, 12);
  std::vector<double> floats, doubles;
  for (int64_t group = 0; group < 50; ++group) {
    for (int64_t k = group * 1024, n = 0; n < 4; k += 2) {
      const double radius = std::sqrt(-2 * std::log((w[k] & 0x7fffff) / 8388608.0));
      const double angle = 2 * M_PI * ((w[k + 1] & 0x7fffff) / 8388608.0);
      for (const double x : {radius * std::sin(angle), radius * std::cos(angle)}) {
        if (std::abs(x) < 2 && n < 4) floats.push_back(x), ++n;
      }
    }
    const auto number = [&](int64_t k) {
      return (uint64_t{w[k] & 0xfffff} << 32 | w[k + 1]) / 0x1p52;
    };
    for (int64_t k = group * 512, n = 0; n < 2; k += 4) {
      const double radius = std::sqrt(-2 * std::log(number(k)));
      const double angle = 2 * M_PI * number(k + 2);
      for (const double x : {radius * std::sin(angle), radius * std::cos(angle)}) {
        if (std::abs(x) < 2 && n < 2) doubles.push_back(x), ++n;
      }
    }
  }
  for (const DType dtype : {DType::kFloat, DType::kHalf}) {
    Stateless("StatelessTruncatedNormal", {199}, Seed(11, 12), dtype)
        .Expect(FromDoubles(dtype, {199}, {floats.begin(), floats.begin() + 199}));
  }
  Stateless("StatelessTruncatedNormal", {99}, Seed(11, 12), DType::kDouble)
      .Expect(FromDoubles(DType::kDouble, {99}, {doubles.begin(), doubles.begin() + 99}));
}

TEST(StatelessRandomTest, UniformIntegersAreRemainders) {
  const Words w(1, 2);
  std::vector<double> ints, longs;
  for (int i = 0; i < 5; ++i) {
    ints.push_back(-3.0 + w[i] % 7);
    longs.push_back(-3.0 + static_cast<double>((w[2 * i] | uint64_t{w[2 * i + 1]} << 32) % 7));
  }
  for (const DType dtype : {DType::kInt32, DType::kInt64}) {
    Stateless("StatelessRandomUniformInt", {5}, Seed(1, 2), dtype)
        .Input(FromDoubles(dtype, {}, {-3}))
        .Input(FromDoubles(dtype, {}, {4}))
        .Expect(FromDoubles(dtype, {5}, dtype == DType::kInt32 ? ints : longs));
  }
}

TEST(StatelessRandomTest, EmptyAndScalar) {
  for (const char* op :
       {"StatelessRandomUniform", "StatelessRandomNormal", "StatelessTruncatedNormal"}) {
    Stateless(op, {0, 3}, Seed(1, 2)).Expect({0, 3}, {});
    const auto scalar = Stateless(op, {}, Seed(1, 2)).Run();
    ASSERT_THAT(scalar, IsOk());
    EXPECT_EQ((*scalar)[0].shape(), TensorShape());
  }
  // Nothing is drawn, so nothing is wrong.
  Stateless("StatelessRandomUniformInt", {0}, Seed(1, 2), DType::kInt32)
      .Input<int32_t>({}, {5})
      .Input<int32_t>({}, {5})
      .Expect<int32_t>({0}, {});
}

TEST(StatelessRandomTest, Errors) {
  Stateless("StatelessRandomUniform", {2}, Tensor::Of<int64_t>({3}, {1, 2, 3}))
      .ExpectError(StatusCode::kInvalidArgument, "seed must have shape [2], not [3]");
  Stateless("StatelessRandomUniform", {2}, Tensor::Scalar(int64_t{1}))
      .ExpectError(StatusCode::kInvalidArgument, "seed must have shape [2], not []");
  Stateless("StatelessRandomNormal", {2, -1}, Seed(1, 2))
      .ExpectError(StatusCode::kInvalidArgument, "must be >= 0, got [2,?]");
  Stateless("StatelessTruncatedNormal", {2147483647, 2147483647}, Seed(1, 2))
      .ExpectError(StatusCode::kInvalidArgument, "2147483647");
  Stateless("StatelessRandomUniformInt", {2}, Seed(1, 2), DType::kInt32)
      .Input<int32_t>({}, {5})
      .Input<int32_t>({}, {5})
      .ExpectError(StatusCode::kInvalidArgument, "Need minval < maxval, got 5 >= 5");
  Stateless("StatelessRandomUniformInt", {2}, Seed(1, 2), DType::kInt32)
      .Input<int32_t>({1}, {5})
      .Input<int32_t>({}, {6})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 0 but is rank 1");
}

}  // namespace
}  // namespace sluice
