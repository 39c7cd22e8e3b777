#include "layers/layer_name.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sluice::layers {

std::string SnakeCase(absl::string_view class_name) {
  const auto upper = [](char c) { return absl::ascii_isupper(c); };
  const auto lower = [](char c) { return absl::ascii_islower(c); };
  const size_t n = class_name.size();
  std::string snake;
  for (size_t i = 0; i < n; ++i) {
    const char c = class_name[i];
    if (i > 0 && upper(c)) {
      const bool starts_word =
          i + 1 < n && (lower(class_name[i + 1]) || absl::ascii_isdigit(class_name[i + 1]));
      // "2D" is no word of its own: "conv2d".
      const bool after_digit = absl::ascii_isdigit(class_name[i - 1]);
      if (lower(class_name[i - 1]) || (starts_word && (!after_digit || lower(class_name[i + 1]))))
        snake += '_';
    }
    snake += absl::ascii_tolower(c);
  }
  return !snake.empty() && snake[0] == '_' ? absl::StrCat("private", snake) : snake;
}

}  // namespace sluice::layers
