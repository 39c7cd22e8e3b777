#include "core/dtype.h"

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <sstream>

#include "gtest/gtest.h"

namespace sluice {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

uint32_t Bits(float f) {
  uint32_t bits;
  std::memcpy(&bits, &f, sizeof(bits));
  return bits;
}

float FromBits(uint32_t bits) {
  float f;
  std::memcpy(&f, &bits, sizeof(f));
  return f;
}

Half HalfOf(uint16_t bits) {
  Half h;
  h.bits = bits;
  return h;
}

BFloat16 BFloat16Of(uint16_t bits) {
  BFloat16 b;
  b.bits = bits;
  return b;
}

// The value that IEEE 754 gives to a binary16 pattern with the sign bit clear: the slow twin.
double HalfValue(uint16_t bits) {
  const int exponent = bits >> 10;
  const int fraction = bits & 0x3ff;
  return exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
}

TEST(HalfTest, EveryPatternHasItsValue) {
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const double value = HalfValue(static_cast<uint16_t>(bits));
    EXPECT_EQ(Bits(static_cast<float>(HalfOf(bits))), Bits(static_cast<float>(value))) << bits;
    EXPECT_EQ(Bits(static_cast<float>(HalfOf(bits | 0x8000))), Bits(static_cast<float>(-value)))
        << bits;
  }
  EXPECT_EQ(static_cast<float>(HalfOf(0x7c00)), kInf);
  EXPECT_EQ(static_cast<float>(HalfOf(0xfc00)), -kInf);
  for (uint32_t bits = 0x7c01; bits <= 0x7fff; ++bits) {
    EXPECT_TRUE(std::isnan(static_cast<float>(HalfOf(bits)))) << bits;
    EXPECT_TRUE(std::signbit(static_cast<float>(HalfOf(bits | 0x8000)))) << bits;
  }
}

TEST(HalfTest, EveryPatternSurvivesFloat) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const bool nan = (bits & 0x7fff) > 0x7c00;
    // A signalling NaN becomes the quiet one with the same payload.
    const uint32_t expected = nan ? bits | 0x200 : bits;
    EXPECT_EQ(Half(static_cast<float>(HalfOf(bits))).bits, expected) << bits;
  }
}

// Between every two neighbours: the middle goes to the even one, everything beside it to the near
// one. The neighbour above the largest number is what 65536 would be: infinity's pattern.
TEST(HalfTest, RoundsToNearestTiesToEven) {
  for (uint32_t low = 0; low < 0x7c00; ++low) {
    const double high_value = low + 1 == 0x7c00 ? 65536 : HalfValue(low + 1);
    const auto middle = static_cast<float>((HalfValue(low) + high_value) / 2);  // exact
    const uint32_t even = low % 2 == 0 ? low : low + 1;
    EXPECT_EQ(Half(middle).bits, even) << low;
    EXPECT_EQ(Half(std::nextafter(middle, 0.0f)).bits, low) << low;
    EXPECT_EQ(Half(std::nextafter(middle, kInf)).bits, low + 1) << low;
    EXPECT_EQ(Half(-middle).bits, 0x8000 | even) << low;
  }
}

TEST(HalfTest, ByHand) {
  const struct {
    float value;
    uint16_t bits;
  } kCases[] = {
      {0.0f, 0x0000},         {-0.0f, 0x8000},    {1.0f, 0x3c00},
      {-2.0f, 0xc000},        {65504.0f, 0x7bff},  // largest
      {65519.996f, 0x7bff},                        // rounds down to it
      {65520.0f, 0x7c00},                          // the middle to "65536": even, infinity
      {1e30f, 0x7c00},                             //
      {0x1p-14f, 0x0400},                          // smallest normal
      {0x1p-24f, 0x0001},                          // smallest subnormal
      {0x1p-25f, 0x0000},                          // its half: a tie, to zero
      {0x1.8p-24f, 0x0002},                        // 1.5 of them: a tie, to 2
      {0x1.000002p-25f, 0x1},                      // just above the tie
      {1e-45f, 0x0000},                            // a float subnormal
      {2049.0f, 0x6800},                           // between 2048 and 2050
      {2051.0f, 0x6802},                           // between 2050 and 2052
      {kInf, 0x7c00},         {-kInf, 0xfc00},
  };
  for (const auto& c : kCases) EXPECT_EQ(Half(c.value).bits, c.bits) << c.value;
  EXPECT_EQ(Half(std::nanf("")).bits, 0x7e00);
  EXPECT_EQ(Half(FromBits(0x7f800001)).bits, 0x7e00);  // payload lost by the cut: still a NaN
}

__attribute__((target("f16c"))) uint16_t HardwareHalf(float value) {
  return _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT);
}
__attribute__((target("f16c"))) float HardwareFloat(uint16_t bits) { return _cvtsh_ss(bits); }

