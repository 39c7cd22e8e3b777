#include "io/crc32c.h"

#include <random>
#include <string>

#include "gtest/gtest.h"

namespace sluice {
namespace {

std::string Ascending() {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

std::string Descending() {
  const std::string up = Ascending();
  return std::string(up.rbegin(), up.rend());
}

struct Vector {
  const char* name;
  std::string bytes;
  uint32_t crc;
};

// RFC 3720, appendix B.4, and the check value of the CRC catalogues.
const Vector kVectors[] = {
    {"nothing", "", 0},
    {"check", "123456789", 0xE3069283},
    {"zeros", std::string(32, '\0'), 0x8A9136AA},
    {"ones", std::string(32, '\xff'), 0x62A8AB43},
    {"ascending", Ascending(), 0x46DD794E},
    {"descending", Descending(), 0x113FDB5C},
    {"iscsi_read",
     std::string("\x01\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0\x04\0\0\0\0\x14\0\0\0\x18"
                 "\x28\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
                 48),
     0xD9963A56},
};

TEST(Crc32c, PublishedVectors) {
  for (const Vector& v : kVectors) {
    EXPECT_EQ(crc32c::Value(v.bytes), v.crc) << v.name;
    EXPECT_EQ(crc32c::ExtendPortable(0, v.bytes), v.crc) << v.name;
  }
}

// The definition, one bit at a time.
uint32_t Slow(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78 : 0);
  }
  return ~crc;
}

TEST(Crc32c, EveryLengthAlignmentAndSplit) {
  std::mt19937 random(7);
  std::string all(300, '\0');
  for (char& c : all) c = static_cast<char>(random());
  for (size_t start = 0; start < 9; ++start) {
    for (size_t size = 0; size < 70; ++size) {
      const std::string part = all.substr(start, size);
      const uint32_t want = Slow(part);
      const absl::string_view view(all.data() + start, size);  // as aligned as `start`
      ASSERT_EQ(crc32c::Value(view), want) << start << "+" << size;
      ASSERT_EQ(crc32c::ExtendPortable(0, view), want) << start << "+" << size;
      const size_t cut = size / 3;
      ASSERT_EQ(crc32c::Extend(crc32c::Value(view.substr(0, cut)), view.substr(cut)), want);
    }
  }
}

TEST(Crc32c, MaskedValues) {
  EXPECT_EQ(crc32c::Mask(0), 0xa282ead8u);
  // 1 rotated right by 15 bits is 0x20000.
  EXPECT_EQ(crc32c::Mask(1), 0x20000u + 0xa282ead8u);
  for (const uint32_t crc : {0u, 1u, 0x80000000u, 0xffffffffu, 0xE3069283u}) {
    EXPECT_EQ(crc32c::Unmask(crc32c::Mask(crc)), crc);
    EXPECT_NE(crc32c::Mask(crc), crc);
  }
}

}  // namespace
}  // namespace sluice
