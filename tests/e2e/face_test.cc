// The program that the design is drawn for: two towers over one set of variables, regularized by
// their scope, trained, with nothing but `sluice.h`.
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

Output Classifier(Scope s, Output x, Output training) {
  x = layers::Conv2D(s, x,
                     {.filters = 32,
                      .kernel_size = 5,
                      .padding = Padding::kSame,
                      .activation = ops::Relu,
                      .name = "conv1"});
  x = layers::MaxPooling2D(s, x, {.pool_size = 2, .strides = 2});
  x = layers::SeparableConv2D(
      s, x, {.filters = 64, .kernel_size = {3, 3}, .activation = ops::Relu, .name = "conv2"});
  x = layers::Dropout(s, layers::Flatten(s, x), {.rate = 0.4f, .training = training});
  return layers::Dense(s, x, {.units = 10, .name = "logits"});
}

TEST(Face, TwoTowersTrain) {
  Graph graph(ops::Builtin());
  graph.SetSeed(1);
  Scope root = Scope::Root(graph);
  Output images = ops::Placeholder(root.Named("images"), DType::kFloat, {-1, 28, 28, 1});
  Output labels = ops::Placeholder(root.Named("labels"), DType::kInt64, {-1});

  Scope net = root.VariableScope("net", {.regularizer = L2Regularizer(1e-4f)});
  Output logits = Classifier(net, images, ops::Const(root, true));
  Output test_logits = Classifier(net.WithReuse(), images, ops::Const(root, false));

  Output loss =
      losses::SparseSoftmaxCrossEntropy(root, labels, logits) + losses::RegularizationLoss(root);
  Output train_op = train::Adam({.learning_rate = 1e-3f}).Minimize(root, loss);
  ASSERT_THAT(graph.status(), IsOk());

  std::ostringstream variables;
  for (const Variable& v : graph.TrainableVariables()) variables << v.name() << v.shape() << '\n';
  EXPECT_EQ(variables.str(),
            "net/conv1/kernel:0[5,5,1,32]\n"
            "net/conv1/bias:0[32]\n"
            "net/conv2/depthwise_kernel:0[3,3,32,1]\n"
            "net/conv2/pointwise_kernel:0[1,1,32,64]\n"
            "net/conv2/bias:0[64]\n"
            "net/logits/kernel:0[9216,10]\n"  // 12 x 12 x 64
            "net/logits/bias:0[10]\n");
  EXPECT_EQ(graph.RegularizationLosses("net/").size(), 7u);
  EXPECT_EQ(test_logits.name(), "net_1/logits/BiasAdd:0");

  absl::StatusOr<Session> session = Session::Create(graph, {.preflight = Preflight::kStrict});
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(session->Run(GlobalVariablesInitializer(root)), IsOk());
  Tensor batch = Tensor::Zeros(DType::kFloat, {8, 28, 28, 1});
  for (int i = 0; i < 8; ++i) batch.mutable_flat<float>()[i * 28 * 28 + 50 * i] = 1;
  const Feeds feeds = {{images, batch},
                       {labels, Tensor::Of<int64_t>({8}, {0, 1, 2, 3, 4, 5, 6, 7})}};
  std::vector<float> values;
  for (int step = 0; step < 20; ++step) {
    const auto out = session->Run(feeds, {loss, train_op});
    ASSERT_THAT(out, IsOk());
    values.push_back((*out)[0].scalar<float>());
  }
  EXPECT_LT(values.back(), values.front());
  const auto out = session->Run(feeds, {test_logits});
  ASSERT_THAT(out, IsOk());
  EXPECT_EQ((*out)[0].shape(), TensorShape({8, 10}));
}

}  // namespace
}  // namespace sluice