TEST(HalfTest, AgreesWithTheProcessor) {
  if (!__builtin_cpu_supports("f16c")) GTEST_SKIP() << "no F16C";
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    ASSERT_EQ(Bits(static_cast<float>(HalfOf(bits))), Bits(HardwareFloat(bits))) << bits;
  }
  // A prime step: 1.7 million floats of every exponent, both signs, NaNs included.
  for (uint64_t bits = 0; bits <= 0xffffffff; bits += 2503) {
    const float value = FromBits(static_cast<uint32_t>(bits));
    ASSERT_EQ(Half(value).bits, HardwareHalf(value)) << std::hex << bits;
  }
}

TEST(BFloat16Test, EveryPatternSurvivesFloat) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto value = static_cast<float>(BFloat16Of(bits));
    EXPECT_EQ(Bits(value), bits << 16);
    EXPECT_EQ(BFloat16(value).bits, std::isnan(value) ? bits | 0x40 : bits) << bits;
  }
}

TEST(BFloat16Test, RoundsToNearestTiesToEven) {
  for (uint32_t low = 0; low < 0x7f80; ++low) {
    const uint32_t middle = (low << 16) | 0x8000;
    const uint32_t even = low % 2 == 0 ? low : low + 1;
    EXPECT_EQ(BFloat16(FromBits(middle)).bits, even) << low;
    EXPECT_EQ(BFloat16(FromBits(middle - 1)).bits, low) << low;
    EXPECT_EQ(BFloat16(FromBits(middle + 1)).bits, low + 1) << low;
    EXPECT_EQ(BFloat16(FromBits(0x80000000 | middle)).bits, 0x8000 | even) << low;
  }
}

TEST(BFloat16Test, ByHand) {
  EXPECT_EQ(BFloat16(1.0f).bits, 0x3f80);
  EXPECT_EQ(BFloat16(-0.0f).bits, 0x8000);
  EXPECT_EQ(BFloat16(1.00390625f).bits, 0x3f80);  // 1 + 2^-8: a tie, to 1
  EXPECT_EQ(BFloat16(1.01171875f).bits, 0x3f82);  // 1 + 3 * 2^-8: a tie, to 1 + 2^-6
  EXPECT_EQ(BFloat16(kInf).bits, 0x7f80);
  EXPECT_EQ(BFloat16(std::numeric_limits<float>::max()).bits, 0x7f80);  // above the largest
  EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(FromBits(0x7f800001)))));
  EXPECT_TRUE(std::isnan(static_cast<float>(BFloat16(FromBits(0xffffffff)))));
}

struct TypeCase {
  int number;
  const char* name;
  const char* schema;
  const char* enum_name;
  size_t size;
  const char* kind;  // f(loating), i(nteger), c(omplex), b(ool), q(uantized), o(bject)
};

// types.proto and numpy's names.
const TypeCase kTypes[] = {
    {1, "float32", "float", "DT_FLOAT", 4, "f"},
    {2, "float64", "double", "DT_DOUBLE", 8, "f"},
    {3, "int32", "int32", "DT_INT32", 4, "i"},
    {4, "uint8", "uint8", "DT_UINT8", 1, "i"},
    {5, "int16", "int16", "DT_INT16", 2, "i"},
    {6, "int8", "int8", "DT_INT8", 1, "i"},
    {7, "string", "string", "DT_STRING", sizeof(std::string), "o"},
    {8, "complex64", "complex64", "DT_COMPLEX64", 8, "c"},
    {9, "int64", "int64", "DT_INT64", 8, "i"},
    {10, "bool", "bool", "DT_BOOL", 1, "b"},
    {11, "qint8", "qint8", "DT_QINT8", 1, "q"},
    {12, "quint8", "quint8", "DT_QUINT8", 1, "q"},
    {13, "qint32", "qint32", "DT_QINT32", 4, "q"},
    {14, "bfloat16", "bfloat16", "DT_BFLOAT16", 2, "f"},
    {15, "qint16", "qint16", "DT_QINT16", 2, "q"},
    {16, "quint16", "quint16", "DT_QUINT16", 2, "q"},
    {17, "uint16", "uint16", "DT_UINT16", 2, "i"},
    {18, "complex128", "complex128", "DT_COMPLEX128", 16, "c"},
    {19, "float16", "half", "DT_HALF", 2, "f"},
    {20, "resource", "resource", "DT_RESOURCE", sizeof(ResourceRef), "o"},
    {21, "variant", "variant", "DT_VARIANT", 0, "o"},
    {22, "uint32", "uint32", "DT_UINT32", 4, "i"},
    {23, "uint64", "uint64", "DT_UINT64", 8, "i"},
};

