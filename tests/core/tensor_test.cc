#include "core/tensor.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "gtest/gtest.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;

struct Thing : Resource {
  std::string DebugString() const override { return "thing"; }
};

TEST(TensorTest, DefaultIsEmpty) {
  const Tensor t;
  EXPECT_TRUE(t.empty_handle());
  EXPECT_EQ(t.num_elements(), 0);
  EXPECT_EQ(t.byte_size(), 0);
  EXPECT_FALSE(t.unique());
  EXPECT_FALSE(t.SharesBufferWith(t));
  EXPECT_TRUE(t.Clone()->empty_handle());
  EXPECT_EQ(t.Reshaped({0}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(t.DebugString(), "no tensor");
  EXPECT_TRUE(BitEqual(t, Tensor()));
  EXPECT_FALSE(BitEqual(t, Tensor::Scalar(1.0f)));
}

TEST(TensorTest, MakeRefuses) {
  const auto budget = std::make_shared<MemoryBudget>(1 << 20);
  const struct {
    DType dtype;
    TensorShape shape;
    Code code;
  } kCases[] = {
      {DType::kFloat, {2, -1}, Code::kInvalidArgument},
      {DType::kFloat, {-2, -2}, Code::kInvalidArgument},
      {DType::kFloat, TensorShape::Unknown(), Code::kInvalidArgument},
      {DType::kFloat, {4194305, 4194305, 211106198978564}, Code::kInvalidArgument},
      {DType::kFloat, {int64_t{1} << 62}, Code::kInvalidArgument},
      {DType::kFloat, {0, INT64_MAX, INT64_MAX}, Code::kInvalidArgument},
      {DType::kFloat, TensorShape(std::vector<int64_t>(300, 1)), Code::kInvalidArgument},
      {DType::kVariant, {1}, Code::kInvalidArgument},
      {DType::kInvalid, {1}, Code::kInvalidArgument},
      {RefType(DType::kFloat), {1}, Code::kInvalidArgument},
      {DType::kFloat, {int64_t{1} << 31}, Code::kResourceExhausted},
      {DType::kString, {int64_t{1} << 40}, Code::kResourceExhausted},
  };
  for (const auto& c : kCases) {
    const auto made = Tensor::Make(c.dtype, c.shape, budget);
    EXPECT_EQ(made.status().code(), c.code) << made.status();
    EXPECT_EQ(budget->held(), 0);
  }
  EXPECT_EQ(Tensor::Make(DType::kFloat, {512, 513}, budget).status().message(),
            "tensor float32[512,513]: memory limit reached: asked for 1050624 bytes, 0 held, limit "
            "1048576");
}

TEST(TensorTest, EmptyTensorsExist) {
  const Tensor t = *Tensor::Make(DType::kFloat, {3, 0, 2});
  EXPECT_FALSE(t.empty_handle());
  EXPECT_EQ(t.num_elements(), 0);
  EXPECT_TRUE(t.flat<float>().empty());
  EXPECT_TRUE(BitEqual(t, *t.Clone()));
  EXPECT_FALSE(BitEqual(t, *t.Reshaped({0})));
  EXPECT_EQ(t.DebugString(), "float32[3,0,2] {}");
}

// Every C++ type that a tensor can hold: made, read back, copied, compared.
template <typename T>
class ElementTest : public ::testing::Test {};

template <typename T>
T MakeValue(int i) {
  if constexpr (std::is_same_v<T, std::string>) {
    return std::string(i * 20, 'a' + i);
  } else if constexpr (std::is_same_v<T, ResourceRef>) {
    return std::make_shared<Thing>();
  } else if constexpr (std::is_same_v<T, bool>) {
    return i % 2 != 0;
  } else {
    return T(static_cast<float>(i));
  }
}

template <typename T>
bool Equal(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return a.bits == b.bits;
  } else {
    return a == b;
  }
}

using ElementTypes =
    ::testing::Types<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                     uint64_t, bool, Half, BFloat16, std::string, std::complex<float>,
                     std::complex<double>, ResourceRef>;
TYPED_TEST_SUITE(ElementTest, ElementTypes);

TYPED_TEST(ElementTest, RoundTrip) {
  using T = TypeParam;
  const T a = MakeValue<T>(0), b = MakeValue<T>(1), c = MakeValue<T>(2);
  Tensor t = Tensor::Of<T>({3, 1}, {a, b, c});
  EXPECT_EQ(t.dtype(), DTypeOf<T>::value);
  EXPECT_EQ(t.byte_size(), static_cast<int64_t>(3 * sizeof(T)));
  EXPECT_TRUE(Equal(t.template flat<T>()[0], a));
  EXPECT_TRUE(Equal(t.template data<T>()[2], c));
  Tensor copy = *t.Clone();
  EXPECT_FALSE(copy.SharesBufferWith(t));
  EXPECT_TRUE(BitEqual(copy, t));
  copy.template mutable_flat<T>()[0] = b;
  EXPECT_FALSE(BitEqual(copy, t));
  EXPECT_TRUE(Equal(t.template flat<T>()[0], a));
  copy.CopyElements(t);
  EXPECT_TRUE(BitEqual(copy, t));
  EXPECT_TRUE(Equal(Tensor::Scalar<T>(b).template scalar<T>(), b));
  Tensor zeros = Tensor::Zeros(DTypeOf<T>::value, {2});
  EXPECT_TRUE(Equal(zeros.template flat<T>()[1], T()));
}

TEST(TensorTest, CopiesShareAndClonesDoNot) {
  Tensor a = Tensor::Of<int32_t>({2}, {1, 2});
  EXPECT_TRUE(a.unique());
  Tensor b = a;
  EXPECT_FALSE(a.unique());
  EXPECT_TRUE(a.SharesBufferWith(b));
  b.mutable_flat<int32_t>()[0] = 7;
  EXPECT_EQ(a.flat<int32_t>()[0], 7);
  b = Tensor();
  EXPECT_TRUE(a.unique());
  const Tensor moved = std::move(a);
  EXPECT_TRUE(moved.unique());
}

TEST(TensorTest, CloneAsksTheBudget) {
  const auto budget = std::make_shared<MemoryBudget>(8);
  const Tensor t = Tensor::Of<int32_t>({2}, {1, 2});
  const Tensor copy = *t.Clone(budget);
  EXPECT_EQ(budget->held(), 8);
  EXPECT_EQ(t.Clone(budget).status().code(), Code::kResourceExhausted);
}

TEST(TensorTest, WrongUseOfOurOwnDies) {
  const Tensor t = Tensor::Of<int32_t>({2}, {1, 2});
  EXPECT_DEATH(t.flat<float>(), "tensor of int32 read as float32");
  EXPECT_DEATH(t.scalar<int32_t>(), "read as a scalar");
  EXPECT_DEATH(Tensor::Of<float>({3}, {1, 2}), "values for shape \\[3\\]");
  EXPECT_DEATH(Tensor::Zeros(DType::kFloat, {-1}), "fully defined");
  Tensor f = Tensor::Zeros(DType::kFloat, {2});
  EXPECT_DEATH(f.CopyElements(t), "int32\\[2\\] into float32\\[2\\]");
}

TEST(TensorTest, Reshaped) {
  const Tensor t = Tensor::Of<int32_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor r = *t.Reshaped({3, 1, 2});
  EXPECT_EQ(r.shape(), (TensorShape{3, 1, 2}));
  EXPECT_TRUE(r.SharesBufferWith(t));
  const TensorShape kBad[] = {{5}, {-2, -3}, {-1, 3}, {}, {4194305, 4194305, 211106198978564}};
  for (const TensorShape& shape : kBad) {
    EXPECT_EQ(t.Reshaped(shape).status().code(), Code::kInvalidArgument) << shape.ToString();
  }
  EXPECT_EQ(t.Reshaped({4}).status().message(), "cannot reshape 6 elements of shape [2,3] to [4]");
}

TEST(TensorTest, ViewsLieWhereTheyAreTold) {
  const BufferRef buffer = *Buffer::Make(DType::kUint8, 100, std::make_shared<MemoryBudget>(1000));
  Tensor a = Tensor::View(buffer, 0, DType::kInt32, {4});
  Tensor b = Tensor::View(buffer, 64, DType::kInt32, {3, 3});
  EXPECT_TRUE(a.SharesBufferWith(b));
  EXPECT_EQ(static_cast<const char*>(b.raw()) - static_cast<const char*>(a.raw()), 64);
  b.mutable_flat<int32_t>()[8] = 5;  // the last one that fits: bytes 96 to 99
  const Tensor empty = Tensor::View(buffer, 100, DType::kFloat, {0});
  EXPECT_EQ(empty.num_elements(), 0);
  EXPECT_DEATH(Tensor::View(buffer, 64, DType::kInt32, {10}), "at byte 64 of 100");
  EXPECT_DEATH(Tensor::View(buffer, -4, DType::kInt32, {1}), "at byte -4");
  EXPECT_DEATH(Tensor::View(buffer, 2, DType::kInt32, {1}), "");
  EXPECT_DEATH(Tensor::View(buffer, 0, DType::kString, {1}), "on a buffer of uint8");
  EXPECT_DEATH(Tensor::View(BufferRef(), 0, DType::kFloat, {1}), "");
}

TEST(TensorTest, AShapeAloneHasNoElements) {
  const Tensor t = Tensor::ShapeOnly(DType::kFloat, {2, 3});
  EXPECT_EQ(t.num_elements(), 6);
  EXPECT_EQ(t.byte_size(), 24);
  EXPECT_EQ(t.raw(), nullptr);
  EXPECT_FALSE(t.empty_handle() || t.unique());
  EXPECT_EQ(t.DebugString(), "float32[2,3] without elements");
  EXPECT_EQ(t.Clone()->raw(), nullptr);
  EXPECT_EQ(t.Reshaped({6})->raw(), nullptr);
  EXPECT_FALSE(BitEqual(t, Tensor::Zeros(DType::kFloat, {2, 3})));
  EXPECT_DEATH(t.flat<float>(), "no elements");
  EXPECT_DEATH(Tensor::Zeros(DType::kFloat, {2, 3}).CopyElements(t), "");
  EXPECT_DEATH(Tensor::ShapeOnly(DType::kFloat, {-1}), "");
}

TEST(TensorTest, ToInt64s) {
  using Values = std::vector<int64_t>;
  EXPECT_EQ(*Tensor::Of<int32_t>({2}, {-1, INT32_MAX}).ToInt64s(), (Values{-1, INT32_MAX}));
  EXPECT_EQ(*Tensor::Of<int64_t>({1, 1}, {INT64_MIN}).ToInt64s(), (Values{INT64_MIN}));
  EXPECT_EQ(Tensor::Scalar(1.0f).ToInt64s().status().message(),
            "expected int32 or int64 values, got float32");
  EXPECT_FALSE(Tensor().ToInt64s().ok());
}

TEST(TensorTest, BitEqualMeansBits) {
  const float nan = std::nanf("");
  EXPECT_TRUE(BitEqual(Tensor::Scalar(nan), Tensor::Scalar(nan)));
  EXPECT_FALSE(BitEqual(Tensor::Scalar(0.0f), Tensor::Scalar(-0.0f)));
  EXPECT_FALSE(BitEqual(Tensor::Scalar(int32_t{0}), Tensor::Scalar(uint32_t{0})));
  EXPECT_FALSE(BitEqual(Tensor::Of<int32_t>({2}, {1, 2}), Tensor::Of<int32_t>({2, 1}, {1, 2})));
  EXPECT_TRUE(BitEqual(Tensor::Of<std::string>({2}, {"a", std::string(1, '\0')}),
                       Tensor::Of<std::string>({2}, {"a", std::string(1, '\0')})));
  EXPECT_FALSE(BitEqual(Tensor::Scalar<std::string>("a"),
                        Tensor::Scalar<std::string>(std::string("a\0", 2))));
}

TEST(TensorTest, DebugString) {
  EXPECT_EQ(Tensor::Of<float>({2, 2}, {1, 2.5, -0.0, 1e-20}).DebugString(),
            "float32[2,2] {1, 2.5, -0, 1e-20}");
  EXPECT_EQ(Tensor::Of<float>({3}, {0.1f, NAN, -INFINITY}).DebugString(),
            "float32[3] {0.1, nan, -inf}");
  EXPECT_EQ(Tensor::Of<int32_t>({3}, {1, 2, 3}).DebugString(2), "int32[3] {1, 2, ...}");
  EXPECT_EQ(Tensor::Of<int32_t>({3}, {1, 2, 3}).DebugString(0), "int32[3] {...}");
  EXPECT_EQ(Tensor::Of<int8_t>({2}, {-1, 65}).DebugString(), "int8[2] {-1, 65}");
  EXPECT_EQ(Tensor::Of<bool>({2}, {true, false}).DebugString(), "bool[2] {true, false}");
  EXPECT_EQ(Tensor::Scalar(Half(1.5f)).DebugString(), "float16[] {1.5}");
  EXPECT_EQ(Tensor::Scalar(std::complex<float>(1, -2)).DebugString(), "complex64[] {(1,-2)}");
  EXPECT_EQ(Tensor::Scalar<std::string>("a\n").DebugString(), "string[] {\"a\\n\"}");
  EXPECT_EQ(Tensor::Scalar<ResourceRef>(std::make_shared<Thing>()).DebugString(),
            "resource[] {thing}");
  Tensor quantized = Tensor::Zeros(DType::kQuint8, {1});
  static_cast<uint8_t*>(quantized.mutable_raw())[0] = 200;
  EXPECT_EQ(quantized.DebugString(), "quint8[1] {200}");
}

}  // namespace
}  // namespace sluice
