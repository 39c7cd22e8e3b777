// StringJoin: element by element, a scalar with every element.
#include "ops/string_join.h"

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

TEST(StringJoinTest, Joins) {
  OpTest("StringJoin").Input(Text("a")).Input(Text("b")).Expect(Text("ab"));
  OpTest("StringJoin")
      .Attr("separator", "/")
      .Input(Texts({"a", "b"}))
      .Input(Text("x"))
      .Input(Texts({"c", ""}))
      .Expect(Texts({"a/x/c", "b/x/"}));
  OpTest("StringJoin").Input(Texts({})).Input(Text("x")).Expect(Texts({}));
  OpTest("StringJoin")
      .Input(Texts({"a", "b"}))
      .Input(Texts({"c"}))
      .ExpectError(StatusCode::kInvalidArgument, "");
}

}  // namespace
}  // namespace sluice
