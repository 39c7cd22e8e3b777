// Rules IN-4 and IN-5.
#include <cmath>

#include "layers/initializers.h"
#include "tests/testing/program/initializer_fixture.h"
#include "tests/testing/statistics.h"

namespace sluice::initializers {
namespace {

class ContribInitializersTest : public InitializerFixture {
 protected:
  static constexpr char kMax[] = "random_uniform/max", kMin[] = "random_uniform/min";
  static constexpr char kStddev[] = "truncated_normal/stddev";
  const TensorShape kernel_ = {5, 5, 3, 8};  // fans 75 and 200
};

TEST_F(ContribInitializersTest, Xavier) {
  EXPECT_NEAR(ConstantBehind(Xavier(), kernel_, kMax), 0.147709789, 1e-8);
  EXPECT_NEAR(ConstantBehind(Xavier(), kernel_, kMin), -0.147709789, 1e-8);
  EXPECT_NEAR(ConstantBehind(Xavier(false), kernel_, kStddev), std::sqrt(1.3 / 137.5), 1e-8);
  EXPECT_EQ(ConstantBehind(Xavier(false), kernel_, "truncated_normal/mean"), 0);
}

TEST_F(ContribInitializersTest, VarianceScaling) {
  const auto stddev = [&](FanMode mode) {
    return ConstantBehind(ContribVarianceScaling({.mode = mode}), kernel_, kStddev);
  };
  EXPECT_NEAR(stddev(FanMode::kFanIn), std::sqrt(2.6 / 75), 1e-7);
  EXPECT_NEAR(stddev(FanMode::kFanOut), std::sqrt(2.6 / 200), 1e-7);
  EXPECT_NEAR(stddev(FanMode::kFanAvg), std::sqrt(2.6 / 137.5), 1e-7);
  EXPECT_NEAR(ConstantBehind(ContribVarianceScaling({.factor = 5, .uniform = true}), kernel_, kMax),
              std::sqrt(0.2), 1e-7);
}

TEST_F(ContribInitializersTest, FansOfVectorsAndScalars) {
  // sqrt(3 * 2 / n): both fans of a vector are its length, a scalar's are 1.
  for (const FanMode mode : {FanMode::kFanIn, FanMode::kFanOut, FanMode::kFanAvg}) {
    const Initializer initializer = ContribVarianceScaling({.mode = mode, .uniform = true});
    EXPECT_NEAR(ConstantBehind(initializer, {6}, kMax), 1, 1e-7);
    EXPECT_NEAR(ConstantBehind(initializer, {}, kMax), std::sqrt(6.0), 1e-6);
  }
  const Initializer avg = ContribVarianceScaling({.mode = FanMode::kFanAvg, .uniform = true});
  EXPECT_NEAR(ConstantBehind(avg, {2, 4}, kMax), std::sqrt(2.0), 1e-6);
}

TEST_F(ContribInitializersTest, EmptyKernelsAreFinite) {
  EXPECT_NEAR(ConstantBehind(Xavier(), {0, 0}, kMax), std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(ConstantBehind(UniformUnitScaling(), {0, 2}, kMax), std::sqrt(3.0), 1e-6);
}

// 40,000 values with a fixed seed: the mean within 5 standard errors, the deviation within 3 %.
TEST_F(ContribInitializersTest, Statistics) {
  const Statistics uniform = StatisticsOf(ToDoubles(ValueOf(Xavier(true, 3), {200, 200})));
  const double limit = std::sqrt(6.0 / 400);
  EXPECT_NEAR(uniform.mean, 0, 5 * limit / std::sqrt(3.0) / 200);
  EXPECT_NEAR(std::sqrt(uniform.variance), limit / std::sqrt(3.0), 0.03 * limit);
  EXPECT_GE(uniform.low, -limit);
  EXPECT_LT(uniform.high, limit);
  // Truncated at 2 standard deviations, which leaves 0.8796 of them: about sqrt(1 / n).
  const Statistics normal = StatisticsOf(ToDoubles(ValueOf(Xavier(false, 3), {200, 200})));
  const double stddev = std::sqrt(1.3 / 200);
  EXPECT_NEAR(std::sqrt(normal.variance), 0.87962566 * stddev, 0.03 * stddev);
  EXPECT_LE(normal.high, 2 * stddev);
  EXPECT_GE(normal.low, -2 * stddev);
}

TEST_F(ContribInitializersTest, UniformUnitScaling) {
  // 75 inputs of each of the 8 outputs.
  EXPECT_NEAR(ConstantBehind(UniformUnitScaling(), kernel_, kMax), 0.2, 1e-8);
  EXPECT_NEAR(ConstantBehind(UniformUnitScaling(2), kernel_, kMin), -0.4, 1e-8);
  EXPECT_NEAR(ConstantBehind(UniformUnitScaling(), {7}, kMax), std::sqrt(3.0), 1e-6);
  const PartitionInfo part = {.full_shape = {12, 4}, .var_offset = {6, 0}};
  UniformUnitScaling()(root_.Sub("part"), {6, 4}, DType::kFloat, &part);
  const auto limit = graph_.FindTensor("part/random_uniform/max:0");
  ASSERT_THAT(limit, IsOk());
  EXPECT_NEAR(graph_.ConstantValue(*limit)->scalar<float>(), 0.5, 1e-8);
}

TEST_F(ContribInitializersTest, IntegersAreRefused) {
  GetVariable(root_, "v", {.shape = {2}, .dtype = DType::kInt32, .initializer = Xavier()});
  ExpectInvalid("Cannot create initializer for non-floating point type.");
}

TEST_F(ContribInitializersTest, ModesAreChecked) {
  GetVariable(
      root_, "v",
      {.shape = {2}, .initializer = ContribVarianceScaling({.mode = static_cast<FanMode>(7)})});
  ExpectInvalid("Unknown mode 7 [FAN_IN, FAN_OUT, FAN_AVG]");
}

}  // namespace
}  // namespace sluice::initializers
