#include "io/histogram.h"

#include <cfloat>
#include <cmath>
#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/event.pb.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Code = absl::StatusCode;
using ::testing::ElementsAre;

bool operator==(const Histogram::Bucket& a, const Histogram::Bucket& b) {
  return a.limit == b.limit && a.count == b.count;
}

// ln(1e20 / 1e-12) / ln(1.1) = 773.08: 774 limits of each sign, DBL_MAX of each sign, 0.
TEST(Histogram, StandardLimits) {
  const absl::Span<const double> limits = Histogram::StandardLimits();
  ASSERT_EQ(limits.size(), 2u * 774 + 2 + 1);
  EXPECT_EQ(limits.front(), -DBL_MAX);
  EXPECT_EQ(limits.back(), DBL_MAX);
  EXPECT_EQ(limits[775], 0);
  EXPECT_EQ(limits[776], 1e-12);
  EXPECT_EQ(limits[774], -1e-12);
  EXPECT_DOUBLE_EQ(limits[777], 1.1e-12);
  EXPECT_NEAR(limits[1549], 1e-12 * std::pow(1.1, 773), 1e8);
  EXPECT_LT(limits[1549], 1e20);
  for (size_t i = 1; i < limits.size(); ++i) {
    EXPECT_LT(limits[i - 1], limits[i]);
    EXPECT_EQ(limits[i], -limits[limits.size() - 1 - i]);
  }
}

TEST(Histogram, EmptyHasOneBucket) {
  const Histogram h;
  EXPECT_EQ(h.num(), 0);
  EXPECT_EQ(h.min(), DBL_MAX);
  EXPECT_EQ(h.max(), -DBL_MAX);
  const auto buckets = h.Buckets();
  ASSERT_EQ(buckets.size(), 1u);
  EXPECT_EQ(buckets[0].limit, DBL_MAX);
  EXPECT_EQ(buckets[0].count, 0);
}

TEST(Histogram, RunsOfEmptyBucketsAreOne) {
  Histogram h;
  h.Add(0);  // 0 is the first value of the bucket (0, 1e-12)
  h.Add(0.5e-12);
  h.Add(-0.5e-12);
  h.Add(1e-12);
  const auto buckets = h.Buckets();
  ASSERT_EQ(buckets.size(), 5u);
  EXPECT_TRUE(buckets[0] == (Histogram::Bucket{-1e-12, 0}));
  EXPECT_TRUE(buckets[1] == (Histogram::Bucket{0, 1}));
  EXPECT_TRUE(buckets[2] == (Histogram::Bucket{1e-12, 2}));
  EXPECT_TRUE(buckets[3] == (Histogram::Bucket{1e-12 * 1.1, 1}));
  EXPECT_TRUE(buckets[4] == (Histogram::Bucket{DBL_MAX, 0}));
}

TEST(Histogram, TheEndsOfTheLine) {
  Histogram h;
  for (const double v : {-DBL_MAX, -1e300, 1e300, DBL_MAX}) h.Add(v);
  const auto buckets = h.Buckets();
  ASSERT_EQ(buckets.size(), 4u);
  // -DBL_MAX is no smaller than the first limit, so the first bucket stays empty.
  EXPECT_EQ(buckets[0].count, 0);
  EXPECT_EQ(buckets[0].limit, -DBL_MAX);
  EXPECT_EQ(buckets[1].count, 2);
  EXPECT_EQ(buckets[2].count, 0);
  EXPECT_EQ(buckets[3].count, 2);
  EXPECT_EQ(buckets[3].limit, DBL_MAX);
}

TEST(Histogram, Statistics) {
  Histogram h;
  ASSERT_THAT(h.Add(Tensor::Of<float>({2, 2}, {1, -2, 3, 0.5f})), IsOk());
  EXPECT_EQ(h.num(), 4);
  EXPECT_EQ(h.min(), -2);
  EXPECT_EQ(h.max(), 3);
  EXPECT_EQ(h.sum(), 2.5);
  EXPECT_EQ(h.sum_squares(), 1 + 4 + 9 + 0.25);
  double total = 0;
  for (const auto& bucket : h.Buckets()) total += bucket.count;
  EXPECT_EQ(total, 4);
}

TEST(Histogram, EveryRealDType) {
  const Tensor tensors[] = {Tensor::Of<double>({2}, {1, 2}),
                            Tensor::Of<int8_t>({2}, {1, 2}),
                            Tensor::Of<int16_t>({2}, {1, 2}),
                            Tensor::Of<int32_t>({2}, {1, 2}),
                            Tensor::Of<int64_t>({2}, {1, 2}),
                            Tensor::Of<uint8_t>({2}, {1, 2}),
                            Tensor::Of<uint16_t>({2}, {1, 2}),
                            Tensor::Of<uint32_t>({2}, {1, 2}),
                            Tensor::Of<uint64_t>({2}, {1, 2}),
                            Tensor::Of<Half>({2}, {Half(1), Half(2)}),
                            Tensor::Of<BFloat16>({2}, {BFloat16(1), BFloat16(2)})};
  for (const Tensor& t : tensors) {
    Histogram h;
    ASSERT_THAT(h.Add(t), IsOk()) << DTypeName(t.dtype());
    EXPECT_EQ(h.sum_squares(), 5) << DTypeName(t.dtype());
  }
  Histogram h;
  ASSERT_THAT(h.Add(Tensor::Of<bool>({3}, {true, false, true})), IsOk());
  EXPECT_EQ(h.sum(), 2);
  EXPECT_THAT(h.Add(Tensor::Scalar<std::string>("x")), StatusIs(Code::kUnimplemented, "string"));
}

TEST(Histogram, RefusesNaNAndInfinityWhole) {
  Histogram h;
  EXPECT_THAT(h.Add(Tensor::Of<float>({2}, {1, NAN})), StatusIs(Code::kInvalidArgument, "NaN"));
  EXPECT_THAT(h.Add(Tensor::Of<double>({2}, {1, -std::numeric_limits<double>::infinity()})),
              StatusIs(Code::kInvalidArgument, "Infinity"));
  EXPECT_EQ(h.num(), 0);
}

TEST(Histogram, Proto) {
  Histogram h;
  h.Add(0.5e-12);
  proto::HistogramProto out;
  out.add_bucket(77);  // is cleared
  h.ToProto(&out);
  EXPECT_EQ(out.num(), 1);
  EXPECT_EQ(out.min(), 0.5e-12);
  EXPECT_EQ(out.max(), 0.5e-12);
  EXPECT_EQ(out.sum(), 0.5e-12);
  EXPECT_EQ(out.sum_squares(), 0.25e-24);
  EXPECT_THAT(out.bucket_limit(), ElementsAre(0, 1e-12, DBL_MAX));
  EXPECT_THAT(out.bucket(), ElementsAre(0, 1, 0));
}

}  // namespace
}  // namespace sluice
