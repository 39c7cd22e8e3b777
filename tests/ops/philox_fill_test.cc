#include "ops/kernels/philox_fill.h"

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/threads.h"
#include "gtest/gtest.h"

namespace sluice::kernels {
namespace {

constexpr uint64_t kKey = 0x123456789abcdef0, kStream = 0xfedcba9876543210;
constexpr uint32_t kUntouched = 0xdeadbeef;

// Sizes around the number of lanes; first blocks around the carry into the upper half of the
// counter.
TEST(PhiloxFillTest, BitsAreThoseOfTheStream) {
  const Philox philox(kKey, kStream);
  for (const int64_t blocks : {0, 1, 2, 31, 32, 33, 64, 100}) {
    for (const uint64_t first : {uint64_t{0}, uint64_t{5}, uint64_t{0xfffffff0}, ~uint64_t{40}}) {
      std::vector<uint32_t> bits(4 * blocks + 1, kUntouched);
      PhiloxBits(kKey, kStream, first, blocks, bits.data());
      for (int64_t i = 0; i < blocks; ++i) {
        const Philox::Block want = philox(first + i);
        for (int j = 0; j < 4; ++j)
          ASSERT_EQ(bits[4 * i + j], want[j]) << i << " of " << blocks << " from " << first;
      }
      EXPECT_EQ(bits.back(), kUntouched);
    }
  }
}

TEST(PhiloxFillTest, UniformNumbersDoNotDependOnTheThreads) {
  const Philox philox(kKey, kStream);
  for (const int threads : {1, 2, 3}) {
    const ThreadBudget budget(threads);
    for (const int64_t n : {0, 1, 3, 4, 127, 128, 129, 100001}) {
      std::vector<float> out(n + 1, -1.0f);
      PhiloxUniform(kKey, kStream, 7, n, out.data());
      for (int64_t i = 0; i < n; ++i)
        ASSERT_EQ(out[i], UniformFloat(philox(7 + i / 4)[i % 4])) << i << " of " << n;
      EXPECT_EQ(out.back(), -1.0f);
    }
  }
}

}  // namespace
}  // namespace sluice::kernels
