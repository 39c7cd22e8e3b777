#include "tools/sluice/json.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sluice::tools {
namespace {

// Bytes of the UTF-8 sequence that starts at s[i], 0 when it is malformed (RFC 3629).
size_t Utf8Length(absl::string_view s, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(s[k]); };
  const unsigned char first = byte(i);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                        : first >= 0xE0 && first <= 0xEF ? 3
                        : first >= 0xF0 && first <= 0xF4 ? 4
                                                         : 0;
  if (length == 0 || i + length > s.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(i + 1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool outside = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || outside ? 0 : length;
}

std::string Quoted(absl::string_view s) {
  std::string out = "\"";
  for (size_t i = 0; i < s.size();) {
    const size_t length = Utf8Length(s, i);
    const char c = s[i];
    if (length == 0) {
      out += "\\ufffd";
      ++i;
      continue;
    }
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    } else {
      out.append(s.data() + i, length);
    }
    i += length;
  }
  return out + "\"";
}

}  // namespace

Json::Json(absl::string_view s) : text_(Quoted(s)) {}
Json::Json(int64_t i) : text_(absl::StrCat(i)) {}

Json Json::Null() {
  Json null(int64_t{0});
  null.text_ = "null";
  return null;
}

Json& Json::Set(absl::string_view key, const Json& value) {
  absl::StrAppend(&text_, text_.size() > 1 ? ", " : "", Quoted(key), ": ", value.text());
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
