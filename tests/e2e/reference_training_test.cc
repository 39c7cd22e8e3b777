// The example's network, its gradients and Adam against an independent computation: plain loops in
// double that share no code with Sluice. Both start from the same variables and see the same images
// and the same random numbers of dropout.
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "examples/fashion_mnist/network.h"
#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using Numbers = std::vector<double>;

constexpr int kBatch = 32, kSteps = 10;
constexpr int kSize = 28, kPooled = 14,
              kOut = 12;  // sides of the images: input, after pooling, after the 3x3 window
constexpr int kC1 = 32, kC2 = 64, kFeatures = kOut * kOut * kC2, kClasses = 10;
constexpr double kL2 = 1e-4f, kRate = 1e-3f;
constexpr float kDropRate = 0.4f;

// The variables in this order, everywhere.
enum { kConv1, kBias1, kDepthwise, kPointwise, kBias2, kDense, kBias3, kNumVariables };
const char* const kNames[kNumVariables] = {"net/conv1/kernel",
                                           "net/conv1/bias",
                                           "net/conv2/depthwise_kernel",
                                           "net/conv2/pointwise_kernel",
                                           "net/conv2/bias",
                                           "net/logits/kernel",
                                           "net/logits/bias"};

// --- The independent computation. Images are [batch, row, column, channel].
// ------------------------------------------

// Calls visit(output pixel, input pixel, window cell) for every pixel of every image that a k x k
// window reaches.
template <typename Visit>
void ForWindows(int in, int out, int k, int pad, Visit visit) {
  for (int n = 0; n < kBatch; ++n) {
    for (int y = 0; y < out; ++y) {
      for (int x = 0; x < out; ++x) {
        for (int cell = 0; cell < k * k; ++cell) {
          const int from_y = y + cell / k - pad, from_x = x + cell % k - pad;
          if (from_y < 0 || from_y >= in || from_x < 0 || from_x >= in) continue;
          visit((n * out + y) * out + x, (n * in + from_y) * in + from_x, cell);
        }
      }
    }
  }
}

// y[row, :] += x[row, :] w, and for the gradients dx = dy w', dw = x' dy.
Numbers Multiply(const Numbers& x, const Numbers& w, int in, int out) {
  Numbers y(x.size() / in * out);
  for (size_t row = 0; row < x.size() / in; ++row) {
    for (int i = 0; i < in; ++i) {
      for (int o = 0; o < out; ++o) y[row * out + o] += x[row * in + i] * w[i * out + o];
    }
  }
  return y;
}
void MultiplyGradient(const Numbers& x, const Numbers& w, const Numbers& dy, int in, int out,
                      Numbers* dx, Numbers* dw) {
  dx->assign(x.size(), 0);
  dw->assign(w.size(), 0);
  for (size_t row = 0; row < x.size() / in; ++row) {
    for (int i = 0; i < in; ++i) {
      for (int o = 0; o < out; ++o) {
        (*dx)[row * in + i] += dy[row * out + o] * w[i * out + o];
        (*dw)[i * out + o] += x[row * in + i] * dy[row * out + o];
      }
    }
  }
}

void AddBias(const Numbers& bias, Numbers* y) {
  for (size_t i = 0; i < y->size(); ++i) (*y)[i] += bias[i % bias.size()];
}
Numbers BiasGradient(const Numbers& dy, int channels) {
  Numbers db(channels);
  for (size_t i = 0; i < dy.size(); ++i) db[i % channels] += dy[i];
  return db;
}
void Relu(Numbers* y) {
  for (double& v : *y) v = v > 0 ? v : 0;
}
void ReluGradient(const Numbers& y, Numbers* dy) {
  for (size_t i = 0; i < y.size(); ++i) {
    if (y[i] <= 0) (*dy)[i] = 0;
  }
}

