// Every error that a run can end with, and that the session works afterwards.
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

class ErrorsTest : public SessionFixture {
 protected:
  absl::Status RunStatus(const Feeds& feeds, const Outputs& fetches, SessionOptions options = {}) {
    return MakeSession(options).Run(feeds, fetches).status();
  }
  const Output x_ = Placeholder(root_.Named("x"), DType::kFloat, {-1, 3});
};

TEST_F(ErrorsTest, CreateRefusesWhatCannotRun) {
  Graph empty(Registry());
  EXPECT_THAT(Session::Create(empty),
              StatusIs(StatusCode::kInvalidArgument, "The Session graph is empty."));
  EXPECT_THAT(Session::Create(graph_, {.intra_op_threads = -1}),
              StatusIs(StatusCode::kInvalidArgument, "threads"));
  EXPECT_THAT(Session::Create(graph_, {.memory_limit_bytes = -1}),
              StatusIs(StatusCode::kInvalidArgument, "memory_limit_bytes"));
  Add(root_, x_, Const(root_, Floats({1, 2})));  // shapes do not merge: the graph has failed
  EXPECT_FALSE(graph_.ok());
  EXPECT_EQ(Session::Create(graph_).status(), graph_.status());
}

TEST_F(ErrorsTest, AGraphThatFailedLaterRunsWhatWasPlannedOnly) {
  const Output y = Const(root_, 1), z = Const(root_, 2);
  Session session = MakeSession();
  ASSERT_THAT(session.Run(y), IsOk());
  Add(root_, x_, Const(root_, Floats({1, 2})));
  ASSERT_FALSE(graph_.ok());
  EXPECT_THAT(session.Run(y), IsOk());
  EXPECT_EQ(session.Run(z), graph_.status());
}

TEST_F(ErrorsTest, NothingToRun) {
  EXPECT_THAT(RunStatus({}, {}), StatusIs(StatusCode::kInvalidArgument,
                                          "Must specify at least one target to fetch or execute."));
}

TEST_F(ErrorsTest, APlaceholderThatIsNotFed) {
  EXPECT_THAT(
      RunStatus({}, {Square(root_, x_)}),
      StatusIs(
          StatusCode::kInvalidArgument,
          "You must feed a value for placeholder tensor 'x' with dtype float and shape [?,3]"));
  EXPECT_THAT(RunStatus({}, {x_}),
              StatusIs(StatusCode::kInvalidArgument, "node 'x' (Placeholder)"));
  const Output s = Placeholder(root_.Named("s"), DType::kInt64, TensorShape::Unknown());
  const absl::Status status = RunStatus({}, {s});
  EXPECT_THAT(status,
              StatusIs(StatusCode::kInvalidArgument,
                       "placeholder tensor 's' with dtype int64 (tests/session/errors_test.cc:"));
}

TEST_F(ErrorsTest, AFedShapeThatDoesNotFit) {
  const Output y = Square(root_, x_);
  EXPECT_THAT(
      RunStatus({{x_, Floats({1, 2, 3})}}, {y}),
      StatusIs(StatusCode::kInvalidArgument,
               "Cannot feed value of shape (3,) for Tensor 'x:0', which has shape '(?, 3)'"));
  const Output v = Placeholder(root_.Named("v"), DType::kFloat, {4});
  EXPECT_THAT(RunStatus({{v, Floats({1, 2, 3})}}, {v}),
              StatusIs(StatusCode::kInvalidArgument,
                       "Cannot feed value of shape (3,) for Tensor 'v:0', which has shape '(4,)'"));
  EXPECT_THAT(RunStatus({{v, Tensor::Scalar(1.0f)}}, {v}),
              StatusIs(StatusCode::kInvalidArgument, "value of shape () for"));
}

TEST_F(ErrorsTest, FeedsThatAreNoValues) {
  const Output op = Effect(root_.Named("op"), "ran");
  EXPECT_THAT(
      RunStatus({{x_, Ints({1})}}, {x_}),
      StatusIs(StatusCode::kInvalidArgument,
               "Cannot feed value of dtype int64 for Tensor 'x:0', which has dtype float32"));
  EXPECT_THAT(RunStatus({{x_, Tensor()}}, {x_}), StatusIs(StatusCode::kInvalidArgument, "'x:0'"));
  EXPECT_THAT(RunStatus({{op, Floats({1})}}, {op}),
              StatusIs(StatusCode::kInvalidArgument, "'op': it is an operation"));
  EXPECT_THAT(RunStatus({{Output(), Floats({1})}}, {op}),
              StatusIs(StatusCode::kInvalidArgument, "feed 0 is an empty Output"));
  const Tensor value = Tensor::Of<float>({1, 3}, {1, 2, 3});
  EXPECT_THAT(RunStatus({{x_, value}, {x_, value}}, {x_}),
              StatusIs(StatusCode::kInvalidArgument, "Tensor 'x:0' was fed more than once."));
}

