#include "ops/variable_rows.h"

#include <limits>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/variable.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Rows() { return Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}); }

TEST(VariableRowsTest, Gather) {
  StateRunner state;
  const Tensor w = state.Variable("w", Rows());
  const auto gather = [&](const Tensor& indices) {
    return state.Run("ResourceGather", {w, indices}, {{"dtype", DType::kFloat}});
  };
  ExpectClose(gather(Tensor::Of<int32_t>({2, 2}, {2, 0, 0, 1})).value()[0],
              Tensor::Of<float>({2, 2, 2}, {5, 6, 1, 2, 1, 2, 3, 4}));
  ExpectClose(gather(Tensor::Scalar(int64_t{1})).value()[0], Tensor::Of<float>({2}, {3, 4}));
  ExpectClose(gather(Tensor::Zeros(DType::kInt32, {0})).value()[0],
              Tensor::Zeros(DType::kFloat, {0, 2}));
  EXPECT_THAT(gather(Tensor::Scalar(3)),
              StatusIs(StatusCode::kInvalidArgument, "indices = 3 is not in [0, 3)"));
  EXPECT_THAT(gather(Tensor::Of<int32_t>({1, 2}, {0, -1})),
              StatusIs(StatusCode::kInvalidArgument, "indices[0,1] = -1 is not in [0, 3)"));
}

TEST(VariableRowsTest, GatherStrings) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Of<std::string>({3}, {"a", "b", "c"}));
  const auto got = state.Run("ResourceGather", {w, Tensor::Of<int32_t>({2}, {2, 0})},
                             {{"dtype", DType::kString}});
  ASSERT_THAT(got, IsOk());
  ExpectClose((*got)[0], Tensor::Of<std::string>({2}, {"c", "a"}));
}

// Row b of the result: elements indices[b] of row b of the variable.
TEST(VariableRowsTest, GatherInBatches) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  const auto gather = [&](const Tensor& indices, int64_t batch_dims) {
    return state.Run("ResourceGather", {w, indices},
                     {{"dtype", DType::kFloat}, {"batch_dims", batch_dims}});
  };
  ExpectClose(gather(Tensor::Of<int32_t>({2, 2}, {2, 0, 1, 1}), 1).value()[0],
              Tensor::Of<float>({2, 2}, {3, 1, 5, 5}));
  ExpectClose(gather(Tensor::Of<int64_t>({2}, {2, 1}), 1).value()[0],
              Tensor::Of<float>({2}, {3, 5}));
  EXPECT_THAT(gather(Tensor::Of<int32_t>({3, 1}, {0, 0, 0}), 1),
              StatusIs(StatusCode::kInvalidArgument, "params.shape[0] = 2"));
  EXPECT_THAT(gather(Tensor::Of<int32_t>({2}, {0, 0}), 2),
              StatusIs(StatusCode::kInvalidArgument, "Shape must be at least rank 3"));
  EXPECT_THAT(gather(Tensor::Of<int32_t>({2}, {0, 0}), -1),
              StatusIs(StatusCode::kInvalidArgument, "batch_dims is negative (-1)"));
}

TEST(VariableRowsTest, GatherNd) {
  StateRunner state;
  const Tensor w = state.Variable("w", Rows());
  const auto gather = [&](const Tensor& indices) {
    return state.Run("ResourceGatherNd", {w, indices}, {{"dtype", DType::kFloat}});
  };
  ExpectClose(gather(Tensor::Of<int32_t>({2, 2}, {2, 0, 0, 1})).value()[0],
              Tensor::Of<float>({2}, {5, 2}));
  ExpectClose(gather(Tensor::Of<int64_t>({1, 1, 1}, {1})).value()[0],
              Tensor::Of<float>({1, 1, 2}, {3, 4}));
  EXPECT_THAT(gather(Tensor::Of<int32_t>({1, 2}, {0, 2})),
              StatusIs(StatusCode::kInvalidArgument,
                       "indices[0] = [0, 2] does not index into param shape [3,2]"));
  EXPECT_THAT(gather(Tensor::Of<int32_t>({1, 3}, {0, 0, 0})),
              StatusIs(StatusCode::kInvalidArgument, "must be <= params.rank"));
}

