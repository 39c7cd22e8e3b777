#include "ops/string_number.h"

#include <complex>
#include <cstdio>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

// --- AsString ------------------------------------------------------------------------------------

constexpr int64_t kMaxWidth = 1 << 20;  // of one printed number

absl::StatusOr<std::string> Format(const PrepareContext& p) {
  const DType dtype = p.input_dtype(0);
  const auto precision = p.attr<int64_t>("precision"), width = p.attr<int64_t>("width");
  const bool scientific = p.attr<bool>("scientific"), shortest = p.attr<bool>("shortest");
  const auto fill = p.attr<std::string>("fill");
  const bool fraction = IsFloating(dtype) || IsComplex(dtype);
  if (!fraction && (scientific || shortest)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "scientific and shortest format not supported for datatype ", DTypeSchemaName(dtype)));
  }
  if (!fraction && precision >= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("precision not supported for datatype ", DTypeSchemaName(dtype)));
  }
  if (fill.size() > 1) {
    return absl::InvalidArgumentError("Fill string must be one or fewer characters");
  }
  if (!fill.empty() && !absl::StrContains(" 0-+#", fill)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Fill argument not supported: \"", Printable(fill), "\""));
  }
  if (scientific && shortest) {
    return absl::InvalidArgumentError("Cannot select both scientific and shortest notation");
  }
  if (width > kMaxWidth || precision > kMaxWidth) {
    return absl::InvalidArgumentError(absl::StrCat("width and precision must be <= ", kMaxWidth,
                                                   ", got ", width, ", ", precision));
  }
  std::string format = "%";
  if (width > -1) absl::StrAppend(&format, fill, width);
  if (precision > -1) absl::StrAppend(&format, ".", precision);
  absl::StrAppend(&format, !fraction ? "lld" : shortest ? "g" : scientific ? "e" : "f");
  return IsComplex(dtype) ? absl::StrCat("(", format, ",", format, ")") : format;
}

template <typename... Values>
void Print(const std::string& format, std::string* out, Values... values) {
  char buffer[64];
  const int length = std::snprintf(buffer, sizeof(buffer), format.c_str(), values...);
  if (length < static_cast<int>(sizeof(buffer))) {
    out->assign(buffer, static_cast<size_t>(std::max(length, 0)));
    return;
  }
  out->resize(length + 1);
  std::snprintf(out->data(), out->size(), format.c_str(), values...);
  out->resize(length);
}

template <typename T>
void PrintAll(const KernelContext& c, const std::string& format, absl::Span<std::string> to) {
  const absl::Span<const T> from = c.input(0).flat<T>();
  for (size_t i = 0; i < from.size(); ++i) {
    if constexpr (std::is_same_v<T, bool>) {
      to[i] = from[i] ? "true" : "false";
    } else if constexpr (std::is_integral_v<T>) {
      Print(format, &to[i], static_cast<long long>(from[i]));  // NOLINT: %lld
    } else if constexpr (std::is_floating_point_v<T>) {
      Print(format, &to[i], static_cast<double>(from[i]));
    } else {
      Print(format, &to[i], static_cast<double>(from[i].real()),
            static_cast<double>(from[i].imag()));
    }
  }
}

absl::StatusOr<KernelRun> AsStringPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const std::string format, Format(p));
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<int8_t, int16_t, int32_t, int64_t, std::complex<float>, std::complex<double>, float,
                double, bool>(p.input_dtype(0), [&](auto tag) {
        run = [format](KernelContext& c) {
          PrintAll<typename decltype(tag)::type>(c, format,
                                                 c.output(0).mutable_flat<std::string>());
          return absl::OkStatus();
        };
        return absl::OkStatus();
      })));
  return run;
}

// --- StringToNumber ------------------------------------------------------------------------------

bool AllDigits(absl::string_view text, bool (*is_digit)(unsigned char)) {
  for (const char c : text) {
    if (!is_digit(static_cast<unsigned char>(c))) return false;
  }
  return !text.empty();
}

bool IsHexDigit(unsigned char c) { return absl::ascii_isxdigit(c); }
bool IsDecimalDigit(unsigned char c) { return absl::ascii_isdigit(c); }

