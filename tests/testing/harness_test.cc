// The harness must notice what it is there to notice.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/kernel.h"
#include "graph/at.h"
#include "graph/op_spec.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/binary.h"
#include "tests/testing/kernel_runner.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

// Copies its input; `fault` does something that kernels must not do.
OpSpec FaultyCopy(void (*fault)(KernelContext& c)) {
  OpSpec spec("FaultyCopy");
  spec.Input("x: float")
      .Output("y: float")
      .Shape(shapes::SameAsInput)
      .InPlace(0, 0)
      .NotDifferentiable("a test");
  return spec.Prepare([fault](PrepareContext& p) -> absl::StatusOr<KernelRun> {
    p.RequestScratch(16);
    return [fault](KernelContext& c) {
      memmove(c.output(0).mutable_raw(), c.input(0).raw(), c.input(0).byte_size());
      fault(c);
      return absl::OkStatus();
    };
  });
}

absl::StatusOr<std::vector<Tensor>> RunFaulty(void (*fault)(KernelContext& c),
                                              const KernelRunnerOptions& options = {}) {
  return RunKernelGuarded(FaultyCopy(fault), {}, {Tensor::Of<float>({3}, {1, 2, 3})}, options);
}

TEST(KernelRunnerTest, RunsAnHonestKernel) {
  auto result = RunFaulty([](KernelContext&) {});
  ASSERT_THAT(result, IsOk());
  ExpectClose((*result)[0], Tensor::Of<float>({3}, {1, 2, 3}));
  EXPECT_THAT(RunFaulty([](KernelContext&) {}, {.in_place = {{0, 0}}}), IsOk());
}

TEST(KernelRunnerTest, NoticesWritesOutside) {
  EXPECT_THAT(RunFaulty([](KernelContext& c) { c.output(0).mutable_data<float>()[3] = 0; }),
              StatusIs(absl::StatusCode::kInternal, "outside output 0"));
  EXPECT_THAT(RunFaulty([](KernelContext& c) { c.output(0).mutable_data<float>()[-1] = 0; }),
              StatusIs(absl::StatusCode::kInternal, "outside output 0"));
  EXPECT_THAT(RunFaulty([](KernelContext& c) { static_cast<char*>(c.scratch())[16] = 0; }),
              StatusIs(absl::StatusCode::kInternal, "outside its scratch"));
}

TEST(KernelRunnerTest, NoticesChangedInputs) {
  EXPECT_THAT(
      RunFaulty([](KernelContext& c) { const_cast<float*>(c.input(0).data<float>())[1] = 7; }),
      StatusIs(absl::StatusCode::kInternal, "changed input 0"));
}

TEST(KernelRunnerTest, NoticesRunsThatDiffer) {
  EXPECT_THAT(RunFaulty([](KernelContext& c) {
                static float calls = 0;
                c.output(0).mutable_data<float>()[0] = ++calls;
              }),
              StatusIs(absl::StatusCode::kInternal, "second run gave another output 0"));
}

// Output memory is filled with 0xFB bytes, so a sum that starts from what it finds there is far
// off.
TEST(KernelRunnerTest, OutputsAndScratchStartPoisoned) {
  auto result =
      RunFaulty([](KernelContext& c) { memcpy(c.output(0).mutable_raw(), c.scratch(), 4); });
  ASSERT_THAT(result, IsOk());
  uint32_t bits;
  memcpy(&bits, (*result)[0].raw(), 4);
  EXPECT_EQ(bits, 0xfbfbfbfb);
}

TEST(KernelRunnerTest, CompletesAttributes) {
  const OpSpec* pack = ops::Builtin().Find("AddN");
  ASSERT_NE(pack, nullptr);
  auto attrs = CompleteAttrs(*pack, {}, {Tensor::Scalar(1.0), Tensor::Scalar(2.0)});
  ASSERT_THAT(attrs, IsOk());
  EXPECT_EQ(GetAttr<int64_t>(*attrs, "N"), 2);
  EXPECT_EQ(GetAttr<DType>(*attrs, "T"), DType::kDouble);
  EXPECT_THAT(CompleteAttrs(*pack, {}, {Tensor::Scalar(1.0), Tensor::Scalar(2.0f)}),
              StatusIs(absl::StatusCode::kInvalidArgument, "input 1 must be float64, got float32"));
}