// Mean over the batch of -log softmax(logits)[label], and its gradient.
double CrossEntropy(const Numbers& logits, const std::vector<int64_t>& labels, Numbers* gradient) {
  double loss = 0;
  gradient->assign(logits.size(), 0);
  for (int n = 0; n < kBatch; ++n) {
    double sum = 0;
    for (int c = 0; c < kClasses; ++c) sum += std::exp(logits[n * kClasses + c]);
    for (int c = 0; c < kClasses; ++c) {
      const double p = std::exp(logits[n * kClasses + c]) / sum;
      (*gradient)[n * kClasses + c] = (p - (c == labels[n] ? 1 : 0)) / kBatch;
      if (c == labels[n]) loss -= std::log(p) / kBatch;
    }
  }
  return loss;
}

struct Example {
  std::vector<float> images;
  std::vector<int64_t> labels;
};

// The loss of one batch, and its gradients. `uniform` are dropout's random numbers: a feature lives
// where they are at least the rate.
double LossAndGradients(const std::vector<Numbers>& v, const Example& batch,
                        const std::vector<float>& uniform, std::vector<Numbers>* gradients) {
  std::vector<Numbers>& g = *gradients;
  g.assign(kNumVariables, {});
  // Forward.
  Numbers conv1(kBatch * kSize * kSize * kC1);
  ForWindows(kSize, kSize, 5, 2, [&](int to, int from, int cell) {
    for (int c = 0; c < kC1; ++c)
      conv1[to * kC1 + c] += batch.images[from] * v[kConv1][cell * kC1 + c];
  });
  AddBias(v[kBias1], &conv1);
  Relu(&conv1);
  Numbers pooled(kBatch * kPooled * kPooled * kC1);
  std::vector<size_t> winner(pooled.size());
  for (size_t i = 0; i < pooled.size(); ++i) {
    const size_t c = i % kC1, x = i / kC1 % kPooled,
                 y = i / kC1 / kPooled;  // y counts rows of all images
    winner[i] = (2 * y * kSize + 2 * x) * kC1 + c;
    for (const size_t step : {size_t{1}, size_t{kSize}, size_t{kSize + 1}}) {
      const size_t other = (2 * y * kSize + 2 * x + step) * kC1 + c;
      if (conv1[other] > conv1[winner[i]]) winner[i] = other;
    }
    pooled[i] = conv1[winner[i]];
  }
  Numbers depthwise(kBatch * kOut * kOut * kC1);
  ForWindows(kPooled, kOut, 3, 0, [&](int to, int from, int cell) {
    for (int c = 0; c < kC1; ++c)
      depthwise[to * kC1 + c] += pooled[from * kC1 + c] * v[kDepthwise][cell * kC1 + c];
  });
  Numbers conv2 = Multiply(depthwise, v[kPointwise], kC1, kC2);
  AddBias(v[kBias2], &conv2);
  Relu(&conv2);
  Numbers scale(conv2.size());
  Numbers features(conv2.size());
  for (size_t i = 0; i < conv2.size(); ++i) {
    scale[i] = uniform[i] >= kDropRate ? 1 / (1 - static_cast<double>(kDropRate)) : 0;
    features[i] = conv2[i] * scale[i];
  }
  Numbers logits = Multiply(features, v[kDense], kFeatures, kClasses);
  AddBias(v[kBias3], &logits);
  Numbers d_logits;
  double loss = CrossEntropy(logits, batch.labels, &d_logits);
  // Backward.
  Numbers d_conv2, d_depthwise;
  g[kBias3] = BiasGradient(d_logits, kClasses);
  MultiplyGradient(features, v[kDense], d_logits, kFeatures, kClasses, &d_conv2, &g[kDense]);
  for (size_t i = 0; i < d_conv2.size(); ++i) d_conv2[i] *= scale[i];
  ReluGradient(conv2, &d_conv2);
  g[kBias2] = BiasGradient(d_conv2, kC2);
  MultiplyGradient(depthwise, v[kPointwise], d_conv2, kC1, kC2, &d_depthwise, &g[kPointwise]);
  Numbers d_pooled(pooled.size()), d_conv1(conv1.size());
  g[kDepthwise].resize(9 * kC1);
  ForWindows(kPooled, kOut, 3, 0, [&](int to, int from, int cell) {
    for (int c = 0; c < kC1; ++c) {
      d_pooled[from * kC1 + c] += d_depthwise[to * kC1 + c] * v[kDepthwise][cell * kC1 + c];
      g[kDepthwise][cell * kC1 + c] += d_depthwise[to * kC1 + c] * pooled[from * kC1 + c];
    }
  });
  for (size_t i = 0; i < pooled.size(); ++i) d_conv1[winner[i]] += d_pooled[i];
  ReluGradient(conv1, &d_conv1);
  g[kBias1] = BiasGradient(d_conv1, kC1);
  g[kConv1].resize(25 * kC1);
  ForWindows(kSize, kSize, 5, 2, [&](int to, int from, int cell) {
    for (int c = 0; c < kC1; ++c)
      g[kConv1][cell * kC1 + c] += d_conv1[to * kC1 + c] * batch.images[from];
  });
  // The penalty: kL2 * sum w^2 / 2.
  for (int i = 0; i < kNumVariables; ++i) {
    for (size_t j = 0; j < v[i].size(); ++j) {
      loss += kL2 * v[i][j] * v[i][j] / 2;
      g[i][j] += kL2 * v[i][j];
    }
  }
  return loss;
}

