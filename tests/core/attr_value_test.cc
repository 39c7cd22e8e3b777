#include "core/attr_value.h"

#include <cmath>

#include "gtest/gtest.h"

namespace sluice {
namespace {

FuncRef Func(const std::string& name, AttrMap attrs) {
  return {name, std::make_shared<const AttrMap>(std::move(attrs))};
}

struct Case {
  AttrValue value;
  const char* kind;
  const char* text;
};

std::vector<Case> AllKinds() {
  return {
      {AttrValue(), "", "(none)"},
      {"SAME", "string", "\"SAME\""},
      {3, "int", "3"},
      {int64_t{-1} << 40, "int", "-1099511627776"},
      {0.5f, "float", "0.5"},
      {true, "bool", "true"},
      {DType::kFloat, "type", "float32"},
      {TensorShape{2, -1}, "shape", "[2,?]"},
      {Tensor::Scalar(7), "tensor", "int32[] {7}"},
      {FuncRef{"body", nullptr}, "func", "body"},
      {EmptyList{}, "list()", "[]"},
      {std::vector<std::string>{"a", "b"}, "list(string)", "[\"a\", \"b\"]"},
      {std::vector<int64_t>{1, 2}, "list(int)", "[1, 2]"},
      {std::vector<float>{1.5f}, "list(float)", "[1.5]"},
      {std::vector<bool>{true, false}, "list(bool)", "[true, false]"},
      {std::vector<DType>{DType::kInt8, DType::kHalf}, "list(type)", "[int8, float16]"},
      {std::vector<TensorShape>{{}, TensorShape::Unknown()}, "list(shape)", "[[], <unknown>]"},
      {std::vector<Tensor>{Tensor::Scalar(7)}, "list(tensor)", "[int32[] {7}]"},
      {std::vector<FuncRef>{{"f", nullptr}}, "list(func)", "[f]"},
  };
}

TEST(AttrValueTest, KindsAndTexts) {
  for (const Case& c : AllKinds()) {
    EXPECT_EQ(c.value.KindName(), c.kind);
    EXPECT_EQ(c.value.ToString(), c.text);
    EXPECT_EQ(c.value.has_value(), *c.kind != '\0');
  }
}

TEST(AttrValueTest, EqualToItselfAndNoOther) {
  const std::vector<Case> a = AllKinds(), b = AllKinds();
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < b.size(); ++j) {
      EXPECT_EQ(a[i].value == b[j].value, i == j) << a[i].text << " " << b[j].text;
    }
  }
}

TEST(AttrValueTest, EqualityIsDeepAndByBits) {
  EXPECT_EQ(AttrValue(NAN), AttrValue(NAN));
  EXPECT_FALSE(AttrValue(0.0f) == AttrValue(-0.0f));
  EXPECT_EQ(AttrValue(Tensor::Of<float>({2}, {1, NAN})),
            AttrValue(Tensor::Of<float>({2}, {1, NAN})));
  EXPECT_FALSE(AttrValue(std::vector<int64_t>{1}) == AttrValue(std::vector<int64_t>{1, 1}));
  EXPECT_FALSE(AttrValue(std::vector<int64_t>{}) == AttrValue(EmptyList{}));
  const FuncRef f = Func("f", {{"T", DType::kFloat}, {"g", Func("g", {{"n", 1}})}});
  EXPECT_EQ(AttrValue(f),
            AttrValue(Func("f", {{"T", DType::kFloat}, {"g", Func("g", {{"n", 1}})}})));
  EXPECT_FALSE(AttrValue(f) ==
               AttrValue(Func("f", {{"T", DType::kFloat}, {"g", Func("g", {{"n", 2}})}})));
  EXPECT_EQ(AttrValue(FuncRef{"f", nullptr}), AttrValue(Func("f", {})));
  EXPECT_FALSE(AttrValue(FuncRef{"f", nullptr}) == AttrValue(FuncRef{"g", nullptr}));
}

TEST(AttrValueTest, TextsAreShortAndPrintable) {
  const std::string text = AttrValue(std::vector<int64_t>(1000, 7)).ToString();
  EXPECT_LT(text.size(), 100u);
  EXPECT_NE(text.find(", ...]"), std::string::npos);
  EXPECT_EQ(AttrValue("a\nb").ToString(), "\"a\\nb\"");
}

TEST(AttrMapTest, TypedLookUps) {
  const AttrMap attrs = {{"padding", "SAME"},
                         {"n", 3},
                         {"eps", 0.5f},
                         {"flag", true},
                         {"T", DType::kHalf},
                         {"shape", TensorShape{1}},
                         {"value", Tensor::Scalar(7)},
                         {"body", FuncRef{"f", nullptr}},
                         {"strides", std::vector<int64_t>{1, 2}}};
  EXPECT_EQ(GetAttr<std::string>(attrs, "padding"), "SAME");
  EXPECT_EQ(GetAttr<int64_t>(attrs, "n"), 3);
  EXPECT_EQ(GetAttr<float>(attrs, "eps"), 0.5f);
  EXPECT_EQ(GetAttr<bool>(attrs, "flag"), true);
  EXPECT_EQ(GetAttr<DType>(attrs, "T"), DType::kHalf);
  EXPECT_EQ(GetAttr<TensorShape>(attrs, "shape"), (TensorShape{1}));
  EXPECT_EQ(GetAttr<Tensor>(attrs, "value").scalar<int32_t>(), 7);
  EXPECT_EQ(GetAttr<FuncRef>(attrs, "body").name, "f");
  EXPECT_EQ(GetAttr<std::vector<int64_t>>(attrs, "strides"), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(FindAttr(attrs, "none"), nullptr);
  ASSERT_NE(FindAttr(attrs, "n"), nullptr);
  EXPECT_DEATH(GetAttr<int64_t>(attrs, "none"), "no attr none");
  EXPECT_DEATH(GetAttr<int64_t>(attrs, "padding"), "attr padding is string, read as int");
}

TEST(AttrMapTest, AnEmptyListIsAnyList) {
  const AttrMap attrs = {{"l", EmptyList{}}};
  EXPECT_TRUE(GetAttr<std::vector<std::string>>(attrs, "l").empty());
  EXPECT_TRUE(GetAttr<std::vector<int64_t>>(attrs, "l").empty());
  EXPECT_TRUE(GetAttr<std::vector<float>>(attrs, "l").empty());
  EXPECT_TRUE(GetAttr<std::vector<bool>>(attrs, "l").empty());
  EXPECT_TRUE(GetAttr<std::vector<DType>>(attrs, "l").empty());
  EXPECT_TRUE(GetAttr<std::vector<TensorShape>>(attrs, "l").empty());
  EXPECT_TRUE(GetAttr<std::vector<Tensor>>(attrs, "l").empty());
  EXPECT_TRUE(GetAttr<std::vector<FuncRef>>(attrs, "l").empty());
  EXPECT_DEATH(GetAttr<int64_t>(attrs, "l"), "attr l is list\\(\\), read as int");
}

TEST(AttrMapTest, IsOrderedByName) {
  const AttrMap attrs = {{"b", 1}, {"a", 2}, {"B", 3}};
  std::string names;
  for (const auto& [name, value] : attrs) names += name;
  EXPECT_EQ(names, "Bab");
}

}  // namespace
}  // namespace sluice
