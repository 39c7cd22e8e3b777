#include "io/coding.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(Coding, FixedNumbersAreLittleEndian) {
  std::string out;
  AppendFixed32(&out, 0x01020304);
  AppendFixed64(&out, 0x1112131415161718);
  EXPECT_EQ(out, std::string("\x04\x03\x02\x01\x18\x17\x16\x15\x14\x13\x12\x11"));
  EXPECT_EQ(DecodeFixed32(out.data()), 0x01020304u);
  EXPECT_EQ(DecodeFixed64(out.data() + 4), 0x1112131415161718u);
}

struct VarintCase {
  uint64_t value;
  std::string bytes;
};
const VarintCase kVarints[] = {
    {0, std::string(1, '\0')},
    {1, "\x01"},
    {127, "\x7f"},
    {128, "\x80\x01"},
    {300, "\xac\x02"},
    {0xffffffff, "\xff\xff\xff\xff\x0f"},
    {uint64_t{1} << 63, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"},
    {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
};

TEST(Coding, Varints) {
  for (const VarintCase& c : kVarints) {
    std::string out;
    AppendVarint64(&out, c.value);
    EXPECT_EQ(out, c.bytes) << c.value;
    out += "rest";
    absl::string_view view = out;
    uint64_t value = 0;
    ASSERT_TRUE(ConsumeVarint64(&view, &value)) << c.value;
    EXPECT_EQ(value, c.value);
    EXPECT_EQ(view, "rest");
    view = out;
    uint32_t narrow = 0;
    EXPECT_EQ(ConsumeVarint32(&view, &narrow), c.value <= UINT32_MAX) << c.value;
  }
}

TEST(Coding, BadVarintsLeaveTheInputAlone) {
  const std::string bad[] = {
      "",
      "\x80",
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff",          // cut off after 9 bytes
      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",      // bit 64
      "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",  // 11 bytes
  };
  for (const std::string& bytes : bad) {
    absl::string_view view = bytes;
    uint64_t value = 42;
    EXPECT_FALSE(ConsumeVarint64(&view, &value));
    EXPECT_EQ(view, bytes);
    EXPECT_EQ(value, 42u);
  }
}

}  // namespace
}  // namespace sluice