TEST_F(ErrorsTest, ElementsOfAnotherGraph) {
  Graph other(Registry());
  const Output foreign = Const(Scope::Root(other).Named("c"), 1);
  EXPECT_THAT(RunStatus({}, {foreign}), StatusIs(StatusCode::kInvalidArgument,
                                                 "Tensor 'c:0' is not an element of this graph."));
  EXPECT_THAT(RunStatus({{foreign, Tensor::Scalar(1.0f)}}, {x_}),
              StatusIs(StatusCode::kInvalidArgument, "is not an element of this graph."));
  EXPECT_THAT(MakeSession().Run(foreign.node()->operation()),
              StatusIs(StatusCode::kInvalidArgument, "is not an element of this graph."));
}

TEST_F(ErrorsTest, FetchesThatDoNotExist) {
  EXPECT_THAT(RunStatus({}, {x_, Output()}),
              StatusIs(StatusCode::kInvalidArgument, "fetch 1 is an empty Output"));
  EXPECT_THAT(RunStatus({}, {Output(x_.node(), 1)}),
              StatusIs(StatusCode::kInvalidArgument, "output index too large, must be < 1"));
  EXPECT_THAT(RunStatus({}, {Output(x_.node(), -5)}), StatusIs(StatusCode::kInvalidArgument, ""));
}

TEST_F(ErrorsTest, AnOpThatTheRegistryLacks) {
  NodeRequest request;
  request.op = "FromElsewhere";
  request.name = "foreign";
  request.allow_unknown_op = true;
  request.unknown_op_outputs = 1;
  const auto node = graph_.AddNode(std::move(request));
  ASSERT_THAT(node, IsOk());
  const Output c = Const(root_, 1);
  Session session = MakeSession();
  EXPECT_THAT(session.Run(c), IsOk());  // not reached
  EXPECT_THAT(session.Run((*node)->operation()),
              StatusIs(StatusCode::kUnimplemented,
                       "node 'foreign' (FromElsewhere): Op type not registered 'FromElsewhere'"));
  // Feeding its output goes around it.
  ExpectClose(Run(session, {{(*node)->output(0), Floats({1})}}, (*node)->output(0)), Floats({1}));
}

TEST_F(ErrorsTest, AnOpWithoutKernel) {
  const Output y = At(root_.Named("n")).Node("NoKernel", {Const(root_, 1)});
  EXPECT_THAT(RunStatus({}, {y}),
              StatusIs(StatusCode::kUnimplemented,
                       "node 'n' (NoKernel): No OpKernel was registered to support Op 'NoKernel'"));
}

TEST_F(ErrorsTest, Cycles) {
  const Output a = Add(root_.Named("a"), x_, x_);
  const Output b = Square(root_.Named("b"), a);
  const Output c = Square(root_.Named("c"), b);
  const Output self = Square(root_.Named("self"), x_);
  ASSERT_THAT(graph_.SetBackEdge(a.node(), 1, {b.node(), 0}), IsOk());
  ASSERT_THAT(graph_.SetBackEdge(self.node(), 0, {self.node(), 0}), IsOk());
  const Tensor value = Tensor::Of<float>({1, 3}, {1, 2, 3});
  // c is behind the cycle, not on it.
  const absl::Status status = RunStatus({{x_, value}}, {c});
  EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument, "nodes in a cycle"));
  EXPECT_EQ(status.message().find("'c'"), absl::string_view::npos) << status;
  EXPECT_THAT(RunStatus({}, {self}),
              StatusIs(StatusCode::kInvalidArgument, "node 'self' (Square)"));
  // Fed, the cycle is cut.
  Session session = MakeSession();
  ExpectClose(Run(session, {{x_, value}, {b, value}}, c), Tensor::Of<float>({1, 3}, {1, 4, 9}));
}

