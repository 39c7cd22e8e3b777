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

TEST(ReduceJoinTest, ByHand) {
  const Tensor a = Tensor::Of<std::string>({2, 2}, {"a", "b", "c", "d"});
  const auto over = [&](std::initializer_list<int32_t> axes) {
    return OpTest("ReduceJoin").Input(a).Input<int32_t>({static_cast<int64_t>(axes.size())}, axes);
  };
  over({0}).Expect(Texts({"ac", "bd"}));
  over({-1}).Expect(Texts({"ab", "cd"}));
  over({0, 1}).Expect(Text("acbd"));
  over({1, 0}).Expect(Text("abcd"));
  over({}).Expect(a);
  over({0})
      .Attr("keep_dims", true)
      .Attr("separator", ".")
      .Expect(Tensor::Of<std::string>({1, 2}, {"a.c", "b.d"}));
  OpTest("ReduceJoin")
      .Input(Tensor::Of<std::string>({2, 0}, {}))
      .Input<int32_t>({}, {1})
      .Expect(Texts({"", ""}));
}

TEST(ReduceJoinTest, SlowTwin) {
  std::vector<std::string> values;
  for (int i = 0; i < 24; ++i) values.push_back(std::string(1, static_cast<char>('a' + i)));
  std::vector<std::string> joined;  // over the first and the last of {2, 3, 4}
  for (int j = 0; j < 3; ++j) {
    std::string all;
    for (int k = 0; k < 4; ++k) {
      for (int i = 0; i < 2; ++i) all += (all.empty() ? "" : "-") + values[(i * 3 + j) * 4 + k];
    }
    joined.push_back(all);
  }
  OpTest("ReduceJoin")
      .Attr("separator", "-")
      .Input(Tensor::Of<std::string>({2, 3, 4}, values))
      .Input<int32_t>({2}, {0, 2})
      .Expect(Texts(joined));
}

TEST(ReduceJoinTest, Errors) {
  const auto over = [&](std::initializer_list<int32_t> axes) {
    return OpTest("ReduceJoin")
        .Input(Texts({"a"}))
        .Input<int32_t>({static_cast<int64_t>(axes.size())}, axes)
        .EvaluateOnly();
  };
  over({1}).ExpectError(StatusCode::kInvalidArgument,
                        "Invalid reduction dimension 1 for input with 1 dimension(s)");
  over({0, -1}).ExpectError(StatusCode::kInvalidArgument, "uplicate");
}

}  // namespace
}  // namespace sluice