// d sum(y * {1, 2, ...}) / dw: every element gets the weights of the places where it went.
TEST(VariableRowsTest, GradientsOfGathers) {
  struct Case {
    const char* op;
    Tensor indices;
    AttrMap attrs;
    std::vector<float> want;  // of the variable's 3 x 2 elements
  };
  const std::vector<Case> cases = {
      // y = rows 2, 0, 2 with weights 1 2, 3 4, 5 6.
      {"ResourceGather", Tensor::Of<int32_t>({3}, {2, 0, 2}), {}, {3, 4, 0, 0, 6, 8}},
      // y[b] = w[b, {1, 1}] with weights 1 2, 3 4, 5 6.
      {"ResourceGather",
       Tensor::Of<int32_t>({3, 2}, {1, 1, 1, 1, 1, 1}),
       {{"batch_dims", 1}},
       {0, 3, 0, 7, 0, 11}},
      {"ResourceGatherNd", Tensor::Of<int64_t>({3, 1}, {2, 0, 2}), {}, {3, 4, 0, 0, 6, 8}},
      {"ResourceGatherNd", Tensor::Of<int32_t>({2, 2}, {2, 0, 2, 0}), {}, {0, 0, 0, 0, 3, 0}},
      {"ResourceGatherNd", Tensor::Of<int32_t>({2}, {1, 1}), {}, {0, 0, 0, 1, 0, 0}},
  };
  for (const Case& c : cases) {
    Graph graph(ops::Builtin());
    const At at = Scope::Root(graph);
    const Output w = ops::VarHandleOp(at.scope(), DType::kFloat, {3, 2});
    const Output assign = ops::AssignVariableOp(at, w, ops::Const(at, Rows()));
    AttrMap attrs = c.attrs;
    attrs.emplace("dtype", DType::kFloat);
    const Output y = at.Node(c.op, {w, ops::Const(at, c.indices)}, attrs);
    ASSERT_THAT(graph.status(), IsOk());
    std::vector<float> weights(y.shape().num_elements());
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<float>(i + 1);
    const Output dy = ops::Const(at, Tensor::Of<float>(y.shape(), weights));
    const Output dw = Gradients(at, {y}, {w}, {.grad_ys = {dy}}).at(0);
    ASSERT_THAT(graph.status(), IsOk());
    auto session = Session::Create(graph);
    ASSERT_THAT(session, IsOk());
    ASSERT_THAT(session->Run({}, {assign}), IsOk());
    const auto out = session->Run({}, {dw});
    ASSERT_THAT(out, IsOk());
    ExpectClose((*out)[0], Tensor::Of<float>({3, 2}, c.want), {}, c.op);
  }
}

struct ScatterCase {
  const char* word;
  std::vector<float> want;  // of rows {1,2} {3,4} {5,6} after indices {2, 0, 2}
};

class ScatterTest : public testing::TestWithParam<ScatterCase> {};