TEST_F(ErrorsTest, AKernelsErrorNamesItsNodeOnce) {
  const Output y = Square(root_, Check(root_.Named("guard"), x_, "first element is negative"));
  Session session = MakeSession();
  const Tensor good = Tensor::Of<float>({1, 3}, {1, 2, 3});
  const absl::Status status =
      session.Run({{x_, Tensor::Of<float>({1, 3}, {-1, 2, 3})}}, {y}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  const std::string message(status.message());
  EXPECT_EQ(message.find(
                "node 'guard' (Check): first element is negative (tests/session/errors_test.cc:"),
            0u)
      << message;
  EXPECT_EQ(message.find("node '", 1), std::string::npos) << message;
  EXPECT_THAT(session.Run({{x_, good}}, {y}), IsOk());
}

TEST_F(ErrorsTest, ErrorsOfPreparationAndFoldingNameTheirNode) {
  const Output prepared = Check(root_.Named("guard"), x_, "never", "prepare");
  const Tensor value = Tensor::Of<float>({1, 3}, {1, 2, 3});
  EXPECT_THAT(RunStatus({{x_, value}}, {prepared}),
              StatusIs(StatusCode::kInvalidArgument,
                       "node 'guard' (Check): never (tests/session/errors_test.cc"));
  const Output folded = Check(root_.Named("constant"), Const(root_, Floats({-1})), "negative");
  for (bool optimize : {true, false}) {
    EXPECT_THAT(RunStatus({}, {Square(root_, folded)}, {.optimize = optimize}),
                StatusIs(StatusCode::kInvalidArgument, "node 'constant' (Check): negative"));
  }
}

TEST_F(ErrorsTest, ShapesThatDoNotFitInThisRun) {
  const Output a = Placeholder(root_.Named("a"), DType::kFloat, {-1});
  const Output b = Placeholder(root_.Named("b"), DType::kFloat, {-1});
  const Output y = Add(root_.Named("sum"), a, b);
  EXPECT_THAT(RunStatus({{a, Floats({1})}, {b, Floats({1, 2})}}, {y}),
              StatusIs(StatusCode::kInvalidArgument, "node 'sum' (Add): "));
}

TEST_F(ErrorsTest, AnErrorEndsTheRunBeforeLaterEffects) {
  const Output bad = Check(root_, x_, "stop");
  const Output effect = Effect(root_.After({bad}), "after the error");
  Session session = MakeSession();
  EXPECT_FALSE(session.Run({{x_, Tensor::Of<float>({1, 3}, {-1, 0, 0})}}, {effect}).ok());
  EXPECT_TRUE(TakeLog().empty());
  EXPECT_THAT(session.Run({{x_, Tensor::Of<float>({1, 3}, {1, 0, 0})}}, {effect}), IsOk());
  EXPECT_EQ(TakeLog(), std::vector<std::string>{"after the error"});
}

TEST_F(ErrorsTest, ClosedSessions) {
  const Output c = Const(root_, 1);
  Session session = MakeSession();
  EXPECT_THAT(session.Run(c), IsOk());
  session.Close();
  EXPECT_THAT(session.Run(c), StatusIs(StatusCode::kCancelled, "Session has been closed."));
  EXPECT_THAT(session.Run({}, {c}), StatusIs(StatusCode::kCancelled, "Session has been closed."));
}

TEST_F(ErrorsTest, ExceptionsOfTheAllocatorAreCaught) {
  const Output bad = Throw(root_);
  const Output c = Const(root_, 1);
  Session session = MakeSession();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(session.Run(bad), StatusIs(StatusCode::kResourceExhausted, "out of memory"));
  }
  EXPECT_THAT(session.Run(c), IsOk());
}

TEST_F(ErrorsTest, AReferenceThatIsFedCannotBeAssigned) {
  const Output ref = RefVariable(root_.Named("v"), "v", {1});
  const Output assign = RefAssign(root_.Named("assign"), ref, Const(root_, Floats({1})));
  const Output read = Identity(root_, ref);
  Session session = MakeSession();
  ExpectClose(Run(session, {{ref, Floats({8})}}, read), Floats({8}));
  EXPECT_THAT(session.Run({{ref, Floats({8})}}, {assign}),
              StatusIs(StatusCode::kInvalidArgument,
                       "input 0 must be a reference to a variable, got the value fed for 'v'"));
}

}  // namespace
}  // namespace sluice