// Kingma and Ba 2015, in the form with one rate per step and epsilon outside of the correction.
struct ReferenceAdam {
  std::vector<Numbers> m, v;
  int t = 0;
  void Update(const std::vector<Numbers>& gradients, std::vector<Numbers>* variables) {
    m.resize(gradients.size());
    v.resize(gradients.size());
    ++t;
    const double rate = kRate * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.9, t));
    for (size_t i = 0; i < gradients.size(); ++i) {
      m[i].resize(gradients[i].size());
      v[i].resize(gradients[i].size());
      for (size_t j = 0; j < gradients[i].size(); ++j) {
        const double g = gradients[i][j];
        m[i][j] = 0.9 * m[i][j] + 0.1 * g;
        v[i][j] = 0.999 * v[i][j] + 0.001 * g * g;
        (*variables)[i][j] -= rate * m[i][j] / (std::sqrt(v[i][j]) + 1e-8);
      }
    }
  }
};

// --- The same in Sluice
// ------------------------------------------------------------------------------------------------

// Ten kinds of images, each a stripe pattern in noise, so that there is something to learn.
Example MakeExample(std::mt19937* random) {
  Example e;
  for (int n = 0; n < kBatch; ++n) {
    const int label = static_cast<int>((*random)() % kClasses);
    e.labels.push_back(label);
    for (int i = 0; i < kSize * kSize; ++i) {
      const double noise = static_cast<double>((*random)() >> 8) * 0x1p-24;
      const double stripe =
          0.5 + 0.5 * std::sin((i / kSize) * 0.2 * (label + 1) + (i % kSize) * 0.3);
      e.images.push_back(static_cast<float>(0.5 * noise + 0.5 * stripe));
    }
  }
  return e;
}

Numbers Doubles(const Tensor& t) { return {t.flat<float>().begin(), t.flat<float>().end()}; }

class ReferenceTrainingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    graph_.SetSeed(11);
    images_ = ops::Placeholder(root_.Named("images"), DType::kFloat, {-1, kSize, kSize, 1});
    labels_ = ops::Placeholder(root_.Named("labels"), DType::kInt64, {-1});
    Scope net = root_.VariableScope("net", {.regularizer = L2Regularizer(1e-4f)});
    const Output logits = examples::Classifier(net, images_, ops::Const(root_, true));
    loss_ = losses::SparseSoftmaxCrossEntropy(root_, labels_, logits) +
            losses::RegularizationLoss(root_);
    train_ = train::Adam({.learning_rate = 1e-3f}).Minimize(root_, loss_);
    for (const char* name : kNames) {
      const Variable* v = graph_.FindVariable(name);
      ASSERT_NE(v, nullptr) << name;
      variables_.push_back(*v);
      handles_.push_back(v->handle());
      values_.push_back(v->value());
    }
    gradients_ = Gradients(root_, {loss_}, handles_);
    ASSERT_THAT(graph_.status(), IsOk());
    ASSERT_EQ(graph_.TrainableVariables().size(), size_t{kNumVariables});
    FindUniform();
    const Output init = GlobalVariablesInitializer(root_);
    absl::StatusOr<Session> session = Session::Create(graph_);
    ASSERT_THAT(session, IsOk());
    session_.emplace(*std::move(session));
    ASSERT_THAT(session_->Run(init), IsOk());
  }

  // Dropout's random numbers: the only RandomUniform that does not belong to an initializer.
  void FindUniform() {
    for (int i = 0; i < graph_.num_nodes(); ++i) {
      Node* node = graph_.node(i);
      if (node->op() != "RandomUniform" || node->name().find("dropout") == std::string::npos)
        continue;
      ASSERT_TRUE(uniform_.empty()) << node->name();
      uniform_ = Output(node, 0);
    }
    ASSERT_FALSE(uniform_.empty());
  }

  std::vector<Numbers> FetchVariables() {
    std::vector<Numbers> all;
    const auto values = session_->Run({}, values_);
    EXPECT_THAT(values, IsOk());
    for (const Tensor& t : *values) all.push_back(Doubles(t));
    return all;
  }

  static Feeds FeedsOf(const Example& e, const Output& images, const Output& labels) {
    return {{images, Tensor::Of<float>({kBatch, kSize, kSize, 1}, e.images)},
            {labels, Tensor::Of<int64_t>({kBatch}, e.labels)}};
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
  Output images_, labels_, loss_, train_, uniform_;
  std::vector<Variable> variables_;
  Outputs handles_, values_, gradients_;
  std::optional<Session> session_;
};

TEST_F(ReferenceTrainingTest, GradientsOfEveryVariableAgree) {
  std::mt19937 random(3);
  const Example example = MakeExample(&random);
  Outputs fetches = {loss_, uniform_};
  fetches.insert(fetches.end(), gradients_.begin(), gradients_.end());
  const auto got = session_->Run(FeedsOf(example, images_, labels_), fetches);
  ASSERT_THAT(got, IsOk());
  const absl::Span<const float> uniform = (*got)[1].flat<float>();
  std::vector<Numbers> want;
  const double loss =
      LossAndGradients(FetchVariables(), example, {uniform.begin(), uniform.end()}, &want);
  EXPECT_NEAR((*got)[0].scalar<float>(), loss, 1e-5 * loss);
  for (int i = 0; i < kNumVariables; ++i) {
    const Numbers gradient = Doubles((*got)[2 + i]);
    ASSERT_EQ(gradient.size(), want[i].size()) << kNames[i];
    double error = 0, norm = 0;
    for (size_t j = 0; j < gradient.size(); ++j) {
      error += (gradient[j] - want[i][j]) * (gradient[j] - want[i][j]);
      norm += want[i][j] * want[i][j];
    }
    EXPECT_GT(norm, 0) << kNames[i];
    EXPECT_LT(std::sqrt(error), 1e-5 * std::sqrt(norm)) << kNames[i];
  }
}

TEST_F(ReferenceTrainingTest, FirstTenLossesAgree) {
  std::mt19937 random(5);
  std::vector<Numbers> variables = FetchVariables();
  ReferenceAdam adam;
  double first = 0, last = 0;
  for (int step = 0; step < kSteps; ++step) {
    const Example example = MakeExample(&random);
    const auto got = session_->Run(FeedsOf(example, images_, labels_), {loss_, uniform_, train_});
    ASSERT_THAT(got, IsOk());
    const absl::Span<const float> uniform = (*got)[1].flat<float>();
    std::vector<Numbers> gradients;
    last = LossAndGradients(variables, example, {uniform.begin(), uniform.end()}, &gradients);
    if (step == 0) first = last;
    EXPECT_NEAR((*got)[0].scalar<float>(), last, 1e-4 * last) << "step " << step;
    adam.Update(gradients, &variables);
  }
  EXPECT_LT(last, first) << "ten steps on such data must learn something";
  // The variables that they lead to: within a small part of the way that they went.
  const std::vector<Numbers> got = FetchVariables();
  for (int i = 0; i < kNumVariables; ++i) {
    for (size_t j = 0; j < got[i].size(); ++j) {
      ASSERT_NEAR(got[i][j], variables[i][j], 0.02 * kSteps * kRate) << kNames[i] << " " << j;
    }
  }
}

}  // namespace
}  // namespace sluice
