#include "ops/string_transform.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Texts(const std::vector<std::string>& s) {
  return Tensor::Of<std::string>({static_cast<int64_t>(s.size())}, s);
}

TEST(StringTransformTest, Case) {
  OpTest("StringLower").Input(Texts({"AbC1", "\xC3\x84"})).Expect(Texts({"abc1", "\xC3\x84"}));
  OpTest("StringUpper").Input(Texts({"AbC1", ""})).Expect(Texts({"ABC1", ""}));
  OpTest("StringLower")
      .Attr("encoding", "utf-8")
      .Input(Texts({"\xC3\x84X", "\xCE\xA3"}))  // A umlaut, sigma
      .Expect(Texts({"\xC3\xA4x", "\xCF\x83"}));
  OpTest("StringUpper")
      .Attr("encoding", "utf-8")
      .Input(Texts({"\xF0\x90\x90\xA8y"}))  // a letter of four bytes: Deseret long i
      .Expect(Texts({"\xF0\x90\x90\x80Y"}));
  OpTest("StringUpper")
      .Attr("encoding", "latin1")
      .Input(Texts({"a"}))
      .ExpectError(StatusCode::kInvalidArgument, "only utf-8 or '' (no encoding) is supported");
  for (const char* bad : {"\xC3", "\x80", "\xC0\x80", "\xED\xA0\x80", "\xF8\x88\x80\x80\x80"}) {
    OpTest("StringUpper")
        .Attr("encoding", "utf-8")
        .Input(Texts({bad}))
        .ExpectError(StatusCode::kInvalidArgument, "not valid UTF-8");
  }
}

TEST(StringTransformTest, StripAndLength) {
  OpTest("StringStrip").Input(Texts({" a b\t\n", "", "  "})).Expect(Texts({"a b", "", ""}));
  OpTest("StringLength").Input(Texts({"abc", "", "\xC3\x84"})).Expect<int32_t>({3}, {3, 0, 2});
  OpTest("StringLength")
      .Attr("unit", "UTF8_CHAR")
      .Input(Texts({"abc", "", "\xC3\x84x"}))
      .Expect<int32_t>({3}, {3, 0, 2});
}

OpTest Substr(const Tensor& text, const Tensor& pos, const Tensor& len) {
  return OpTest("Substr").Input(text).Input(pos).Input(len);
}

TEST(StringTransformTest, Substr) {
  const auto scalar = [](int32_t x) { return Tensor::Scalar(x); };
  Substr(Texts({"Hello", "World"}), scalar(1), scalar(3)).Expect(Texts({"ell", "orl"}));
  Substr(Texts({"Hello"}), scalar(-2), scalar(9)).Expect(Texts({"lo"}));
  Substr(Texts({"Hello", ""}), scalar(0), scalar(0)).Expect(Texts({"", ""}));
  Substr(Texts({"abc"}), scalar(3), scalar(1)).Expect(Texts({""}));
  Substr(Texts({"abcd", "efgh"}), Tensor::Of<int64_t>({2}, {1, 2}),
         Tensor::Of<int64_t>({2}, {2, 1}))
      .Expect(Texts({"bc", "g"}));
  Substr(Tensor::Of<std::string>({2, 1}, {"abc", "xyz"}), Tensor::Of<int64_t>({2}, {0, 1}),
         Tensor::Of<int64_t>({2}, {1, 2}))
      .Expect(Tensor::Of<std::string>({2, 2}, {"a", "bc", "x", "yz"}));
}

TEST(StringTransformTest, SubstrOfCharacters) {
  const std::string text =
      "a\xC3\x84\xE2\x82\xAC"
      "b";  // a, A umlaut, euro sign, b
  const auto part = [&](int32_t pos, int32_t len) {
    return Substr(Tensor::Scalar(text), Tensor::Scalar(pos), Tensor::Scalar(len))
        .Attr("unit", "UTF8_CHAR");
  };
  part(1, 2).Expect(Tensor::Scalar(std::string("\xC3\x84\xE2\x82\xAC")));
  part(-2, 1).Expect(Tensor::Scalar(std::string("\xE2\x82\xAC")));
  part(4, 5).Expect(Tensor::Scalar(std::string()));
  part(5, 1).ExpectError(StatusCode::kInvalidArgument, "pos 5 out of range for string");
  part(-5, 1).ExpectError(StatusCode::kInvalidArgument, "pos -5 out of range for string");
}

TEST(StringTransformTest, SubstrErrors) {
  Substr(Texts({"abc"}), Tensor::Scalar<int32_t>(4), Tensor::Scalar<int32_t>(1))
      .ExpectError(StatusCode::kInvalidArgument, "pos 4 out of range for string b'abc' at index 0");
  Substr(Texts({"abc"}), Tensor::Scalar<int32_t>(-4), Tensor::Scalar<int32_t>(1))
      .ExpectError(StatusCode::kInvalidArgument, "pos -4 out of range");
  Substr(Texts({"abc"}), Tensor::Scalar<int32_t>(0), Tensor::Of<int32_t>({1}, {1}))
      .ExpectError(StatusCode::kInvalidArgument, "pos and len shapes must match");
  Substr(Texts({"a", "b", "c"}), Tensor::Of<int32_t>({2}, {0, 0}), Tensor::Of<int32_t>({2}, {1, 1}))
      .ExpectError(StatusCode::kInvalidArgument, "");
}

TEST(StringTransformTest, Base64) {
  // RFC 4648, section 10, and the two characters that differ in the web-safe alphabet.
  const std::vector<std::string> bytes = {"",     "f",     "fo",     "foo",
                                          "foob", "fooba", "foobar", "\xFB\xFF\xBF"};
  const std::vector<std::string> bare = {"",       "Zg",      "Zm8",      "Zm9v",
                                         "Zm9vYg", "Zm9vYmE", "Zm9vYmFy", "-_-_"};
  const std::vector<std::string> padded = {"",         "Zg==",     "Zm8=",     "Zm9v",
                                           "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy", "-_-_"};
  OpTest("EncodeBase64").Input(Texts(bytes)).Expect(Texts(bare));
  OpTest("EncodeBase64").Attr("pad", true).Input(Texts(bytes)).Expect(Texts(padded));
  OpTest("DecodeBase64").Input(Texts(bare)).Expect(Texts(bytes));
  OpTest("DecodeBase64").Input(Texts(padded)).Expect(Texts(bytes));
  for (const char* bad : {"Zm+v", "Zm9v=", "Zg=", "a b ", "===="}) {
    OpTest("DecodeBase64").Input(Texts({bad})).ExpectError(StatusCode::kInvalidArgument, "ase64");
  }
}

}  // namespace
}  // namespace sluice
