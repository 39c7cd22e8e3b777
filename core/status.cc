#include "core/status.h"

#include "absl/strings/cord.h"
#include "absl/strings/str_format.h"

namespace sluice {

absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status result(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

std::string Printable(absl::string_view text) {
  constexpr size_t kMaxLength = 200;
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    std::string piece;
    if (c == '\n') {
      piece = "\\n";
    } else if (c == '\t') {
      piece = "\\t";
    } else if (c == '\r') {
      piece = "\\r";
    } else if (byte < 0x20 || byte > 0x7e) {
      piece = absl::StrFormat("\\x%02x", byte);
    } else {
      piece = c;
    }
    if (result.size() + piece.size() > kMaxLength) return result + "...";
    result += piece;
  }
  return result;
}

}  // namespace sluice
