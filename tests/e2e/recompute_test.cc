// Training with Scope::Recompute: the same numbers, bit for bit, in less memory.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {
namespace {

struct Trained {
  std::vector<float> losses;
  int64_t arena_bytes = 0;
};

// Six blocks of two dense layers with batch normalization, five steps. With `recompute` a block
// keeps only what enters it.
Trained Train(bool recompute) {
  Graph graph(ops::Builtin());
  graph.SetSeed(5);
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, {-1, 64});
  const Output labels = ops::Placeholder(root, DType::kInt64, {-1});
  Output y = x;
  for (int block = 0; block < 6; ++block) {
    const Scope inner = recompute ? root.Recompute() : root;
    Output branch = y;
    for (int i = 0; i < 2; ++i) {
      branch = layers::Dense(inner, branch, {.units = 64});
      branch = layers::BatchNormalization(inner, branch, {.training = ops::Const(inner, true)});
      branch = ops::Relu(inner, branch);
    }
    y = ops::AddV2(root, y, branch);
  }
  const Output loss =
      losses::SparseSoftmaxCrossEntropy(root, labels, layers::Dense(root, y, {.units = 10}));
  const Output step =
      train::Momentum({.learning_rate = 0.01f, .momentum = 0.9f}).Minimize(root, loss);
  auto session = Session::Create(graph, {.intra_op_threads = 1});
  EXPECT_THAT(session, IsOk());
  EXPECT_THAT(session->Run(GlobalVariablesInitializer(root)), IsOk());
  std::vector<int64_t> classes(512);
  for (size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<int64_t>(i % 10);
  const Feeds feeds = {{x, RandomTensor(DType::kFloat, {512, 64}, 1)},
                       {labels, Tensor::Of<int64_t>({512}, classes)}};
  Trained trained;
  for (int i = 0; i < 5; ++i) {
    const auto results = session->Run(feeds, {loss, step});
    EXPECT_THAT(results, IsOk());
    if (results.ok()) trained.losses.push_back((*results)[0].scalar<float>());
  }
  const auto plan = session->DescribePlan(feeds, {loss, step});
  EXPECT_THAT(plan, IsOk());
  if (plan.ok()) trained.arena_bytes = plan->arena_bytes;
  return trained;
}

TEST(RecomputeTest, TrainsTheSameInLessMemory) {
  const Trained kept = Train(false), again = Train(true);
  ASSERT_EQ(kept.losses.size(), 5u);
  EXPECT_EQ(again.losses, kept.losses);
  EXPECT_LT(kept.losses.back(), kept.losses.front());
  EXPECT_LT(again.arena_bytes, kept.arena_bytes * 2 / 3);
}

}  // namespace
}  // namespace sluice