// "12", "1.", ".5", "1e-3": what TensorFlow reads.
bool IsDecimal(absl::string_view text) {
  const auto take_digits = [&] {
    size_t count = 0;
    while (count < text.size() && absl::ascii_isdigit(text[count])) ++count;
    text.remove_prefix(count);
    return count;
  };
  size_t digits = take_digits();
  if (absl::ConsumePrefix(&text, ".")) digits += take_digits();
  if (digits == 0) return false;
  if (text.empty()) return true;
  if (!absl::ConsumePrefix(&text, "e") && !absl::ConsumePrefix(&text, "E")) return false;
  if (!absl::ConsumePrefix(&text, "-")) absl::ConsumePrefix(&text, "+");
  return AllDigits(text, IsDecimalDigit);
}

bool ReadNumber(absl::string_view text, double* value) {
  constexpr size_t kTooLong = 32;  // TensorFlow's buffer
  if (text.size() >= kTooLong) return false;
  text = absl::StripAsciiWhitespace(text);
  bool negative = false;
  if (absl::ConsumePrefix(&text, "-")) {
    negative = true;
  } else {
    absl::ConsumePrefix(&text, "+");
  }
  if (absl::EqualsIgnoreCase(text, "inf")) {
    *value = std::numeric_limits<double>::infinity();
  } else if (absl::EqualsIgnoreCase(text, "nan")) {
    *value = std::numeric_limits<double>::quiet_NaN();
  } else if (absl::StartsWithIgnoreCase(text, "0x")) {
    if (!AllDigits(text.substr(2), IsHexDigit)) return false;
    *value = std::strtod(std::string(text).c_str(), nullptr);
  } else {
    if (!IsDecimal(text) || !absl::SimpleAtod(text, value)) return false;
  }
  if (negative) *value = -*value;
  return true;
}

bool ReadNumber(absl::string_view text, float* value) {
  double wide;
  if (!ReadNumber(text, &wide)) return false;
  *value = static_cast<float>(wide);
  // Rounding twice can differ from rounding once: read decimals as floats.
  const absl::string_view trimmed = absl::StripAsciiWhitespace(text);
  if (trimmed.find_first_of("xX") != absl::string_view::npos) return true;
  float narrow;
  if (absl::SimpleAtof(trimmed, &narrow)) *value = narrow;
  return true;
}

template <typename Int>
bool ReadNumber(absl::string_view text, Int* value) {
  const absl::string_view trimmed = absl::StripAsciiWhitespace(text);
  return !absl::StartsWith(trimmed, "+") && absl::SimpleAtoi(trimmed, value);
}

template <typename T>
absl::Status ToNumberRun(KernelContext& c) {
  const absl::Span<const std::string> from = c.input(0).flat<std::string>();
  const absl::Span<T> to = c.output(0).mutable_flat<T>();
  for (size_t i = 0; i < from.size(); ++i) {
    if (ReadNumber(absl::string_view(from[i]), &to[i])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("StringToNumberOp could not correctly convert string: ", Printable(from[i])));
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> ToNumberPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int32_t, int64_t>(p.output_dtype(0), [&](auto tag) {
        run = &ToNumberRun<typename decltype(tag)::type>;
        return absl::OkStatus();
      })));
  return run;
}

}  // namespace

OpSpec AsStringOp() {
  return OpSpec("AsString")
      .Input("input: T")
      .Output("output: string")
      .Attr("T: {int8, int16, int32, int64, complex64, complex128, float, double, bool}")
      .Attr("precision: int = -1")
      .Attr("scientific: bool = false")
      .Attr("shortest: bool = false")
      .Attr("width: int = -1")
      .Attr("fill: string = ''")
      .Shape(shapes::SameAsInput)
      .Prepare(AsStringPrepare)
      .NotDifferentiable("its output is a string");
}

OpSpec StringToNumberOp() {
  return OpSpec("StringToNumber")
      .Input("string_tensor: string")
      .Output("output: out_type")
      .Attr("out_type: {float, double, int32, int64} = DT_FLOAT")
      .Shape(shapes::SameAsInput)
      .Prepare(ToNumberPrepare)
      .NotDifferentiable("its input is a string");
}

Output AsString(At at, Output input, const AsStringOptions& options) {
  return at.Node("AsString", {input},
                 {{"precision", options.precision},
                  {"scientific", options.scientific},
                  {"shortest", options.shortest},
                  {"width", options.width},
                  {"fill", options.fill}});
}
Output StringToNumber(At at, Output string_tensor, DType out_type) {
  return at.Node("StringToNumber", {string_tensor}, {{"out_type", out_type}});
}

}  // namespace sluice::ops
