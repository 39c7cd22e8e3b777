#include "core/random.h"

#include <bit>
#include <cmath>
#include <set>

#include "gtest/gtest.h"

namespace sluice {
namespace {

using Block = Philox::Block;

// Random123's known answers (kat_vectors, philox4x32 10).
TEST(PhiloxTest, KnownAnswers) {
  EXPECT_EQ(Philox(0, 0)(0), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox(~uint64_t{0}, ~uint64_t{0})(~uint64_t{0}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  // Digits of pi; each pair of words with the low one first.
  EXPECT_EQ(Philox(0x299f31d0a4093822, 0x0370734413198a2e)(0x85a308d3243f6a88),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, KeyStreamAndIndexAllMatter) {
  std::set<Block> blocks;
  for (const uint64_t x : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
    for (const uint64_t y : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
      for (const uint64_t z : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32}) {
        blocks.insert(Philox(x, y)(z));
      }
    }
  }
  EXPECT_EQ(blocks.size(), 27u);
}

TEST(UniformTest, ByHand) {
  EXPECT_EQ(UniformFloat(0), 0.0f);
  EXPECT_EQ(UniformFloat(1), 0x1p-23f);
  EXPECT_EQ(UniformFloat(0x400000), 0.5f);
  EXPECT_EQ(UniformFloat(0xffffffff), 1 - 0x1p-23f);
  EXPECT_EQ(UniformFloat(0xff800000), 0.0f);  // the low 23 bits count
  EXPECT_EQ(UniformDouble(0, 0), 0.0);
  EXPECT_EQ(UniformDouble(0, 1), 0x1p-52);
  EXPECT_EQ(UniformDouble(0x80000, 0), 0.5);
  EXPECT_EQ(UniformDouble(0xffffffff, 0xffffffff), 1 - 0x1p-52);
}

TEST(NormalTest, ByHand) {
  constexpr uint32_t kHalf = 0x400000, kQuarter = 0x200000;
  const double radius = 1.1774100225154747;  // sqrt(-2 ln 0.5) = sqrt(2 ln 2)
  const auto zero_turn = NormalFloats(kHalf, 0);
  EXPECT_NEAR(zero_turn[0], 0, 1e-6);
  EXPECT_NEAR(zero_turn[1], radius, 1e-6);
  const auto quarter_turn = NormalFloats(kHalf, kQuarter);
  EXPECT_NEAR(quarter_turn[0], radius, 1e-6);
  EXPECT_NEAR(quarter_turn[1], 0, 1e-6);
  const auto doubles = NormalDoubles(0x80000, 0, 0x80000, 0);  // half a turn
  EXPECT_NEAR(doubles[0], 0, 1e-15);
  EXPECT_NEAR(doubles[1], -radius, 1e-15);
  // Uniform 0, whose logarithm is -infinity.
  EXPECT_NEAR(NormalFloats(0, 0)[1], 5.6777, 1e-3);                     // sqrt(2 * 7 ln 10)
  EXPECT_NEAR(NormalDoubles(0, 0, 0, 0)[1], 8.571674348652905, 1e-12);  // sqrt(2 * 53 ln 2)
}

struct Moments {
  double mean, variance, third, fourth;
};

// Of n numbers made by f(i).
template <typename F>
Moments MomentsOf(int n, F f) {
  double s1 = 0, s2 = 0, s3 = 0, s4 = 0;
  for (int i = 0; i < n; ++i) {
    const double x = f(i);
    s1 += x;
    s2 += x * x;
    s3 += x * x * x;
    s4 += x * x * x * x;
  }
  return {s1 / n, s2 / n - (s1 / n) * (s1 / n), s3 / n, s4 / n};
}

// Tolerances are five standard errors of each moment; the numbers are the same in every run.
TEST(DistributionTest, UniformMoments) {
  constexpr int kN = 400000;
  const Philox philox(1, 2);
  const double root = std::sqrt(kN);
  const auto check = [&](const Moments& m) {
    EXPECT_NEAR(m.mean, 1 / 2.0, 5 * std::sqrt(1 / 12.0) / root);
    EXPECT_NEAR(m.variance, 1 / 12.0, 5 * std::sqrt(1 / 180.0) / root);
    EXPECT_NEAR(m.third, 1 / 4.0, 5 * std::sqrt(1 / 7.0 - 1 / 16.0) / root);
    EXPECT_NEAR(m.fourth, 1 / 5.0, 5 * std::sqrt(1 / 9.0 - 1 / 25.0) / root);
  };
  check(MomentsOf(kN, [&](int i) { return UniformFloat(philox(i / 4)[i % 4]); }));
  check(MomentsOf(kN, [&](int i) {
    const Block b = philox(i / 2);
    return i % 2 == 0 ? UniformDouble(b[0], b[1]) : UniformDouble(b[2], b[3]);
  }));
}

TEST(DistributionTest, NormalMoments) {
  constexpr int kN = 400000;
  const Philox philox(3, 4);
  const double root = std::sqrt(kN);
  const auto check = [&](const Moments& m) {
    EXPECT_NEAR(m.mean, 0, 5 / root);
    EXPECT_NEAR(m.variance, 1, 5 * std::sqrt(2.0) / root);
    EXPECT_NEAR(m.third, 0, 5 * std::sqrt(15.0) / root);
    EXPECT_NEAR(m.fourth, 3, 5 * std::sqrt(96.0) / root);
  };
  check(MomentsOf(kN, [&](int i) {
    const Block b = philox(i / 4);
    return i % 4 < 2 ? NormalFloats(b[0], b[1])[i % 2] : NormalFloats(b[2], b[3])[i % 2];
  }));
  check(MomentsOf(kN, [&](int i) {
    const Block b = philox(i / 2);
    return NormalDoubles(b[0], b[1], b[2], b[3])[i % 2];
  }));
  // The two of a pair do not go together: their product averages 0 with variance 1.
  EXPECT_NEAR(MomentsOf(kN,
                        [&](int i) {
                          const Block b = philox(i);
                          const auto pair = NormalFloats(b[0], b[1]);
                          return pair[0] * pair[1];
                        })
                  .mean,
              0, 5 / root);
}

TEST(MixSeedsTest, PairsGiveUnrelatedKeys) {
  std::set<uint64_t> keys;
  for (uint64_t a = 0; a < 100; ++a) {
    for (uint64_t b = 0; b < 100; ++b) keys.insert(MixSeeds(a, b));
  }
  EXPECT_EQ(keys.size(), 10000u);
  EXPECT_NE(MixSeeds(1, 2), MixSeeds(2, 1));
  // One bit of either seed turns about half of the bits: 32 +- 4 each, so 32 +- 0.25 on average of
  // 256.
  int turned = 0;
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t flip = uint64_t{1} << bit;
    for (const uint64_t seed : {uint64_t{0}, uint64_t{12345}}) {
      turned += std::popcount(MixSeeds(seed, 7) ^ MixSeeds(seed ^ flip, 7));
      turned += std::popcount(MixSeeds(7, seed) ^ MixSeeds(7, seed ^ flip));
    }
  }
  EXPECT_NEAR(turned / 256.0, 32, 1.25);
}

}  // namespace
}  // namespace sluice
