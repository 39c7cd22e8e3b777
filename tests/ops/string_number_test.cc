#include "ops/string_number.h"

#include <complex>
#include <limits>
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

TEST(AsStringTest, Defaults) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  OpTest("AsString")
      .Input<float>({3}, {1.5f, -0.25f, 1e6f})
      .Expect(Texts({"1.500000", "-0.250000", "1000000.000000"}));
  OpTest("AsString").Input<double>({2}, {kInf, -kInf}).Expect(Texts({"inf", "-inf"}));
  OpTest("AsString").Input<int8_t>({2}, {-128, 7}).Expect(Texts({"-128", "7"}));
  OpTest("AsString")
      .Input<int64_t>({1}, {std::numeric_limits<int64_t>::min()})
      .Expect(Texts({"-9223372036854775808"}));
  OpTest("AsString").Input<bool>({2}, {true, false}).Expect(Texts({"true", "false"}));
  OpTest("AsString")
      .Input<std::complex<float>>({1}, {{1, -2.5f}})
      .Expect(Texts({"(1.000000,-2.500000)"}));
  OpTest("AsString").Input<int32_t>({0}, {}).Expect(Texts({}));
}

TEST(AsStringTest, Options) {
  const auto number = [](float x) { return OpTest("AsString").Input<float>({1}, {x}); };
  number(3.14159f).Attr("precision", 2).Expect(Texts({"3.14"}));
  number(1234.5f).Attr("scientific", true).Expect(Texts({"1.234500e+03"}));
  number(0.5f).Attr("shortest", true).Expect(Texts({"0.5"}));
  number(1.5f).Attr("width", 6).Attr("precision", 1).Expect(Texts({"   1.5"}));
  number(1.5f).Attr("width", 6).Attr("precision", 1).Attr("fill", "0").Expect(Texts({"0001.5"}));
  OpTest("AsString")
      .Attr("width", 4)
      .Attr("fill", "-")
      .Input<int32_t>({1}, {42})
      .Expect(Texts({"42  "}));
  number(1e30f)
      .Attr("width", 70)
      .Attr("precision", 0)
      .Expect(Texts({std::string(39, ' ') + "1000000015047466219876688855040"}));
}

TEST(AsStringTest, Errors) {
  const auto whole = [] { return OpTest("AsString").Input<int32_t>({1}, {1}); };
  whole()
      .Attr("precision", 2)
      .ExpectError(StatusCode::kInvalidArgument, "precision not supported for datatype int32");
  whole()
      .Attr("scientific", true)
      .ExpectError(StatusCode::kInvalidArgument, "scientific and shortest format not supported");
  whole()
      .Attr("fill", "ab")
      .ExpectError(StatusCode::kInvalidArgument, "Fill string must be one or fewer characters");
  whole()
      .Attr("fill", "s")
      .Attr("width", 3)
      .ExpectError(StatusCode::kInvalidArgument, "Fill argument not supported");
  whole().Attr("width", int64_t{1} << 40).ExpectError(StatusCode::kInvalidArgument, "width");
  OpTest("AsString")
      .Input<float>({1}, {1})
      .Attr("scientific", true)
      .Attr("shortest", true)
      .ExpectError(StatusCode::kInvalidArgument,
                   "Cannot select both scientific and shortest notation");
}

TEST(StringToNumberTest, Floats) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  OpTest("StringToNumber")
      .Input(Texts({"0", "3", "-1", "1.12", "0xF", "   -10.5", "4.", ".5 ", "1e-3", "3.40283e+38",
                    "-INF", "+2"}))
      .Expect({12}, {0, 3, -1, 1.12f, 15, -10.5f, 4, 0.5f, 1e-3f, kInf, -kInf, 2});
  OpTest("StringToNumber")
      .Attr("out_type", DType::kDouble)
      .Input(Texts({"0.1", "1e400", "NaN"}))
      .Expect<double>({3}, {0.1, std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN()});
}

TEST(StringToNumberTest, Integers) {
  OpTest("StringToNumber")
      .Attr("out_type", DType::kInt32)
      .Input(Texts({" 12 ", "-2147483648"}))
      .Expect<int32_t>({2}, {12, std::numeric_limits<int32_t>::min()});
  OpTest("StringToNumber")
      .Attr("out_type", DType::kInt64)
      .Input(Texts({"9223372036854775807"}))
      .Expect<int64_t>({1}, {std::numeric_limits<int64_t>::max()});
}

TEST(StringToNumberTest, Errors) {
  const auto refused = [](DType type, const std::string& text) {
    OpTest("StringToNumber")
        .Attr("out_type", type)
        .Input(Texts({text}))
        .ExpectError(StatusCode::kInvalidArgument,
                     "StringToNumberOp could not correctly convert string: " + text);
  };
  for (const char* text : {"", "abc", "1.2.3", "1e", ".", "0x", "infinity", "1 2", "- 1"}) {
    refused(DType::kFloat, text);
  }
  for (const char* text : {"", "1.0", "+5", "2147483648", "0x10"}) refused(DType::kInt32, text);
}

}  // namespace
}  // namespace sluice
