#include "tools/sluice/json.h"

#include <limits>

#include "gtest/gtest.h"

namespace sluice::tools {
namespace {

TEST(JsonTest, Values) {
  EXPECT_EQ(Json(int64_t{-5}).text(), "-5");
  EXPECT_EQ(Json("a").text(), "\"a\"");
  EXPECT_EQ(Json::Null().text(), "null");
  EXPECT_EQ(Json::Bool(true).text(), "true");
  EXPECT_EQ(Json::Bool(false).text(), "false");
  EXPECT_EQ(Json::Number(0.25).text(), "0.25");
  EXPECT_EQ(Json::Number(-1234567890.0).text(), "-1.23457e+09");
  EXPECT_EQ(Json::Number(std::numeric_limits<double>::infinity()).text(), "null");
  EXPECT_EQ(Json::Object().text(), "{}");
  EXPECT_EQ(Json::Array().text(), "[]");
}

TEST(JsonTest, Nested) {
  Json list = Json::Array();
  list.Add(int64_t{1}).Add(Json::Object().Set("k", "v")).Add(Json::Array());
  EXPECT_EQ(Json::Object().Set("b", list).Set("a", Json::Null()).text(),
            "{\"b\": [1, {\"k\": \"v\"}, []], \"a\": null}");
}

TEST(JsonTest, StringsAreEscaped) {  // RFC 8259, section 7
  EXPECT_EQ(Json("q\" b\\ n\n z\x01").text(), "\"q\\\" b\\\\ n\\u000a z\\u0001\"");
  EXPECT_EQ(Json(std::string("\0x", 2)).text(), "\"\\u0000x\"");
  EXPECT_EQ(Json::Object().Set("a\"b", int64_t{1}).text(), "{\"a\\\"b\": 1}");
}

TEST(JsonTest, Utf8StaysAndDamageIsReplaced) {
  EXPECT_EQ(Json("\xc3\xa4\xf0\x9f\x98\x80").text(), "\"\xc3\xa4\xf0\x9f\x98\x80\"");
  // A lone continuation byte, an overlong form, a surrogate, a cut sequence.
  EXPECT_EQ(Json("\x80").text(), "\"\\ufffd\"");
  EXPECT_EQ(Json("\xc0\xaf").text(), "\"\\ufffd\\ufffd\"");
  EXPECT_EQ(Json("\xed\xa0\x80").text(), "\"\\ufffd\\ufffd\\ufffd\"");
  EXPECT_EQ(Json("a\xe2\x82").text(), "\"a\\ufffd\\ufffd\"");
}

TEST(JsonTest, Shapes) {
  EXPECT_EQ(ShapeJson({2, -1, 3}).text(), "[2, -1, 3]");
  EXPECT_EQ(ShapeJson({}).text(), "[]");
  EXPECT_EQ(ShapeJson(TensorShape::Unknown()).text(), "null");
}

}  // namespace
}  // namespace sluice::tools
