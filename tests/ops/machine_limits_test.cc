#include "ops/kernels/machine_limits.h"

#include "gtest/gtest.h"

namespace sluice::kernels {
namespace {

TEST(MachineLimitsTest, TheSlowerOfArithmeticAndMemoryDecides) {
  const MachineLimits limits = {.flops_per_second = 100e9, .bytes_per_second = 20e9};
  EXPECT_DOUBLE_EQ(LeastSeconds(limits, 50e9, 1e9), 0.5);
  EXPECT_DOUBLE_EQ(LeastSeconds(limits, 1e9, 10e9), 0.5);
  EXPECT_EQ(LeastSeconds(limits, 0, 0), 0);
  EXPECT_EQ(LeastSeconds({}, 1, 1), 0);  // limits that were not measured limit nothing
}

// No machine that runs this multiplies slower or faster than that.
TEST(MachineLimitsTest, WhatIsMeasuredIsPlausible) {
  const MachineLimits limits = MeasureMachineLimits(1e-3);
  EXPECT_GT(limits.flops_per_second, 1e7);
  EXPECT_LT(limits.flops_per_second, 1e15);
  EXPECT_GT(limits.bytes_per_second, 1e6);
  EXPECT_LT(limits.bytes_per_second, 1e14);
}

}  // namespace
}  // namespace sluice::kernels
