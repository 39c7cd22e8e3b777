// The example's graph has nothing that lint would warn of.
#include "graph/lint.h"

#include <string>
#include <vector>

#include "examples/fashion_mnist/network.h"
#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

TEST(ExampleLintTest, TwoTowersThatShareEverything) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output images = ops::Placeholder(root.Named("images"), DType::kFloat, {-1, 28, 28, 1});
  const Output labels = ops::Placeholder(root.Named("labels"), DType::kInt64, {-1});
  const Scope net = root.VariableScope("net", {.regularizer = L2Regularizer(1e-4f)});
  const Output logits = examples::Classifier(net, images, ops::Const(root, true));
  examples::Classifier(net.WithReuse(), images, ops::Const(root, false));
  const Output loss =
      losses::SparseSoftmaxCrossEntropy(root, labels, logits) + losses::RegularizationLoss(root);
  const Variable step = train::GetOrCreateGlobalStep(root);
  const Output train_op = train::Adam().Minimize(root, loss, {.global_step = step});
  const train::Saver saver(graph);
  ASSERT_THAT(graph.status(), IsOk());

  EXPECT_TRUE(Lint(graph, {.fetches = {loss, train_op, step.value()}, .only_cheap = true}).empty());
  std::vector<std::string> shared;
  for (const LintFinding& finding : graph.Lint()) {
    EXPECT_EQ(finding.kind, LintKind::kSharedVariable) << finding.ToString();
    EXPECT_NE(finding.message.find("2 layer calls read it: "), std::string::npos)
        << finding.ToString();
    shared.push_back(finding.name);
  }
  EXPECT_EQ(shared,
            (std::vector<std::string>{"net/conv1/kernel", "net/conv1/bias",
                                      "net/conv2/depthwise_kernel", "net/conv2/pointwise_kernel",
                                      "net/conv2/bias", "net/logits/kernel", "net/logits/bias"}));
}

}  // namespace
}  // namespace sluice
