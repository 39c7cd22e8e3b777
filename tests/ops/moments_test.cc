#include "ops/moments.h"

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/interpreter.h"

namespace sluice {
namespace {

std::vector<Tensor> RunMoments(const Tensor& x, const std::vector<int64_t>& axes, bool keep_dims) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const ops::MomentsOutputs m =
      ops::Moments(root, ops::Const(root, x), axes, {.keep_dims = keep_dims});
  EXPECT_THAT(graph.status(), IsOk());
  auto values = Interpret(graph, {}, {m.mean, m.variance});
  EXPECT_THAT(values, IsOk());
  return values.ok() ? *values : std::vector<Tensor>(2);
}

TEST(MomentsTest, ByHand) {
  const Tensor x = Tensor::Of<float>({2, 3}, {1, 2, 3, 5, 5, 8});
  std::vector<Tensor> m = RunMoments(x, {1}, false);
  ExpectClose(m[0], Tensor::Of<float>({2}, {2, 6}));
  ExpectClose(m[1], Tensor::Of<float>({2}, {2.0f / 3, 2}));
  m = RunMoments(x, {0}, true);
  ExpectClose(m[0], Tensor::Of<float>({1, 3}, {3, 3.5f, 5.5f}));
  ExpectClose(m[1], Tensor::Of<float>({1, 3}, {4, 2.25f, 6.25f}));
  m = RunMoments(Tensor::Of<float>({1, 1}, {7}), {}, false);
  ExpectClose(m[0], Tensor::Of<float>({1, 1}, {7}));
  m = RunMoments(FromDoubles(DType::kHalf, {2}, {1, 3}), {0}, false);
  ExpectClose(m[1], FromDoubles(DType::kHalf, {}, {1}));
}

TEST(MomentsTest, NamesOfItsNodes) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  ops::Moments(root, ops::Const<float>(root, {1, 2}), {0});
  for (const char* name : {"moments/mean", "moments/variance", "moments/StopGradient",
                           "moments/SquaredDifference", "moments/Squeeze", "moments/Squeeze_1"})
    EXPECT_NE(graph.FindNode(name), nullptr) << name;
}

TEST(MomentsTest, GradientIsNumeric) {
  CheckGradient(
      [](At at, const Outputs& x) -> Outputs {
        const ops::MomentsOutputs m = ops::Moments(at, x[0], {0, 2});
        return {m.mean, m.variance};
      },
      {RandomTensor(DType::kDouble, {2, 2, 3}, 1)}, {.context = "Moments"});
}

}  // namespace
}  // namespace sluice
