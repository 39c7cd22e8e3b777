#include "ops/string_split.h"

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

OpTest Split(const char* op, const std::vector<std::string>& texts, const std::string& delimiter) {
  return OpTest(op).Input(Texts(texts)).Input(Tensor::Scalar(delimiter)).DataDependentShape();
}

// The outputs of one row.
std::vector<Tensor> Row(const std::vector<std::string>& pieces) {
  std::vector<int64_t> indices;
  const auto n = static_cast<int64_t>(pieces.size());
  for (int64_t i = 0; i < n; ++i) indices.insert(indices.end(), {0, i});
  return {Tensor::Of<int64_t>({n, 2}, indices), Texts(pieces), Tensor::Of<int64_t>({2}, {1, n})};
}

TEST(StringSplitTest, ByHand) {
  Split("StringSplit", {"hello world", "", "a b c"}, " ")
      .ExpectAll({Tensor::Of<int64_t>({5, 2}, {0, 0, 0, 1, 2, 0, 2, 1, 2, 2}),
                  Texts({"hello", "world", "a", "b", "c"}), Tensor::Of<int64_t>({2}, {3, 3})});
  Split("StringSplit", {}, " ")
      .ExpectAll({Tensor::Of<int64_t>({0, 2}, {}), Texts({}), Tensor::Of<int64_t>({2}, {0, 0})});
}

TEST(StringSplitTest, Delimiters) {
  Split("StringSplit", {" a  b "}, " ").ExpectAll(Row({"a", "b"}));
  Split("StringSplit", {" a  b"}, " ").Attr("skip_empty", false).ExpectAll(Row({"", "a", "", "b"}));
  Split("StringSplit", {"a,b;c,"}, ",;").ExpectAll(Row({"a", "b", "c"}));
  Split("StringSplit", {"abc"}, "").ExpectAll(Row({"a", "b", "c"}));
}

TEST(StringSplitTest, LikePython) {
  Split("StringSplitV2", {"1<>2<>3"}, "<>").ExpectAll(Row({"1", "2", "3"}));
  Split("StringSplitV2", {",1,,2"}, ",").ExpectAll(Row({"", "1", "", "2"}));
  Split("StringSplitV2", {""}, ",").ExpectAll(Row({""}));
  Split("StringSplitV2", {" a \t b\n"}, "").ExpectAll(Row({"a", "b"}));
  Split("StringSplitV2", {" "}, "").ExpectAll(Row({}));
  Split("StringSplitV2", {"a,b,c"}, ",").Attr("maxsplit", 1).ExpectAll(Row({"a", "b,c"}));
  Split("StringSplitV2", {" a b c "}, "").Attr("maxsplit", 2).ExpectAll(Row({"a", "b", "c "}));
  Split("StringSplitV2", {" a b"}, "").Attr("maxsplit", 0).ExpectAll(Row({" a b"}));
}

TEST(StringSplitTest, Errors) {
  OpTest("StringSplit")
      .Input(Tensor::Scalar(std::string("a")))
      .Input(Tensor::Scalar(std::string(" ")))
      .ExpectError(StatusCode::kInvalidArgument, "");
  OpTest("StringSplitV2")
      .Input(Texts({"a"}))
      .Input(Texts({" "}))
      .ExpectError(StatusCode::kInvalidArgument, "");
}

}  // namespace
}  // namespace sluice
