// Just enough JSON to print: objects keep the order in which members were set.
#ifndef SLUICE_TOOLS_SLUICE_JSON_H_
#define SLUICE_TOOLS_SLUICE_JSON_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "core/tensor_shape.h"

namespace sluice::tools {

// A value as its text. Strings are escaped; bytes that are not UTF-8 become U+FFFD.
class Json {
 public:
  Json(absl::string_view s);                                  // NOLINT: implicit
  Json(const std::string& s) : Json(absl::string_view(s)) {}  // NOLINT: implicit
  Json(const char* s) : Json(absl::string_view(s)) {}         // NOLINT: implicit
  Json(int64_t i);                                            // NOLINT: implicit
  static Json Object() { return Json('{', '}'); }
  static Json Array() { return Json('[', ']'); }
  static Json Null();
  static Json Bool(bool b);
  static Json Number(double x);   // six figures; null for what is no number
  static Json Precise(double x);  // as many figures as it takes to read the same number back

  Json& Set(absl::string_view key, const Json& value);  // REQUIRES: made by Object()
  Json& Add(const Json& value);                         // REQUIRES: made by Array()
  std::string text() const;

 private:
  Json(char open, char close) : text_(1, open), close_(close) {}
  std::string text_;
  char close_ = 0;  // still to be written
};

// [2, -1, 3]; null for an unknown rank.
Json ShapeJson(const TensorShape& shape);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_JSON_H_