TEST(DTypeTest, EveryTypeHasItsNamesAndProperties) {
  for (const TypeCase& c : kTypes) {
    const auto d = static_cast<DType>(c.number);
    const std::string kind = c.kind;
    SCOPED_TRACE(c.name);
    EXPECT_TRUE(IsKnown(d));
    EXPECT_EQ(DTypeName(d), c.name);
    EXPECT_EQ(DTypeSchemaName(d), c.schema);
    EXPECT_EQ(ParseDType(c.name).value(), d);
    EXPECT_EQ(ParseDType(c.schema).value(), d);
    EXPECT_EQ(ParseDType(c.enum_name).value(), d);
    EXPECT_EQ(SizeOf(d), c.size);
    EXPECT_EQ(IsFloating(d), kind == "f");
    EXPECT_EQ(IsInteger(d), kind == "i");
    EXPECT_EQ(IsComplex(d), kind == "c");
    EXPECT_EQ(IsNumeric(d), kind == "f" || kind == "i" || kind == "c");
    EXPECT_EQ(IsTriviallyCopyable(d), kind != "o");
    EXPECT_EQ(IsTrainable(d), kind == "f" || kind == "c" || c.number == 20 || c.number == 21);
  }
}

TEST(DTypeTest, References) {
  for (const TypeCase& c : kTypes) {
    const auto d = static_cast<DType>(c.number);
    const auto ref = static_cast<DType>(c.number + 100);
    EXPECT_EQ(RefType(d), ref);
    EXPECT_EQ(RefType(ref), ref);
    EXPECT_EQ(BaseType(ref), d);
    EXPECT_TRUE(IsRef(ref));
    EXPECT_TRUE(IsKnown(ref));
    EXPECT_EQ(DTypeName(ref), std::string(c.name) + "_ref");
    EXPECT_EQ(ParseDType(std::string(c.name) + "_ref").value(), ref);
    EXPECT_EQ(ParseDType(std::string(c.enum_name) + "_REF").value(), ref);
    EXPECT_EQ(SizeOf(ref), 0u) << "a tensor holds no references";
    EXPECT_EQ(IsTrainable(ref), IsTrainable(d));
    EXPECT_EQ(IsFloating(ref), IsFloating(d));
    EXPECT_EQ(IsInteger(ref), IsInteger(d));
    EXPECT_EQ(IsComplex(ref), IsComplex(d));
    EXPECT_FALSE(IsTriviallyCopyable(ref));
  }
}

TEST(DTypeTest, OtherNumbersAreUnknown) {
  const int kNumbers[] = {0,   -1,  24,   77,        99,        100,
                          124, 200, 1000, INT32_MAX, INT32_MIN, INT32_MIN + 5};
  for (const int number : kNumbers) {
    const auto d = static_cast<DType>(number);
    EXPECT_FALSE(IsKnown(d)) << number;
    EXPECT_EQ(DTypeName(d), "dtype(" + std::to_string(number) + ")");
    EXPECT_EQ(SizeOf(d), 0u);
    EXPECT_FALSE(IsTriviallyCopyable(d) || IsNumeric(d) || IsTrainable(d));
  }
}

TEST(DTypeTest, OtherNamesAreRefused) {
  for (const char* name : {"", "Float", "float33", "DT_float", "DT_", "_ref", "invalid",
                           "DT_INVALID", "float ", "float_ref_ref", "dtype(77)"}) {
    EXPECT_EQ(ParseDType(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST(DispatchTest, CallsTheOneThatFits) {
  std::string called;
  const auto record = [&](auto tag) {
    using T = typename decltype(tag)::type;
    called += DTypeName(DTypeOf<T>::value);
    return absl::OkStatus();
  };
  EXPECT_TRUE((Dispatch<float, double, std::string>(DType::kDouble, record).ok()));
  EXPECT_EQ(called, "float64");
  const absl::Status none = Dispatch<float, double>(DType::kInt8, record);
  EXPECT_EQ(none.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(none.message().find("int8"), absl::string_view::npos);
  EXPECT_EQ(called, "float64");
  const auto fail = [](auto) { return absl::DataLossError("x"); };
  EXPECT_EQ((Dispatch<float, double>(DType::kFloat, fail).code()), absl::StatusCode::kDataLoss);
}

TEST(DTypeTest, SizesAreThoseOfTheCppTypes) {
  std::set<DType> seen;
  const auto check = [&](auto tag) {
    using T = typename decltype(tag)::type;
    EXPECT_EQ(SizeOf(DTypeOf<T>::value), sizeof(T));
    seen.insert(DTypeOf<T>::value);
    return absl::OkStatus();
  };
  for (const TypeCase& c : kTypes) {
    (void)Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                   uint64_t, bool, Half, BFloat16, std::string, std::complex<float>,
                   std::complex<double>, ResourceRef>(static_cast<DType>(c.number), check);
  }
  EXPECT_EQ(seen.size(), 17u);
}

TEST(DType, Prints) {
  std::ostringstream out;
  out << DType::kFloat << ' ' << DType::kString;
  EXPECT_EQ(out.str(), "float32 string");
}

}  // namespace
}  // namespace sluice