TEST_P(ScatterTest, BothFormsInOrder) {
  const Tensor indices = Tensor::Of<int64_t>({3}, {2, 0, 2});
  const Tensor updates = Tensor::Of<float>({3, 2}, {2, 8, 4, 4, 10, 2});
  const Tensor want = Tensor::Of<float>({3, 2}, GetParam().want);
  for (const char* prefix : {"ResourceScatter", "Scatter"}) {
    StateRunner state;
    const Tensor w = state.Variable("w", Rows());
    const auto result = state.Run(std::string(prefix) + GetParam().word, {w, indices, updates});
    ASSERT_THAT(result, IsOk());
    ExpectClose(state.Value(w), want, {}, prefix);
    if (!result->empty()) {
      EXPECT_EQ((*result)[0].scalar<ResourceRef>(), w.scalar<ResourceRef>());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ScatterTest,
                         testing::Values(ScatterCase{"Update", {4, 4, 3, 4, 10, 2}},
                                         ScatterCase{"Add", {5, 6, 3, 4, 17, 16}},
                                         ScatterCase{"Sub", {-3, -2, 3, 4, -7, -4}},
                                         ScatterCase{"Mul", {4, 8, 3, 4, 100, 96}},
                                         ScatterCase{"Div", {.25, .5, 3, 4, .25, .375}},
                                         ScatterCase{"Min", {1, 2, 3, 4, 2, 2}},
                                         ScatterCase{"Max", {4, 4, 3, 4, 10, 8}}),
                         [](const auto& info) { return std::string(info.param.word); });

TEST(VariableRowsTest, AScalarStandsForEveryElement) {
  StateRunner state;
  const Tensor w = state.Variable("w", Rows());
  ASSERT_THAT(
      state.Run("ResourceScatterAdd", {w, Tensor::Of<int32_t>({2}, {0, 0}), Tensor::Scalar(10.0f)}),
      IsOk());
  ExpectClose(state.Value(w), Tensor::Of<float>({3, 2}, {21, 22, 3, 4, 5, 6}));
}

TEST(VariableRowsTest, NothingIsWrittenWhenAnIndexIsWrong) {
  StateRunner state;
  const Tensor w = state.Variable("w", Rows());
  EXPECT_THAT(state.Run("ResourceScatterAdd", {w, Tensor::Of<int32_t>({3}, {0, 1, 3}),
                                               Tensor::Zeros(DType::kFloat, {3, 2})}),
              StatusIs(StatusCode::kInvalidArgument, "indices[2] = 3 is not in [0, 3)"));
  EXPECT_THAT(state.Run("ResourceScatterAdd",
                        {w, Tensor::Of<int64_t>({1}, {int64_t{1} << 32}), Tensor::Scalar(1.0f)}),
              StatusIs(StatusCode::kInvalidArgument, "indices[0] = 4294967296 is not in [0, 3)"));
  ExpectClose(state.Value(w), Rows());
}

TEST(VariableRowsTest, UpdatesMustHaveTheShapeOfTheRows) {
  StateRunner state;
  const Tensor w = state.Variable("w", Rows());
  EXPECT_THAT(state.Run("ResourceScatterAdd", {w, Tensor::Of<int32_t>({2}, {0, 1}),
                                               Tensor::Zeros(DType::kFloat, {2, 3})}),
              StatusIs(StatusCode::kInvalidArgument,
                       "Must have updates.shape = indices.shape + params.shape[1:]"));
  const Tensor scalar = state.Variable("s", Tensor::Scalar(1.0f));
  EXPECT_THAT(state.Run("ResourceScatterAdd", {scalar, Tensor::Scalar(0), Tensor::Scalar(1.0f)}),
              StatusIs(StatusCode::kInvalidArgument, "at least 1-D"));
}

TEST(VariableRowsTest, IntegerDivisionByZeroIsAnError) {
  StateRunner state;
  constexpr int32_t kSmallest = std::numeric_limits<int32_t>::min();
  const Tensor w = state.Variable("w", Tensor::Of<int32_t>({2}, {kSmallest, 8}));
  EXPECT_THAT(state.Run("ResourceScatterDiv", {w, Tensor::Scalar(1), Tensor::Scalar(0)}),
              StatusIs(StatusCode::kInvalidArgument, "division by zero"));
  // The one quotient that has no int32 wraps around instead of trapping.
  ASSERT_THAT(state.Run("ResourceScatterDiv", {w, Tensor::Scalar(0), Tensor::Scalar(-1)}), IsOk());
  EXPECT_EQ(state.Value(w).data<int32_t>()[0], kSmallest);
}

TEST(VariableRowsTest, AnEmptyVariableTakesEmptyUpdates) {
  StateRunner state;
  const Tensor w = state.Variable("w", Tensor::Zeros(DType::kFloat, {0, 2}));
  EXPECT_THAT(state.Run("ResourceScatterAdd", {w, Tensor::Zeros(DType::kInt32, {0}),
                                               Tensor::Zeros(DType::kFloat, {0, 2})}),
              IsOk());
  EXPECT_THAT(state.Run("ResourceScatterAdd", {w, Tensor::Scalar(0), Tensor::Scalar(1.0f)}),
              StatusIs(StatusCode::kInvalidArgument, "indices[0] = 0 is not in [0, 0)"));
}

}  // namespace
}  // namespace sluice
