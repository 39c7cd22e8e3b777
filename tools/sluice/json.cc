#include "tools/sluice/json.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/json_text.h"

namespace sluice::tools {

Json::Json(absl::string_view s) : text_(JsonQuoted(s)) {}
Json::Json(int64_t i) : text_(absl::StrCat(i)) {}

Json Json::Null() {
  Json null(int64_t{0});
  null.text_ = "null";
  return null;
}

Json Json::Bool(bool b) {
  Json value(int64_t{0});
  value.text_ = b ? "true" : "false";
  return value;
}

Json Json::Number(double x) {
  if (!std::isfinite(x)) return Null();
  Json value(int64_t{0});
  value.text_ = absl::StrCat(x);
  return value;
}

Json Json::Precise(double x) {
  if (!std::isfinite(x)) return Null();
  char text[32];
  const std::to_chars_result end = std::to_chars(text, text + sizeof(text), x);
  Json json(int64_t{0});
  json.text_.assign(text, end.ptr);
  return json;
}

Json& Json::Set(absl::string_view key, const Json& value) {
  absl::StrAppend(&text_, text_.size() > 1 ? ", " : "", JsonQuoted(key), ": ", value.text());
  return *this;
}

Json& Json::Add(const Json& value) {
  absl::StrAppend(&text_, text_.size() > 1 ? ", " : "", value.text());
  return *this;
}

std::string Json::text() const {
  return close_ == 0 ? text_ : absl::StrCat(text_, std::string(1, close_));
}

Json ShapeJson(const TensorShape& shape) {
  if (!shape.rank_known()) return Json::Null();
  Json list = Json::Array();
  for (int64_t d : shape.dims()) list.Add(d);
  return list;
}

}  // namespace sluice::tools
