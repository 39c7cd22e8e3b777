#include "ops/regex.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Text(const std::string& s) { return Tensor::Scalar(s); }
Tensor Texts(const std::vector<std::string>& s) {
  return Tensor::Of<std::string>({static_cast<int64_t>(s.size())}, s);
}

TEST(RegexTest, FullMatch) {
  const Tensor input = Texts({"aaab", "aab ", "", "b"});
  OpTest("RegexFullMatch")
      .Input(input)
      .Input(Text("a*b"))
      .Expect<bool>({4}, {true, false, false, true});
  OpTest("StaticRegexFullMatch")
      .Attr("pattern", "a*b")
      .Input(input)
      .Expect<bool>({4}, {true, false, false, true});
  OpTest("RegexFullMatch").Input(Texts({})).Input(Text("a")).Expect<bool>({0}, {});
}

TEST(RegexTest, Replace) {
  const Tensor input = Texts({"a.b.c", "", "..."});
  OpTest("RegexReplace")
      .Input(input)
      .Input(Text("\\."))
      .Input(Text("-"))
      .Expect(Texts({"a-b-c", "", "---"}));
  OpTest("RegexReplace")
      .Attr("replace_global", false)
      .Input(input)
      .Input(Text("\\."))
      .Input(Text("-"))
      .Expect(Texts({"a-b.c", "", "-.."}));
  OpTest("StaticRegexReplace")
      .Attr("pattern", "(\\w)\\.(\\w)")
      .Attr("rewrite", "\\2\\1[\\0]")
      .Input(input)
      .Expect(Texts({"ba[a.b].c", "", "..."}));
  OpTest("StaticRegexReplace")  // a rewrite without sense replaces nothing
      .Attr("pattern", "a")
      .Attr("rewrite", "\\7")
      .Input(input)
      .Expect(input);
}

TEST(RegexTest, Errors) {
  OpTest("RegexFullMatch")
      .Input(Text("a"))
      .Input(Text("("))
      .ExpectError(StatusCode::kInvalidArgument, "Invalid pattern: (, error: missing )");
  OpTest("StaticRegexFullMatch")
      .Attr("pattern", "[")
      .Input(Text("a"))
      .ExpectError(StatusCode::kInvalidArgument, "Invalid pattern: [");
  OpTest("StaticRegexReplace")
      .Attr("pattern", "*")
      .Attr("rewrite", "")
      .Input(Text("a"))
      .ExpectError(StatusCode::kInvalidArgument, "Invalid pattern: *");
  OpTest("RegexReplace")
      .Input(Text("a"))
      .Input(Texts({"a"}))
      .Input(Text(""))
      .ExpectError(StatusCode::kInvalidArgument, "");
}

}  // namespace
}  // namespace sluice
