#include "ops/identity.h"

#include <cmath>
#include <limits>

#include "graph/gradients.h"
#include "graph/graph.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(IdentityTest, PassesEveryDTypeThrough) {
  for (const char* op : {"Identity", "StopGradient", "PreventGradient", "Snapshot", "DeepCopy"}) {
    OpTest(op).Input({2, 2}, {1, 2, 3, 4}).Expect({2, 2}, {1, 2, 3, 4});
    OpTest(op).Input<std::string>({2}, {"a", "b"}).Expect<std::string>({2}, {"a", "b"});
    OpTest(op).Input<bool>({}, {true}).Expect<bool>({}, {true});
    OpTest(op).Input<Half>({1}, {Half(0.5f)}).Expect<Half>({1}, {Half(0.5f)});
    OpTest(op).Input<int64_t>({0, 3}, {}).Expect<int64_t>({0, 3}, {});
  }
}

TEST(IdentityTest, NKeepsOrderAndTypes) {
  OpTest("IdentityN")
      .Input({2}, {1, 2})
      .Input<std::string>({}, {"x"})
      .Input<int32_t>({0}, {})
      .ExpectAll({Tensor::Of<float>({2}, {1, 2}), Tensor::Scalar(std::string("x")),
                  Tensor::Of<int32_t>({0}, {})});
}

TEST(IdentityTest, Gradients) {
  for (const char* op : {"Identity", "Snapshot", "DeepCopy"}) {
    OpTest(op).Input(RandomTensor(DType::kDouble, {2, 3})).CheckGradient();
  }
  OpTest("IdentityN")
      .Input(RandomTensor(DType::kDouble, {2}))
      .Input(RandomTensor(DType::kDouble, {3, 1}))
      .CheckGradient();
  OpTest("CheckNumerics")
      .Attr("message", "checked")
      .Input(RandomTensor(DType::kDouble, {2, 3}))
      .CheckGradient();
}

TEST(CheckNumericsTest, NamesWhatItFound) {
  const auto check = [](std::initializer_list<float> values) {
    return OpTest("CheckNumerics")
        .Attr("message", "loss")
        .Input({static_cast<int64_t>(values.size())}, values);
  };
  check({1, -2, 3}).Expect({3}, {1, -2, 3});
  check({}).Expect({0}, {});
  check({1, kNan}).ExpectError(StatusCode::kInvalidArgument, "loss : Tensor had NaN values");
  check({-kInf}).ExpectError(StatusCode::kInvalidArgument, "loss : Tensor had Inf values");
  check({kInf, 1, kNan})
      .ExpectError(StatusCode::kInvalidArgument, "loss : Tensor had Inf and NaN values");
}

TEST(CheckNumericsTest, FindsOneBadElementAnywhere) {
  for (int64_t bad = 0; bad < 37; ++bad) {
    Tensor t = RandomTensor(DType::kDouble, {37}, 2, -1e300, 1e300);
    t.mutable_data<double>()[bad] = kInf;
    OpTest("CheckNumerics")
        .Attr("message", "m")
        .Input(t)
        .EvaluateOnly()
        .ExpectError(StatusCode::kInvalidArgument, "Inf");
  }
  OpTest("CheckNumerics")
      .Attr("message", "m")
      .Input<Half>({2}, {Half(1.0f), Half(kNan)})
      .ExpectError(StatusCode::kInvalidArgument, "NaN");
  OpTest("CheckNumerics")
      .Attr("message", "m")
      .Input<BFloat16>({1}, {BFloat16(2.0f)})
      .Expect<BFloat16>({1}, {BFloat16(2.0f)});
}

TEST(CheckNumericsTest, NoIntegers) {
  OpTest("CheckNumerics")
      .Attr("message", "m")
      .Input<int32_t>({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "int32");
}

TEST(StopGradientTest, CutsThePath) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, {2});
  const Output y = ops::StopGradient(root, x);
  EXPECT_TRUE(Gradients(root, {y}, {x})[0].empty());
  EXPECT_THAT(graph.status(), IsOk());
}

TEST(PreventGradientTest, AsksWhy) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, {2});
  const Output y = ops::PreventGradient(root.Named("guard"), x, "no way back");
  Gradients(root, {y}, {x});
  EXPECT_THAT(graph.status(), StatusIs(StatusCode::kUnimplemented, "no way back"));
  EXPECT_THAT(graph.status(), StatusIs(StatusCode::kUnimplemented, "'guard'"));
}

class OperationTest : public ::testing::Test {
 protected:
  absl::Status Run(const Output& operation, const Feeds& feeds = {}) {
    if (!graph_.ok()) return graph_.status();
    absl::StatusOr<Session> session = Session::Create(graph_);
    if (!session.ok()) return session.status();
    return session->Run(feeds, {operation}).status();
  }
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(OperationTest, NoOpRunsWhatItWaitsFor) {
  const Output fails = ops::Assert(root_, ops::Const(root_, false), {ops::Const(root_, 7)});
  EXPECT_THAT(Run(ops::NoOp(root_)), IsOk());
  EXPECT_THAT(Run(ops::NoOp(root_.After({fails}))), StatusIs(StatusCode::kInvalidArgument, ""));
}

// CF-31
TEST_F(OperationTest, AssertShowsItsData) {
  const Output condition = ops::Placeholder(root_, DType::kBool, {});
  const Output values = ops::Const<float>(root_, {1, 2, 3, 4}, {4});
  const Output check =
      ops::Assert(root_, condition, {ops::Const(root_, "sizes differ"), values}, {.summarize = 2});
  EXPECT_TRUE(check.is_operation());
  EXPECT_THAT(Run(check, {{condition, Tensor::Scalar(true)}}), IsOk());
  const absl::Status failed = Run(check, {{condition, Tensor::Scalar(false)}});
  EXPECT_THAT(failed,
              StatusIs(StatusCode::kInvalidArgument, "assertion failed: [sizes differ] [1 2...]"));
}

TEST_F(OperationTest, AssertWantsAScalar) {
  ops::Assert(root_, ops::Const<bool>(root_, {true}, {1}), {ops::Const(root_, 1)});
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "Shape must be rank 0"));
}

}  // namespace
}  // namespace sluice
