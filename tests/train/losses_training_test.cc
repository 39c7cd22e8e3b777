// One step of gradient descent lowers every loss, with every reduction that gives a scalar.
#include <functional>

#include "tests/testing/program/loss_fixture.h"
#include "train/gradient_descent.h"
#include "train/losses.h"

namespace sluice::losses {
namespace {

struct TrainableLoss {
  const char* name;
  std::function<Output(At, const Output& labels, const Output& x, LossOptions)> loss;
};

CrossEntropyOptions Smooth(const LossOptions& o) {
  return {.weights = o.weights, .label_smoothing = 0.1f, .reduction = o.reduction};
}

const TrainableLoss kLosses[] = {
    {"mean_squared_error", [](At at, const Output& l, const Output& x,
                              LossOptions o) { return MeanSquaredError(at, l, x, o); }},
    {"absolute_difference", [](At at, const Output& l, const Output& x,
                               LossOptions o) { return AbsoluteDifference(at, l, x, o); }},
    {"huber_loss", [](At at, const Output& l, const Output& x,
                      LossOptions o) { return HuberLoss(at, l, x, 0.5f, o); }},
    {"log_loss", [](At at, const Output& l, const Output& x,
                    LossOptions o) { return LogLoss(at, l, x, 1e-7f, o); }},
    {"hinge_loss",
     [](At at, const Output& l, const Output& x, LossOptions o) { return HingeLoss(at, l, x, o); }},
    {"cosine_distance_loss",
     [](At at, const Output& l, const Output& x, LossOptions o) {
       return CosineDistance(at, l, x, {.axis = 1, .reduction = o.reduction});
     }},
    {"mean_pairwise_squared_error",
     [](At at, const Output& l, const Output& x, LossOptions o) {
       return MeanPairwiseSquaredError(at, l, x, {.weights = o.weights});
     }},
    {"sigmoid_cross_entropy_loss",
     [](At at, const Output& l, const Output& x, LossOptions o) {
       return SigmoidCrossEntropy(at, l, x, Smooth(o));
     }},
    {"softmax_cross_entropy_loss",
     [](At at, const Output& l, const Output& x, LossOptions o) {
       o.weights = {};
       return SoftmaxCrossEntropy(at, l, x, Smooth(o));
     }},
    {"sparse_softmax_cross_entropy_loss",
     [](At at, const Output&, const Output& x, LossOptions o) {
       o.weights = {};
       return SparseSoftmaxCrossEntropy(at, ops::Const<int32_t>(at, {0, 2}), x, o);
     }},
};

class LossesTrainingTest : public LossFixture {};

TEST_F(LossesTrainingTest, AStepLowersTheLoss) {
  const Output labels = Values({2, 3}, {1, 0, 0, 0, 0, 1});
  const Output weights = Values({2, 1}, {2, 0.5f});
  for (const TrainableLoss& c : kLosses) {
    for (const Reduction reduction :
         {Reduction::kSum, Reduction::kMean, Reduction::kSumOverBatchSize,
          Reduction::kSumByNonzeroWeights}) {
      SCOPED_TRACE(std::string(c.name) + " " + std::to_string(static_cast<int>(reduction)));
      const Scope scope = root_.DefaultVariableScope("case");
      const Tensor start = Tensor::Of<float>({2, 3}, {0.3f, 0.5f, 0.4f, 0.7f, 0.2f, 0.6f});
      const Variable x = GetVariable(scope, "x", {.initializer = start});
      const Output loss = c.loss(scope, labels, x, {.weights = weights, .reduction = reduction});
      const Output step =
          train::GradientDescent({.learning_rate = 0.01f}).Minimize(scope, loss, {.var_list = {x}});
      ASSERT_THAT(graph_.status(), IsOk());
      session_.reset();
      const float before = Run(loss).scalar<float>();
      Run(step);
      EXPECT_LT(Run(loss).scalar<float>(), before);
    }
  }
}

}  // namespace
}  // namespace sluice::losses
