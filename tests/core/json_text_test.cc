#include "core/json_text.h"

#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(JsonTextTest, WhatMustBeEscapedIs) {
  EXPECT_EQ(JsonQuoted(""), "\"\"");
  EXPECT_EQ(JsonQuoted("q\" b\\ n\n z\x01"), "\"q\\\" b\\\\ n\\u000a z\\u0001\"");
  EXPECT_EQ(JsonQuoted(absl::string_view("\0x", 2)), "\"\\u0000x\"");
}

TEST(JsonTextTest, Utf8StaysAndDamageIsReplaced) {
  EXPECT_EQ(JsonQuoted("\xc3\xa4\xf0\x9f\x98\x80"), "\"\xc3\xa4\xf0\x9f\x98\x80\"");
  // A lone continuation byte, an overlong form, a surrogate, a cut sequence.
  EXPECT_EQ(JsonQuoted("\x80"), "\"\\ufffd\"");
  EXPECT_EQ(JsonQuoted("\xc0\xaf"), "\"\\ufffd\\ufffd\"");
  EXPECT_EQ(JsonQuoted("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
  EXPECT_EQ(JsonQuoted("a\xe2\x82"), "\"a\\ufffd\\ufffd\"");
}

}  // namespace
}  // namespace sluice
