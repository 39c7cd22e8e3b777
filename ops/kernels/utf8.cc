#include "ops/kernels/utf8.h"

#include <locale.h>
#include <wctype.h>

#include <cstdint>

namespace sluice::ops {
namespace {

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The code point that begins at `*position`, which moves behind it. False where there is none.
bool TakeCodePoint(absl::string_view text, size_t* position, uint32_t* code) {
  const auto first = static_cast<unsigned char>(text[*position]);
  const int length = first < 0x80       ? 1
                     : first >> 5 == 6  ? 2
                     : first >> 4 == 14 ? 3
                     : first >> 3 == 30 ? 4
                                        : 0;
  if (length == 0 || *position + length > text.size()) return false;
  *code = length == 1 ? first : first & (0x7F >> length);
  for (int i = 1; i < length; ++i) {
    const char next = text[*position + i];
    if (!Continues(next)) return false;
    *code = *code << 6 | (static_cast<unsigned char>(next) & 0x3F);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  *position += length;
  return *code >= kLeast[length] && *code <= 0x10FFFF && (*code < 0xD800 || *code > 0xDFFF);
}

void AppendCodePoint(uint32_t code, std::string* to) {
  if (code < 0x80) {
    to->push_back(static_cast<char>(code));
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  to->push_back(static_cast<char>((0xFF00 >> (more + 1)) | (code >> (6 * more))));
  for (int i = more - 1; i >= 0; --i) {
    to->push_back(static_cast<char>(0x80 | ((code >> (6 * i)) & 0x3F)));
  }
}

}  // namespace

size_t CountUtf8(absl::string_view text) {
  size_t count = 0;
  for (const char c : text) count += !Continues(c);
  return count;
}

size_t NextUtf8(absl::string_view text, size_t position) {
  do {
    ++position;
  } while (position < text.size() && Continues(text[position]));
  return position;
}

absl::Status ChangeCaseUtf8(absl::string_view text, bool upper, std::string* to) {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (locale == nullptr) return absl::UnimplementedError("the system has no locale C.UTF-8");
  to->clear();
  for (size_t position = 0; position < text.size();) {
    uint32_t code = 0;
    if (!TakeCodePoint(text, &position, &code)) {
      return absl::InvalidArgumentError("a string is not valid UTF-8");
    }
    AppendCodePoint(upper ? towupper_l(code, locale) : towlower_l(code, locale), to);
  }
  return absl::OkStatus();
}

}  // namespace sluice::ops