TEST(OpTestTest, NoticesWrongValuesShapesAndTypes) {
  EXPECT_NONFATAL_FAILURE(OpTest("Neg").EvaluateOnly().Input({2}, {1, 2}).Expect({2}, {-1, 2}),
                          "1 of 2 elements");
  EXPECT_NONFATAL_FAILURE(OpTest("Neg").EvaluateOnly().Input({2}, {1, 2}).Expect({1, 2}, {-1, -2}),
                          "float32[1,2]");
  EXPECT_NONFATAL_FAILURE(OpTest("Neg").EvaluateOnly().Input({1}, {1}).Expect<double>({1}, {-1}),
                          "float64[1]");
  EXPECT_NONFATAL_FAILURE(
      OpTest("Neg").EvaluateOnly().Input({1}, {1}).ExpectError(absl::StatusCode::kInternal, ""),
      "no error");
}

TEST(OpTestTest, RunsEveryWay) {
  int failures = 0;
  ::testing::TestPartResultArray results;
  {
    ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    OpTest("Neg").Input({2}, {1, 2}).Expect({2}, {1, 2});
  }
  // EvaluateOp, three guarded runs, in place, and five graphs.
  for (int i = 0; i < results.size(); ++i) failures += results.GetTestPartResult(i).failed();
  EXPECT_EQ(failures, 10);
}

TEST(CheckGradientTest, NoticesAWrongGradient) {
  auto half_of_it = [](At at, const Outputs& x) -> Outputs {
    return {ops::Mul(at, x[0], at.Node("StopGradient", {x[0]}))};
  };
  const Tensor x = Tensor::Of<double>({2}, {1, 2});
  ::testing::TestPartResultArray results;
  {
    ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    CheckGradient(half_of_it, {x});
  }
  ASSERT_GE(results.size(), 2);
  EXPECT_NE(std::string(results.GetTestPartResult(0).message()).find("gradient 1, differences 2"),
            std::string::npos)
      << results.GetTestPartResult(0).message();
}

TEST(CheckGradientTest, NoticesAMissingGradient) {
  auto stopped = [](At at, const Outputs& x) -> Outputs {
    return {at.Node("StopGradient", {x[0]})};
  };
  ::testing::TestPartResultArray results;
  {
    ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results);
    CheckGradient(stopped, {Tensor::Of<double>({2}, {1, 2})});
  }
  EXPECT_EQ(results.size(), 1);
}

TEST(TensorsTest, ClosenessKnowsSpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              inf = std::numeric_limits<float>::infinity();
  const Tensor x = Tensor::Of<float>({3}, {nan, inf, 1});
  EXPECT_TRUE(IsClose(x, Tensor::Of<float>({3}, {nan, inf, 1.000001f})));
  EXPECT_FALSE(IsClose(x, Tensor::Of<float>({3}, {nan, -inf, 1})));
  EXPECT_FALSE(IsClose(x, Tensor::Of<float>({3}, {1, inf, 1})));
  EXPECT_FALSE(IsClose(x, Tensor::Of<float>({3}, {nan, inf, 1.1f})));
  EXPECT_FALSE(IsClose(Tensor::Of<int32_t>({1}, {1}), Tensor::Of<int32_t>({1}, {2}), {10, 10}));
}

TEST(TensorsTest, MakesTensors) {
  EXPECT_TRUE(BitEqual(RandomTensor(DType::kFloat, {5}, 1), RandomTensor(DType::kFloat, {5}, 1)));
  EXPECT_FALSE(BitEqual(RandomTensor(DType::kFloat, {5}, 1), RandomTensor(DType::kFloat, {5}, 2)));
  for (double x : ToDoubles(MovedOff(RandomTensor(DType::kDouble, {100}, 1), {0}, 0.2)))
    EXPECT_GE(std::abs(x), 0.2);
  std::vector<double> ladder = ToDoubles(LadderTensor(DType::kDouble, {5}, 1, 0, 4));
  std::sort(ladder.begin(), ladder.end());
  EXPECT_EQ(ladder, (std::vector<double>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace sluice
