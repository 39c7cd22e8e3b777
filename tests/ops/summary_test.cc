#include "ops/summary.h"

#include <limits>
#include <string>

#include "graph/graph.h"
#include "graph/node.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "proto/event.pb.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Text(const std::string& s) { return Tensor::Scalar(s); }

proto::Summary Parsed(const absl::StatusOr<std::vector<Tensor>>& result) {
  EXPECT_THAT(result, IsOk());
  proto::Summary summary;
  if (result.ok()) {
    EXPECT_TRUE(summary.ParseFromString((*result)[0].scalar<std::string>()));
  }
  return summary;
}

TEST(SummaryTest, AScalar) {
  const proto::Summary s =
      Parsed(OpTest("ScalarSummary").Input(Text("loss")).Input<double>({}, {1.5}).Run());
  ASSERT_EQ(s.value_size(), 1);
  EXPECT_EQ(s.value(0).tag(), "loss");
  EXPECT_EQ(s.value(0).simple_value(), 1.5f);
}

TEST(SummaryTest, SeveralScalars) {
  const proto::Summary s = Parsed(OpTest("ScalarSummary")
                                      .Input(Tensor::Of<std::string>({2}, {"a", "b"}))
                                      .Input<int32_t>({2}, {3, -4})
                                      .Run());
  ASSERT_EQ(s.value_size(), 2);
  EXPECT_EQ(s.value(1).tag(), "b");
  EXPECT_EQ(s.value(1).simple_value(), -4);
}

TEST(SummaryTest, ScalarsMustMatchTheirTags) {
  OpTest("ScalarSummary")
      .Input(Text("loss"))
      .Input<float>({2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument,
                   "tags and values not the same shape: [] != [2] (tag 'loss')");
}

TEST(SummaryTest, AHistogram) {
  const proto::Summary s =
      Parsed(OpTest("HistogramSummary").Input(Text("w")).Input<float>({2, 2}, {1, 2, 3, -4}).Run());
  ASSERT_EQ(s.value_size(), 1);
  EXPECT_EQ(s.value(0).tag(), "w");
  const proto::HistogramProto& h = s.value(0).histo();
  EXPECT_EQ(h.min(), -4);
  EXPECT_EQ(h.max(), 3);
  EXPECT_EQ(h.num(), 4);
  EXPECT_EQ(h.sum(), 2);
  EXPECT_EQ(h.sum_squares(), 30);
}

TEST(SummaryTest, AnEmptyHistogram) {
  const proto::Summary s =
      Parsed(OpTest("HistogramSummary").Input(Text("w")).Input<float>({0}, {}).Run());
  EXPECT_EQ(s.value(0).histo().num(), 0);
}

TEST(SummaryTest, AHistogramRefusesNanAndInfinity) {
  using Limits = std::numeric_limits<float>;
  const auto refused = [](float bad, const char* why) {
    OpTest("HistogramSummary")
        .Input(Text("w"))
        .Input<float>({2}, {1, bad})
        .ExpectError(StatusCode::kInvalidArgument, why);
  };
  refused(Limits::quiet_NaN(), "Nan in summary histogram for: ");
  refused(Limits::infinity(), "Infinity in summary histogram for: ");
  refused(-Limits::infinity(), "Infinity in summary histogram for: ");
}

std::string OneValue(const std::string& tag, float value) {
  proto::Summary s;
  s.add_value()->set_tag(tag);
  s.mutable_value(0)->set_simple_value(value);
  return s.SerializeAsString();
}

TEST(SummaryTest, Merge) {
  const proto::Summary s = Parsed(
      OpTest("MergeSummary").Input(Text(OneValue("a", 1))).Input(Text(OneValue("b", 2))).Run());
  ASSERT_EQ(s.value_size(), 2);
  EXPECT_EQ(s.value(0).tag(), "a");
  EXPECT_EQ(s.value(1).simple_value(), 2);
}

TEST(SummaryTest, MergeRefusesTwoOfOneTag) {
  OpTest("MergeSummary")
      .Input(Text(OneValue("a", 1)))
      .Input(Text(OneValue("a", 2)))
      .ExpectError(StatusCode::kInvalidArgument, "Duplicate tag a found in summary inputs");
}

TEST(SummaryTest, MergeRefusesWhatIsNoSummary) {
  OpTest("MergeSummary")
      .Input(Text("\xff\xff"))
      .ExpectError(StatusCode::kInvalidArgument, "Could not parse one of the summary inputs");
}

TEST(SummaryTest, TagsAreCleaned) {
  EXPECT_EQ(ops::CleanTag("net/conv1-a.b_c"), "net/conv1-a.b_c");
  EXPECT_EQ(ops::CleanTag("//learning rate: 3"), "learning_rate__3");
  EXPECT_EQ(ops::CleanTag(""), "");
  EXPECT_EQ(ops::CleanTag("/"), "");
}

TEST(SummaryTest, BuildersNameAndCollect) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x =
      At(root).Node("Const", {}, {{"value", Tensor::Scalar(1.0f)}, {"dtype", DType::kFloat}});
  const Output a = ops::ScalarSummary(root, "mean loss", x);
  const Output b = ops::HistogramSummary(root.Sub("net"), "w", x);
  EXPECT_EQ(a.name(), "mean_loss:0");
  EXPECT_EQ(graph.ConstantValue(a.node()->input(0))->scalar<std::string>(), "mean_loss");
  EXPECT_EQ(graph.ConstantValue(b.node()->input(0))->scalar<std::string>(), "net/w");
  const Output merged = ops::MergeAllSummaries(root);
  EXPECT_EQ(merged.name(), "Merge/MergeSummary:0");
  EXPECT_EQ(merged.node()->inputs(), (Outputs{a, b}));
  EXPECT_EQ(graph.status(), absl::OkStatus());
  ops::ScalarSummary(root, "", x);
  EXPECT_THAT(graph.status(), StatusIs(StatusCode::kInvalidArgument, "a summary needs a name"));
}

}  // namespace
}  // namespace sluice
