// Element types. The numbers are TensorFlow's wire numbers (types.proto), so a DType is written to
// files as it is.
#ifndef SLUICE_CORE_DTYPE_H_
#define SLUICE_CORE_DTYPE_H_

#include <complex>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

enum class DType : int32_t {
  kInvalid = 0,
  kFloat = 1,
  kDouble = 2,
  kInt32 = 3,
  kUint8 = 4,
  kInt16 = 5,
  kInt8 = 6,
  kString = 7,
  kComplex64 = 8,
  kInt64 = 9,
  kBool = 10,
  kQint8 = 11,
  kQuint8 = 12,
  kQint32 = 13,
  kBfloat16 = 14,
  kQint16 = 15,
  kQuint16 = 16,
  kUint16 = 17,
  kComplex128 = 18,
  kHalf = 19,
  kResource = 20,
  kVariant = 21,
  kUint32 = 22,
  kUint64 = 23,
};

// IEEE binary16: storage only; arithmetic happens in float. Conversion rounds to nearest, ties to
// even.
struct Half {
  uint16_t bits = 0;
  Half() = default;
  explicit Half(float value);
  explicit operator float() const;
};

// The upper half of a binary32: storage only. Conversion rounds to nearest, ties to even; NaN stays
// NaN.
struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value);
  explicit operator float() const;
};

// What a kResource element points to: something that outlives a run and belongs to a session (a
// variable).
class Resource {
 public:
  virtual ~Resource() = default;
  virtual std::string DebugString() const = 0;
};
using ResourceRef = std::shared_ptr<Resource>;

// Reference types (VariableV2's outputs) are the base type's number plus 100.
inline bool IsRef(DType d) { return static_cast<int32_t>(d) > 100; }
inline DType BaseType(DType d) {
  return IsRef(d) ? static_cast<DType>(static_cast<int32_t>(d) - 100) : d;
}
inline DType RefType(DType d) {
  return IsRef(d) ? d : static_cast<DType>(static_cast<int32_t>(d) + 100);
}

// True for the 23 types above and their references, false for kInvalid and any other number.
bool IsKnown(DType d);

// numpy's name, as TensorFlow's Python prints it: "float32", "int64", "bool", "string",
// "float32_ref"; "dtype(77)" when unknown.
std::string DTypeName(DType d);
std::ostream& operator<<(std::ostream& out, DType d);  // the same
// The name in an op schema: "float", "double", "int32", "half", ...
std::string DTypeSchemaName(DType d);
// Accepts schema names ("float"), numpy names ("float32") and enum names ("DT_FLOAT").
// InvalidArgument otherwise.
absl::StatusOr<DType> ParseDType(absl::string_view name);

// Bytes of one element in memory; sizeof(std::string) for kString, sizeof(ResourceRef) for
// kResource; 0 for types that a Tensor cannot hold (kVariant, kInvalid). Quantized types are stored
// as the integer of the same width.
size_t SizeOf(DType d);

// Properties of the kind of number; a reference has its base type's.
bool IsFloating(DType d);  // half, bfloat16, float, double
bool IsInteger(DType d);   // signed and unsigned integers, not quantized, not bool
bool IsComplex(DType d);
inline bool IsNumeric(DType d) { return IsFloating(d) || IsInteger(d) || IsComplex(d); }
// Types through which a gradient may flow (rule GR-4): floating, complex, resource, variant.
bool IsTrainable(DType d);
// Elements are plain bytes: may be copied with memcpy and written to files raw.
bool IsTriviallyCopyable(DType d);

// DTypeOf<T>::value for every C++ type that a tensor can hold.
template <typename T>
struct DTypeOf;
template <DType d>
struct DTypeConstant {
  static constexpr DType value = d;
};
// clang-format off
template <> struct DTypeOf<float> : DTypeConstant<DType::kFloat> {};
template <> struct DTypeOf<double> : DTypeConstant<DType::kDouble> {};
template <> struct DTypeOf<int8_t> : DTypeConstant<DType::kInt8> {};
template <> struct DTypeOf<int16_t> : DTypeConstant<DType::kInt16> {};
template <> struct DTypeOf<int32_t> : DTypeConstant<DType::kInt32> {};
template <> struct DTypeOf<int64_t> : DTypeConstant<DType::kInt64> {};
template <> struct DTypeOf<uint8_t> : DTypeConstant<DType::kUint8> {};
template <> struct DTypeOf<uint16_t> : DTypeConstant<DType::kUint16> {};
template <> struct DTypeOf<uint32_t> : DTypeConstant<DType::kUint32> {};
template <> struct DTypeOf<uint64_t> : DTypeConstant<DType::kUint64> {};
template <> struct DTypeOf<bool> : DTypeConstant<DType::kBool> {};
template <> struct DTypeOf<Half> : DTypeConstant<DType::kHalf> {};
template <> struct DTypeOf<BFloat16> : DTypeConstant<DType::kBfloat16> {};
template <> struct DTypeOf<std::string> : DTypeConstant<DType::kString> {};
template <> struct DTypeOf<std::complex<float>> : DTypeConstant<DType::kComplex64> {};
template <> struct DTypeOf<std::complex<double>> : DTypeConstant<DType::kComplex128> {};
template <> struct DTypeOf<ResourceRef> : DTypeConstant<DType::kResource> {};
// clang-format on

template <typename T>
struct TypeTag {
  using type = T;
};

// Calls f(TypeTag<T>{}) for the T of `Ts...` whose dtype is `d` and returns its absl::Status.
// Unimplemented, naming `d`, when none fits.
//   return Dispatch<float, double>(dtype, [&](auto tag) {
//     using T = typename decltype(tag)::type;
//     ...
//     return absl::OkStatus();
//   });
template <typename... Ts, typename F>
absl::Status Dispatch(DType d, F&& f) {
  absl::Status result;
  const bool found = ((DTypeOf<Ts>::value == d && ((result = f(TypeTag<Ts>{})), true)) || ...);
  return found ? result : absl::UnimplementedError("no kernel for dtype " + DTypeName(d));
}

}  // namespace sluice

#endif  // SLUICE_CORE_DTYPE_H_
