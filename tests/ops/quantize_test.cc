#include "ops/quantize.h"

#include <cstring>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// A quantized tensor with these numbers.
template <typename T>
Tensor Q(DType dtype, const std::vector<T>& values) {
  Tensor t = *Tensor::Make(dtype, {static_cast<int64_t>(values.size())});
  std::memcpy(t.mutable_raw(), values.data(), values.size() * sizeof(T));
  return t;
}
Tensor F(float value) { return Tensor::Scalar<float>(value); }

OpTest Quantize(DType dtype, const char* mode, float min, float max,
                const std::vector<float>& values) {
  OpTest test("QuantizeV2");
  return test.Attr("T", dtype)
      .Attr("mode", mode)
      .Input(Tensor::Of<float>({static_cast<int64_t>(values.size())}, values))
      .Input(F(min))
      .Input(F(max));
}

// The result's numbers as doubles, and the range.
template <typename T>
void ExpectNumbers(OpTest test, const std::vector<T>& want, float min, float max) {
  const auto got = test.Run();
  ASSERT_THAT(got, IsOk());
  ASSERT_EQ((*got)[0].num_elements(), static_cast<int64_t>(want.size()));
  const T* numbers = static_cast<const T*>((*got)[0].raw());
  EXPECT_EQ(std::vector<T>(numbers, numbers + want.size()), want);
  ExpectClose((*got)[1], F(min));
  ExpectClose((*got)[2], F(max));
}

TEST(QuantizeTest, MinCombined) {
  // TensorFlow's test: [0, 255] to itself, halves up, clamped.
  ExpectNumbers<uint8_t>(
      Quantize(DType::kQuint8, "MIN_COMBINED", 0, 255, {-100, 0, 1.25, 1.75, 127, 255, 500}),
      {0, 0, 1, 2, 127, 255, 255}, 0, 255);
  ExpectNumbers<int8_t>(
      Quantize(DType::kQint8, "MIN_COMBINED", 0, 255, {0, 1, 1.25, 1.75, 127, 255, 500}),
      {-128, -127, -127, -126, -1, 127, 127}, 0, 255);
}

TEST(QuantizeTest, MinFirst) {
  ExpectNumbers<uint8_t>(
      Quantize(DType::kQuint8, "MIN_FIRST", -63.75, 0, {-63.75, -63.6f, -10, 0, 5}),
      {0, 1, 215, 255, 255}, -63.75, 0);
}

TEST(QuantizeTest, Scaled) {
  // -10 asks for a step of 10 / 128, 4 for 4 / 127: the coarser counts.
  ExpectNumbers<int8_t>(Quantize(DType::kQint8, "SCALED", -10, 4, {-10, 0, 5 / 12.8f, 100}),
                        {-128, 0, 5, 127}, -10, 127 / 12.8f);
  ExpectNumbers<uint8_t>(Quantize(DType::kQuint8, "SCALED", -1, 127.5, {-1, 0.25, 1.25, 200}),
                         {0, 1, 3, 255}, 0, 127.5);
  ExpectNumbers<uint8_t>(Quantize(DType::kQuint8, "SCALED", -1, 127.5, {-1, 0.25, 1.25, 200})
                             .Attr("round_mode", "HALF_TO_EVEN"),
                         {0, 0, 2, 255}, 0, 127.5);
}

TEST(QuantizeTest, NarrowRangesAreWidened) {
  // [1, 1] becomes [0, 1]; [0, 0] becomes [0, 0.01].
  ExpectNumbers<uint8_t>(Quantize(DType::kQuint8, "MIN_COMBINED", 1, 1, {1}), {255}, 0, 1);
  ExpectNumbers<uint8_t>(Quantize(DType::kQuint8, "MIN_COMBINED", 0, 0, {0, 1}), {0, 255}, 0,
                         0.01f);
}

OpTest Dequantize(const char* mode, const Tensor& input, float min, float max) {
  OpTest test("Dequantize");
  return test.Attr("mode", mode).Input(input).Input(F(min)).Input(F(max));
}

TEST(QuantizeTest, DequantizeByHand) {
  Dequantize("MIN_COMBINED", Q<uint8_t>(DType::kQuint8, {0, 51, 255}), -1, 4)
      .Expect({3}, {-1, 0, 4});
  Dequantize("MIN_COMBINED", Q<int8_t>(DType::kQint8, {-128, 0, 127}), 0, 255)
      .Expect({3}, {0, 128, 255});
  Dequantize("MIN_COMBINED", Q<int16_t>(DType::kQint16, {-32768, 32767}), -1, 1)
      .Expect({2}, {-1, 1});
  // The minimum is a whole number of steps: -51 times 5 / 255.
  Dequantize("MIN_FIRST", Q<uint8_t>(DType::kQuint8, {0, 51, 255}), -1, 4).Expect({3}, {-1, 0, 4});
  Dequantize("SCALED", Q<int8_t>(DType::kQint8, {-128, 0, 64}), -12.8f, 3)
      .Expect({3}, {-12.8f, 0, 6.4f});
  Dequantize("SCALED", Q<uint16_t>(DType::kQuint16, {0, 65535}), -3, 2).Expect({2}, {0, 2});
}

TEST(QuantizeTest, ThereAndBack) {
  const std::vector<float> x = {-3, -1.5, 0, 0.3f, 2.9f};
  struct Width {
    DType dtype;
    double step;
  };
  for (const Width& w : {Width{DType::kQuint8, 6. / 255}, Width{DType::kQint8, 6. / 254},
                         Width{DType::kQuint16, 6. / 65535}, Width{DType::kQint16, 6. / 65534}}) {
    for (const char* mode : {"MIN_COMBINED", "MIN_FIRST"}) {
      const auto q = Quantize(w.dtype, mode, -3, 3, x).Run();
      ASSERT_THAT(q, IsOk());
      EXPECT_EQ((*q)[0].dtype(), w.dtype);
      const auto back =
          OpTest("Dequantize").Attr("mode", mode).Inputs({(*q)[0], (*q)[1], (*q)[2]}).Run();
      ASSERT_THAT(back, IsOk());
      ExpectClose((*back)[0], Tensor::Of<float>({5}, x), {0, w.step * 0.51 + 1e-6}, mode);
    }
  }
}

TEST(QuantizeTest, Errors) {
  Quantize(DType::kQuint8, "MIN_COMBINED", 1, -1, {0})
      .ExpectError(StatusCode::kInvalidArgument,
                   "input_max_range must be larger than input_min_range");
  Quantize(DType::kQuint8, "MIN_FIRST", 0, 1, {0})
      .Attr("round_mode", "HALF_TO_EVEN")
      .ExpectError(StatusCode::kInvalidArgument, "only supported for mode 'SCALED'");
  OpTest("Dequantize")
      .Input(Q<uint8_t>(DType::kQuint8, {0}))
      .Input({1}, {1})
      .Input(F(1))
      .ExpectError(StatusCode::kInvalidArgument, "rank 0 but is rank 1");
}

}  // namespace
}  // namespace sluice
