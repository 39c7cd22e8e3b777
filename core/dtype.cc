#include "core/dtype.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <ostream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"

namespace sluice {
namespace {

enum Kind {
  kNone,
  kFloatingKind,
  kIntegerKind,
  kComplexKind,
  kBoolKind,
  kQuantizedKind,
  kObjectKind
};

struct Row {
  DType dtype;
  const char* numpy;   // what messages print
  const char* schema;  // what op schemas say; upper-cased behind "DT_" it is the enum's name
  size_t size;
  Kind kind;
};

// Indexed by the wire number.
constexpr Row kRows[] = {
    {DType::kInvalid, "invalid", "invalid", 0, kNone},
    {DType::kFloat, "float32", "float", 4, kFloatingKind},
    {DType::kDouble, "float64", "double", 8, kFloatingKind},
    {DType::kInt32, "int32", "int32", 4, kIntegerKind},
    {DType::kUint8, "uint8", "uint8", 1, kIntegerKind},
    {DType::kInt16, "int16", "int16", 2, kIntegerKind},
    {DType::kInt8, "int8", "int8", 1, kIntegerKind},
    {DType::kString, "string", "string", sizeof(std::string), kObjectKind},
    {DType::kComplex64, "complex64", "complex64", 8, kComplexKind},
    {DType::kInt64, "int64", "int64", 8, kIntegerKind},
    {DType::kBool, "bool", "bool", 1, kBoolKind},
    {DType::kQint8, "qint8", "qint8", 1, kQuantizedKind},
    {DType::kQuint8, "quint8", "quint8", 1, kQuantizedKind},
    {DType::kQint32, "qint32", "qint32", 4, kQuantizedKind},
    {DType::kBfloat16, "bfloat16", "bfloat16", 2, kFloatingKind},
    {DType::kQint16, "qint16", "qint16", 2, kQuantizedKind},
    {DType::kQuint16, "quint16", "quint16", 2, kQuantizedKind},
    {DType::kUint16, "uint16", "uint16", 2, kIntegerKind},
    {DType::kComplex128, "complex128", "complex128", 16, kComplexKind},
    {DType::kHalf, "float16", "half", 2, kFloatingKind},
    {DType::kResource, "resource", "resource", sizeof(ResourceRef), kObjectKind},
    {DType::kVariant, "variant", "variant", 0, kObjectKind},
    {DType::kUint32, "uint32", "uint32", 4, kIntegerKind},
    {DType::kUint64, "uint64", "uint64", 8, kIntegerKind},
};
constexpr int kNumRows = static_cast<int>(std::size(kRows));

// The row of a type that is not a reference; kInvalid's for anything unknown.
const Row& RowOf(DType d) {
  const int i = static_cast<int>(d);
  return i > 0 && i < kNumRows ? kRows[i] : kRows[0];
}

std::string NameOf(DType d, const char* Row::*column) {
  if (!IsKnown(d)) return absl::StrCat("dtype(", static_cast<int>(d), ")");
  return absl::StrCat(RowOf(BaseType(d)).*column, IsRef(d) ? "_ref" : "");
}

uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// value / 2^shift, rounded to nearest, ties to even. 1 <= shift <= 31.
uint32_t ShiftRoundingToEven(uint32_t value, int shift) {
  const uint32_t quotient = value >> shift;
  const uint32_t rest = value & ((1u << shift) - 1);
  const uint32_t tie = 1u << (shift - 1);
  return quotient + (rest > tie || (rest == tie && (quotient & 1)) ? 1 : 0);
}

}  // namespace

Half::Half(float value) {
  constexpr uint32_t kFloatInf = 0x7f800000;
  constexpr uint32_t kTwoTo16 =
      0x47800000;  // from here on: infinity (carries do the values from 65520)
  constexpr uint32_t kMinNormal = 0x38800000;      // 2^-14
  constexpr uint32_t kHalfOfMinimum = 0x33000000;  // 2^-25: below, zero
  const uint32_t all = BitsOf(value);
  const uint32_t sign = (all >> 16) & 0x8000;
  const uint32_t magnitude = all & 0x7fffffff;
  uint32_t result;
  if (magnitude > kFloatInf) {
    result = 0x7e00 | ((magnitude >> 13) & 0x3ff);
  } else if (magnitude >= kTwoTo16) {
    result = 0x7c00;
  } else if (magnitude >= kMinNormal) {
    result = ShiftRoundingToEven(magnitude - (uint32_t{127 - 15} << 23), 13);
  } else if (magnitude >= kHalfOfMinimum) {
    const int exponent = static_cast<int>(magnitude >> 23);
    result = ShiftRoundingToEven((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
  } else {
    result = 0;
  }
  bits = static_cast<uint16_t>(sign | result);
}

Half::operator float() const {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  const uint32_t exponent = (bits >> 10) & 0x1f;
  const uint32_t mantissa = bits & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return FloatOf(sign | BitsOf(magnitude));
  }
  if (exponent == 31) {
    const uint32_t quiet = mantissa != 0 ? 0x400000 : 0;
    return FloatOf(sign | 0x7f800000 | quiet | (mantissa << 13));
  }
  return FloatOf(sign | ((exponent + 127 - 15) << 23) | (mantissa << 13));
}

BFloat16::BFloat16(float value) {
  const uint32_t all = BitsOf(value);
  if ((all & 0x7fffffff) > 0x7f800000) {
    bits = static_cast<uint16_t>((all >> 16) | 0x40);
  } else {
    bits = static_cast<uint16_t>((all + 0x7fff + ((all >> 16) & 1)) >> 16);
  }
}

BFloat16::operator float() const { return FloatOf(uint32_t{bits} << 16); }

bool IsKnown(DType d) {
  const int base = static_cast<int>(BaseType(d));
  return base > 0 && base < kNumRows;
}

std::string DTypeName(DType d) { return NameOf(d, &Row::numpy); }

std::string DTypeSchemaName(DType d) { return NameOf(d, &Row::schema); }

absl::StatusOr<DType> ParseDType(absl::string_view name) {
  std::string base(name);
  if (absl::StartsWith(name, "DT_")) {
    base = std::string(name.substr(3));
    // Enum names have no lower case letter: "DT_float" is not one.
    if (std::any_of(base.begin(), base.end(), [](char c) { return absl::ascii_islower(c); }))
      base.clear();
    absl::AsciiStrToLower(&base);
  }
  const bool is_ref = absl::EndsWith(base, "_ref");
  if (is_ref) base.resize(base.size() - 4);
  for (const Row& row : kRows) {
    if (row.kind == kNone || (base != row.numpy && base != row.schema)) continue;
    return is_ref ? RefType(row.dtype) : row.dtype;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "expected the name of a dtype such as float or int64, got \"", Printable(name), "\""));
}

size_t SizeOf(DType d) { return RowOf(d).size; }

bool IsFloating(DType d) { return RowOf(BaseType(d)).kind == kFloatingKind; }

bool IsInteger(DType d) { return RowOf(BaseType(d)).kind == kIntegerKind; }

bool IsComplex(DType d) { return RowOf(BaseType(d)).kind == kComplexKind; }

bool IsTrainable(DType d) {
  const DType base = BaseType(d);
  return IsFloating(base) || IsComplex(base) || base == DType::kResource || base == DType::kVariant;
}

bool IsTriviallyCopyable(DType d) {
  const Kind kind = RowOf(d).kind;
  return kind != kNone && kind != kObjectKind;
}

std::ostream& operator<<(std::ostream& out, DType d) { return out << DTypeName(d); }

}  // namespace sluice
