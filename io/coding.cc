#include "io/coding.h"

#include <bit>
#include <cstddef>
#include <cstring>
#include <limits>

namespace sluice {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they lie in memory");

uint32_t DecodeFixed32(const char* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

uint64_t DecodeFixed64(const char* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

void AppendFixed32(std::string* out, uint32_t value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendFixed64(std::string* out, uint64_t value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AppendVarint64(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

bool ConsumeVarint64(absl::string_view* bytes, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < bytes->size() && i < 10; ++i) {
    const uint64_t byte = static_cast<uint8_t>((*bytes)[i]);
    if (i == 9 && byte > 1) return false;  // more than 64 bits
    result |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      bytes->remove_prefix(i + 1);
      *value = result;
      return true;
    }
  }
  return false;
}

bool ConsumeVarint32(absl::string_view* bytes, uint32_t* value) {
  absl::string_view rest = *bytes;
  uint64_t wide = 0;
  if (!ConsumeVarint64(&rest, &wide) || wide > std::numeric_limits<uint32_t>::max()) return false;
  *bytes = rest;
  *value = static_cast<uint32_t>(wide);
  return true;
}

}  // namespace sluice
