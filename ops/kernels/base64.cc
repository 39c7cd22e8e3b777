#include "ops/kernels/base64.h"

#include <array>
#include <cstdint>

namespace sluice::ops {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// The value of each character, -1 for those outside the alphabet.
std::array<int8_t, 256> MakeValues() {
  std::array<int8_t, 256> values;
  values.fill(-1);
  for (int8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kAlphabet[i])] = i;
  return values;
}

}  // namespace

std::string EncodeWebSafeBase64(absl::string_view bytes, bool pad) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  uint32_t bits = 0;
  int count = 0;  // bits that wait
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) {
      text.push_back(kAlphabet[(bits >> (count - 6)) & 63]);
    }
  }
  if (count > 0) text.push_back(kAlphabet[(bits << (6 - count)) & 63]);
  while (pad && text.size() % 4 != 0) text.push_back('=');
  return text;
}

absl::Status DecodeWebSafeBase64(absl::string_view text, std::string* bytes) {
  static const std::array<int8_t, 256> values = MakeValues();
  bytes->clear();
  if (!text.empty() && text.size() % 4 == 0) {  // only whole groups of 4 have padding
    for (int i = 0; i < 2 && text.back() == '='; ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) {
    return absl::InvalidArgumentError("Base64 string length cannot be 1 modulo 4.");
  }
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = values[static_cast<unsigned char>(c)];
    if (value < 0) return absl::InvalidArgumentError("Invalid character found in base64.");
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes->push_back(static_cast<char>(bits >> count));
  }
  return absl::OkStatus();
}

}  // namespace sluice::ops
