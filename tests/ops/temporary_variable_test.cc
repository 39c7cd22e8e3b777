#include "ops/temporary_variable.h"

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/variable.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(DestroyResourceTest, TheVariableHasNoValueAnyMore) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output v = ops::VarHandleOp(root, DType::kFloat, {2});
  const Output assign =
      ops::AssignVariableOp(root, v, ops::Const(root, Tensor::Of<float>({2}, {1, 2})));
  const Output read = ops::ReadVariableOp(root, v, DType::kFloat);
  const Output destroy = ops::DestroyResourceOp(root, v);
  const Output strict = ops::DestroyResourceOp(root, v, /*ignore_lookup_error=*/false);
  ASSERT_THAT(graph.status(), IsOk());
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(session->Run({}, {destroy}), IsOk());  // there was none
  EXPECT_THAT(session->Run({}, {strict}), StatusIs(StatusCode::kNotFound, "does not exist"));
  ASSERT_THAT(session->Run({}, {assign}), IsOk());
  ASSERT_THAT(session->Run({}, {read}), IsOk());
  EXPECT_THAT(session->Run({}, {strict}), IsOk());
  EXPECT_THAT(session->Run({}, {read}), StatusIs(StatusCode::kFailedPrecondition, "uninitialized"));
  ASSERT_THAT(session->Run({}, {assign}), IsOk());
  EXPECT_THAT(session->Run({}, {read}), IsOk());
}

// What TensorFlow's old accumulate_n writes: zeros, two AssignAdds, the sum.
TEST(TemporaryVariableTest, EveryRunHasItsOwn) {
  Graph graph(ops::Builtin());
  const At at = Scope::Root(graph);
  const Output one = ops::Const(at, Tensor::Of<float>({2}, {1, 2}));
  const Output temporary = at.Named("sum").Node(
      "TemporaryVariable", {}, {{"shape", TensorShape{2}}, {"dtype", DType::kFloat}});
  const Output first = at.Node("AssignAdd", {temporary, one});
  const Output second = at.Node("AssignAdd", {first, one});
  const Output value = at.Node("DestroyTemporaryVariable", {second}, {{"var_name", "sum"}});
  const Output other = at.Node("DestroyTemporaryVariable", {temporary}, {{"var_name", "x"}});
  ASSERT_THAT(graph.status(), IsOk());
  EXPECT_EQ(value.shape(), (TensorShape{2}));
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  for (int run = 0; run < 2; ++run) {
    const auto out = session->Run({}, {value});
    ASSERT_THAT(out, IsOk());
    ExpectClose((*out)[0], Tensor::Of<float>({2}, {2, 4}));
  }
  EXPECT_THAT(session->Run({}, {other}),
              StatusIs(StatusCode::kInvalidArgument, "var_name is 'x', the variable is 'sum'"));
}

TEST(TemporaryVariableTest, NeedsADefinedShape) {
  Graph graph(ops::Builtin());
  const At at = Scope::Root(graph);
  const Output temporary = at.Named("t").Node(
      "TemporaryVariable", {}, {{"shape", TensorShape{-1}}, {"dtype", DType::kFloat}});
  const Output value = at.Node("DestroyTemporaryVariable", {temporary}, {{"var_name", "t"}});
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(session->Run({}, {value}),
              StatusIs(StatusCode::kInvalidArgument, "needs a defined shape"));
}

}  // namespace
}  // namespace sluice
