#include "io/tensor_slice.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;

std::string Hex(absl::string_view text) {
  return absl::HexStringToBytes(absl::StrReplaceAll(text, {{" ", ""}}));
}

struct KeyCase {
  std::string name;
  std::vector<SliceExtent> extents;
  std::string hex;
};
// 00 | name, 00 01 | rank | start, length of each dimension.
const KeyCase kKeys[] = {
    {"w", {{0, 5}, {}}, "00 7700 01 0102 80 85 80 7f"},
    {"w", {}, "00 7700 01 00"},
    // One byte holds -64 .. 63; two bytes 13 bits and sign, marked by a leading 11.
    {"w", {{63, 64}}, "00 7700 01 0101 bf c040"},
    {"w", {{8191, 8192}}, "00 7700 01 0101 dfff e02000"},
    // 2^34 needs 35 bits, 2^62 needs 63: 6 and 10 bytes.
    {"w",
     {{int64_t{1} << 34, int64_t{1} << 62}},
     "00 7700 01 0101 fc0400000000 ffc04000000000000000"},
    // 2^55 - 1 and 2^55: 8 bytes hold 55 bits, 9 bytes 62.
    {"w",
     {{(int64_t{1} << 55) - 1, int64_t{1} << 55}},
     "00 7700 01 0101 ff7fffffffffffff ff8080000000000000"},
    {std::string("a\0b\xff", 4), {{0, 1}}, "00 61 00ff 62 ff00 0001 0101 80 81"},
};

TEST(TensorSlice, Keys) {
  for (const KeyCase& c : kKeys) {
    EXPECT_EQ(absl::BytesToHexString(SliceKey(c.name, {c.extents})),
              absl::BytesToHexString(Hex(c.hex)))
        << c.name << " " << TensorSlice{c.extents}.ToString();
  }
}

TEST(TensorSlice, KeysOfOneTensorAreOrderedByStart) {
  const int64_t starts[] = {0, 1, 63, 64, 65, 8191, 8192, 1 << 20, int64_t{1} << 40};
  std::string previous;
  for (const int64_t start : starts) {
    const std::string key = SliceKey("w", {{{start, 1}}});
    EXPECT_LT(previous, key) << start;
    previous = key;
  }
}

TEST(TensorSlice, Shapes) {
  const TensorShape full = {4, 6};
  EXPECT_EQ(*(TensorSlice{{{1, 2}, {}}}.ShapeWithin(full)), (TensorShape{2, 6}));
  EXPECT_EQ(*(TensorSlice{{{4, 0}, {5, 1}}}.ShapeWithin(full)), (TensorShape{0, 1}));
  EXPECT_EQ(*(TensorSlice{}.ShapeWithin({})), TensorShape({}));
  const TensorSlice bad[] = {
      {{{0, 5}, {}}},         {{{3, 2}, {}}},  {{{-1, 1}, {}}}, {{{5, 0}, {}}},
      {{{1, INT64_MAX}, {}}}, {{{1, -1}, {}}},  // the full extent starts at 0
      {{{INT64_MAX, 1}, {}}},
  };
  for (const TensorSlice& slice : bad) {
    EXPECT_THAT(slice.ShapeWithin(full), StatusIs(Code::kInvalidArgument, "leaves dimension 0"))
        << slice.ToString();
  }
  EXPECT_THAT((TensorSlice{{{0, 1}}}.ShapeWithin(full)),
              StatusIs(Code::kInvalidArgument, "has 1 dimensions"));
}

TEST(TensorSlice, ParsesSpecifications) {
  const auto none = ParseSliceSpec("");
  ASSERT_THAT(none, IsOk());
  EXPECT_FALSE(none->sliced);
  const auto spec = ParseSliceSpec("10 4 0,5:-");
  ASSERT_THAT(spec, IsOk());
  EXPECT_TRUE(spec->sliced);
  EXPECT_EQ(spec->full_shape, (TensorShape{10, 4}));
  EXPECT_EQ(spec->slice, (TensorSlice{{{0, 5}, {}}}));
  EXPECT_EQ(spec->slice.ToString(), "0,5:-");
  EXPECT_TRUE(ParseSliceSpec("3 -")->slice.full());
}

TEST(TensorSlice, RefusesBadSpecifications) {
  for (const char* text : {"10", "10 4 0,5", "10 x 0,5:-", "10 4 0,5:", "10 4 0,11:-", "10 4 0:-",
                           "10 4 0,-5:-", "10 4 a,b:-", "-1 4 0,1:-", "10  0,5", " ",
                           "99999999999999999999 -", "1099511627776 2 -:-"}) {
    EXPECT_THAT(ParseSliceSpec(text),
                StatusIs(Code::kInvalidArgument, absl::StrCat("slice specification '", text, "'")));
  }
}

TEST(TensorSlice, CopiesBothWays) {
  const Tensor whole = Tensor::Of<int32_t>({3, 4}, {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23});
  const TensorSlice slice = {{{1, 2}, {1, 2}}};
  Tensor part = Tensor::Zeros(DType::kInt32, {2, 2});
  CopySliceOut(whole, slice, part);
  EXPECT_TRUE(BitEqual(part, Tensor::Of<int32_t>({2, 2}, {11, 12, 21, 22})));
  Tensor back = Tensor::Zeros(DType::kInt32, {3, 4});
  CopySliceIn(part, slice, back);
  EXPECT_TRUE(
      BitEqual(back, Tensor::Of<int32_t>({3, 4}, {0, 0, 0, 0, 0, 11, 12, 0, 0, 21, 22, 0})));
}

TEST(TensorSlice, CopiesStringsScalarsAndNothing) {
  const Tensor words = Tensor::Of<std::string>({2, 2}, {"a", "b", "c", "d"});
  Tensor column = Tensor::Zeros(DType::kString, {2, 1});
  CopySliceOut(words, {{{}, {1, 1}}}, column);
  EXPECT_TRUE(BitEqual(column, Tensor::Of<std::string>({2, 1}, {"b", "d"})));
  Tensor scalar = Tensor::Zeros(DType::kFloat, {});
  CopySliceIn(Tensor::Scalar(2.5f), {}, scalar);
  EXPECT_EQ(scalar.scalar<float>(), 2.5f);
  Tensor none = Tensor::Zeros(DType::kString, {2, 0});
  CopySliceOut(words, {{{}, {2, 0}}}, none);
}

}  // namespace
}  // namespace sluice
