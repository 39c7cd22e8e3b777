#include "core/tensor_shape.h"

#include <sstream>

#include "absl/container/flat_hash_set.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;

TEST(TensorShapeTest, ScalarIsTheDefault) {
  const TensorShape scalar;
  EXPECT_TRUE(scalar.rank_known());
  EXPECT_EQ(scalar.rank(), 0);
  EXPECT_EQ(scalar.num_elements(), 1);
  EXPECT_TRUE(scalar.fully_defined());
  EXPECT_TRUE(scalar.Check().ok());
  EXPECT_EQ(scalar.ToString(), "[]");
}

TEST(TensorShapeTest, Dimensions) {
  TensorShape s = {2, -1, 3};
  EXPECT_EQ(s.rank(), 3);
  EXPECT_EQ(s.dim(0), 2);
  EXPECT_EQ(s.dim(1), -1);
  EXPECT_EQ(s.dim(-1), 3);
  EXPECT_EQ(s.dim(-3), 2);
  EXPECT_FALSE(s.fully_defined());
  EXPECT_EQ(s.num_elements(), -1);
  EXPECT_EQ(s.ToString(), "[2,?,3]");
  s.set_dim(1, 5);
  s.set_dim(-1, 4);
  EXPECT_EQ(s, (TensorShape{2, 5, 4}));
  EXPECT_EQ(s.num_elements(), 40);
  s.InsertDim(0, 1);
  s.InsertDim(4, 7);
  EXPECT_EQ(s, (TensorShape{1, 2, 5, 4, 7}));
  s.RemoveDim(1);
  s.RemoveDim(-1);
  EXPECT_EQ(s, (TensorShape{1, 5, 4}));
  s.AddDim(0);
  EXPECT_EQ(s.num_elements(), 0);
  EXPECT_DEATH(s.dim(4), "dimension 4 of a shape of rank 4");
  EXPECT_DEATH(s.dim(-5), "rank 4");
}

TEST(TensorShapeTest, UnknownRank) {
  const TensorShape u = TensorShape::Unknown();
  EXPECT_FALSE(u.rank_known());
  EXPECT_EQ(u.rank(), -1);
  EXPECT_EQ(u.dim(7), -1);
  EXPECT_EQ(u.num_elements(), -1);
  EXPECT_FALSE(u.fully_defined());
  EXPECT_TRUE(u.Check().ok());
  EXPECT_EQ(u.ToString(), "<unknown>");
  EXPECT_EQ(TensorShape::OfRank(2), (TensorShape{-1, -1}));
  EXPECT_EQ(TensorShape::OfRank(0), TensorShape());
}

TEST(TensorShapeTest, EqualityAndHash) {
  EXPECT_NE(TensorShape(), TensorShape::Unknown());
  EXPECT_NE((TensorShape{-1}), (TensorShape{1}));
  EXPECT_NE((TensorShape{1}), (TensorShape{1, 1}));
  const absl::flat_hash_set<TensorShape> set = {{2, 3}, {3, 2}, {-1}, TensorShape::Unknown(),
                                                {},     {2, 3}};
  EXPECT_EQ(set.size(), 5u);
}

struct BadShape {
  const char* why;
  TensorShape shape;
  const char* message;
};

TEST(TensorShapeTest, CheckRefuses) {
  const int64_t huge = INT64_MAX;
  const BadShape kCases[] = {
      {"product wraps to 4", {4194305, 4194305, 211106198978564}, "too many elements"},
      {"product wraps to 0", {int64_t{1} << 32, int64_t{1} << 32}, "too many elements"},
      {"bytes would wrap", {int64_t{1} << 62}, "too many elements"},
      {"one above", {(int64_t{1} << 40) + 1}, "too many elements"},
      {"2^31-1 four times", {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}, "too many elements"},
      {"zero last", {huge, huge, 0}, "too many elements"},
      {"zero first", {0, huge, huge}, "too many elements"},
      {"unknown beside", {-1, huge, huge}, "too many elements"},
      {"two negatives multiply to 4", {-2, -2}, "dimension 0 of shape [-2,-2] must be >= 0"},
      {"negative after zero", {0, -3}, "got -3"},
      {"most negative", {INT64_MIN}, "must be >= 0"},
      {"rank 255", TensorShape(std::vector<int64_t>(255, 1)), "rank must be at most 254, got 255"},
  };
  for (const BadShape& c : kCases) {
    SCOPED_TRACE(c.why);
    const absl::Status status = c.shape.Check();
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_NE(status.message().find(c.message), absl::string_view::npos) << status;
    if (c.shape.rank() < 255) {
      EXPECT_EQ(c.shape.num_elements(), -1);
    }
  }
}

TEST(TensorShapeTest, CheckAccepts) {
  const TensorShape kCases[] = {
      {int64_t{1} << 40},
      {1 << 20, 1 << 20, 1},
      {0},
      {0, 0, 5},
      {int64_t{1} << 40, 0},
      {-1, -1},
      TensorShape(std::vector<int64_t>(254, 1)),
  };
  for (const TensorShape& shape : kCases) EXPECT_TRUE(shape.Check().ok()) << shape.ToString();
  EXPECT_EQ((TensorShape{int64_t{1} << 40}).num_elements(), int64_t{1} << 40);
  EXPECT_EQ((TensorShape{5, 0, 3}).num_elements(), 0);
}

TEST(TensorShapeTest, Compatible) {
  const TensorShape unknown = TensorShape::Unknown();
  EXPECT_TRUE(unknown.CompatibleWith({2, 3}));
  EXPECT_TRUE((TensorShape{2, 3}).CompatibleWith(unknown));
  EXPECT_TRUE((TensorShape{-1, 3}).CompatibleWith({2, -1}));
  EXPECT_FALSE((TensorShape{2, 3}).CompatibleWith({2, 4}));
  EXPECT_FALSE((TensorShape{2}).CompatibleWith({2, 1}));
  EXPECT_FALSE(TensorShape().CompatibleWith({1}));
  EXPECT_FALSE((TensorShape{0}).CompatibleWith({1}));
}

TEST(TensorShapeTest, Merge) {
  EXPECT_EQ((TensorShape{-1, 3}).MergeWith({2, -1}).value(), (TensorShape{2, 3}));
  EXPECT_EQ(TensorShape::Unknown().MergeWith({2, -1}).value(), (TensorShape{2, -1}));
  EXPECT_EQ((TensorShape{-1}).MergeWith(TensorShape::Unknown()).value(), (TensorShape{-1}));
  EXPECT_EQ((TensorShape{-1, 0}).MergeWith({-1, 0}).value(), (TensorShape{-1, 0}));
  const absl::Status bad = (TensorShape{2, 3}).MergeWith({2, 4}).status();
  EXPECT_EQ(bad.code(), Code::kInvalidArgument);
  EXPECT_EQ(bad.message(), "shapes [2,3] and [2,4] are not compatible");
}

TEST(TensorShape, Prints) {
  std::ostringstream out;
  out << TensorShape({2, -1, 3}) << TensorShape() << TensorShape::Unknown();
  EXPECT_EQ(out.str(), "[2,?,3][]<unknown>");
}

}  // namespace
}  // namespace sluice
