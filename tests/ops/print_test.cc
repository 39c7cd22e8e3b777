#include "ops/print.h"

#include <ctime>
#include <limits>
#include <string>

#include "core/file.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/summarize.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;
using ops::SummarizeValue;

TEST(SummarizeTest, Shapes) {
  EXPECT_EQ(SummarizeValue(Tensor::Scalar(1.5f), 3), "1.5");
  EXPECT_EQ(SummarizeValue(Tensor::Of<int32_t>({3}, {1, 2, 3}), 3), "1 2 3");
  EXPECT_EQ(SummarizeValue(Tensor::Of<int32_t>({4}, {1, 2, 3, 4}), 3), "1 2 3...");
  EXPECT_EQ(SummarizeValue(Tensor::Of<int32_t>({4}, {1, 2, 3, 4}), -1), "1 2 3 4");
  EXPECT_EQ(SummarizeValue(Tensor::Of<int32_t>({2, 2}, {1, 2, 3, 4}), 4), "[1 2][3 4]");
  EXPECT_EQ(SummarizeValue(Tensor::Of<int32_t>({2, 2}, {1, 2, 3, 4}), 3), "[1 2][3...]...");
  EXPECT_EQ(SummarizeValue(Tensor::Of<int32_t>({2, 1, 2}, {1, 2, 3, 4}), -1), "[[1 2]][[3 4]]");
  EXPECT_EQ(SummarizeValue(Tensor::Of<int32_t>({0}, {}), 3), "");
  EXPECT_EQ(SummarizeValue(Tensor::Scalar(1.5f), 0), "...");
}

TEST(SummarizeTest, Elements) {
  EXPECT_EQ(SummarizeValue(Tensor::Of<float>({3}, {0.1f, 1e20f, 16777217.0f}), -1),
            "0.1 1e+20 16777216");
  EXPECT_EQ(SummarizeValue(Tensor::Of<double>({2}, {0.1, 1.0 / 3}), -1), "0.1 0.33333333333333331");
  EXPECT_EQ(SummarizeValue(Tensor::Of<float>({2}, {std::numeric_limits<float>::quiet_NaN(),
                                                   -std::numeric_limits<float>::infinity()}),
                           -1),
            "nan -inf");
  EXPECT_EQ(SummarizeValue(Tensor::Of<bool>({2}, {true, false}), -1), "1 0");
  EXPECT_EQ(SummarizeValue(Tensor::Of<uint8_t>({2}, {65, 0}), -1), "65 0");
  EXPECT_EQ(SummarizeValue(Tensor::Of<std::string>({2}, {"a", "b\n"}), -1), "a b\\n");
  EXPECT_EQ(SummarizeValue(Tensor::Scalar(Half(1.5f)), -1), "1.5");
}

TEST(PrintTest, PassesItsInputAndPrints) {
  testing::internal::CaptureStderr();
  OpTest("Print")
      .Attr("message", "values: ")
      .Input({2}, {1, 2})
      .Input<int32_t>({4}, {1, 2, 3, 4})
      .Input<std::string>({}, {"x"})
      .EvaluateOnly()
      .Expect({2}, {1, 2});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "values: [1 2 3...][x]\n");
}

TEST(PrintTest, FirstRunsOnly) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Const(root, 1.0f);
  const Output y = ops::Print(root, x, {x}, {.message = "m", .first_n = 2});
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) ASSERT_THAT(session->Run({}, {y}), IsOk());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "m[1]\nm[1]\n");
}

TEST(PrintTest, Gradient) {
  OpTest("Print")
      .Attr("first_n", 0)
      .Input<double>({2}, {1, 2})
      .Input<int32_t>({1}, {1})
      .CheckGradient();
}

OpTest V2(const std::string& text) {
  return OpTest("PrintV2").Input(Tensor::Scalar(text)).EvaluateOnly();
}

TEST(PrintV2Test, Streams) {
  testing::internal::CaptureStderr();
  EXPECT_THAT(V2("a").Run(), IsOk());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "a\n");
  testing::internal::CaptureStdout();
  EXPECT_THAT(V2("b").Attr("output_stream", "stdout").Attr("end", "!").Run(), IsOk());
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "b!");
  const std::string path = JoinPath(testing::TempDir(), "print_test.txt");
  FileSystem::Default().Delete(path).IgnoreError();
  for (const char* text : {"c", "d"}) {
    EXPECT_THAT(V2(text).Attr("output_stream", "file://" + path).Run(), IsOk());
  }
  EXPECT_EQ(FileSystem::Default().ReadAll(path).value(), "c\nd\n");
}

TEST(PrintV2Test, Errors) {
  V2("a")
      .Attr("output_stream", "nowhere")
      .ExpectError(StatusCode::kInvalidArgument, "Unknown output stream: nowhere");
  OpTest("PrintV2")
      .Input<std::string>({1}, {"a"})
      .EvaluateOnly()
      .ExpectError(StatusCode::kInvalidArgument, "input must be a scalar, but has rank: 1");
}

TEST(TimestampTest, IsNow) {
  const auto before = static_cast<double>(std::time(nullptr));
  const auto result = OpTest("Timestamp").EvaluateOnly().Run();
  ASSERT_THAT(result, IsOk());
  const double now = (*result)[0].scalar<double>();
  EXPECT_GE(now, before - 1);
  EXPECT_LE(now, static_cast<double>(std::time(nullptr)) + 1);
}

}  // namespace
}  // namespace sluice
