// What every layer must pass: its gradients, a step of training, its config.
//
// All three take a layer that was not used yet, by value: they apply copies of it in graphs of
// their own.
#ifndef SLUICE_TESTS_TESTING_PROGRAM_LAYER_CHECK_H_
#define SLUICE_TESTS_TESTING_PROGRAM_LAYER_CHECK_H_

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "layers/all_layers.h"
#include "layers/layer.h"
#include "ops/all_ops.h"
#include "ops/binary.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "ops/reduction.h"
#include "proto/config.pb.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {

struct LayerCheckOptions {
  // Static shapes of the inputs; empty: those of the values. With -1 where the layer shall not
  // know.
  std::vector<TensorShape> shapes = {};
  // Inputs without a gradient (indices, masks), by position. Those that are not floating need not
  // be named.
  std::vector<int> no_gradient = {};
  layers::CallOptions call = {};
  // Values of the trainable weights lie in [low, high).
  double low = -1, high = 1;
  // |analytic - numeric| <= tolerance * (1 + |numeric|).
  double tolerance = 1e-6;
  double step = 1e-5;
  uint64_t seed = 7;
  // Of OneStepLowersLoss.
  double learning_rate = 0.01;
};

namespace layer_check {

// A layer applied to placeholders, and a session in which its variables are initialized.
struct Program {
  Graph graph{ops::Builtin()};
  Scope root = Scope::Root(graph);
  Outputs inputs, outputs;
  Feeds feeds;
  std::vector<Variable> weights;  // the trainable ones
};

inline void Apply(layers::Layer& layer, const std::vector<Tensor>& values,
                  const LayerCheckOptions& options, Program* p) {
  for (size_t i = 0; i < values.size(); ++i) {
    const TensorShape shape =
        options.shapes.empty() ? TensorShape(values[i].shape()) : options.shapes[i];
    p->inputs.push_back(ops::Placeholder(p->root, values[i].dtype(), shape));
    p->feeds.emplace_back(p->inputs[i], values[i]);
  }
  p->outputs = layer.Apply(p->root, p->inputs, options.call);
  p->weights = layer.trainable_weights();
}

inline absl::StatusOr<Session> Start(Program& p) {
  const Output init = GlobalVariablesInitializer(p.root);
  absl::StatusOr<Session> session = Session::Create(p.graph, {.intra_op_threads = 1});
  if (!session.ok()) return session;
  const absl::Status initialized = session->Run(init);
  if (!initialized.ok()) return initialized;
  return session;
}

// The sum of all outputs, each element with a weight of its own.
struct Loss {
  Session& session;
  const Program& program;
  const std::vector<Tensor>& weights;

  double operator()(const Feeds& feeds) const {
    const absl::StatusOr<std::vector<Tensor>> y = session.Run(feeds, program.outputs);
    EXPECT_THAT(y, IsOk());
    double sum = 0;
    for (size_t k = 0; y.ok() && k < y->size(); ++k) {
      const std::vector<double> values = ToDoubles((*y)[k]), r = ToDoubles(weights[k]);
      for (size_t i = 0; i < values.size(); ++i) sum += values[i] * r[i];
    }
    return sum;
  }
};

// Central differences of `loss` by every element of the tensor that feeds[at] holds.
inline void ExpectGradient(const Loss& loss, Feeds feeds, size_t at, const Tensor& analytic,
                           const LayerCheckOptions& options, const std::string& what) {
  const Tensor value = feeds[at].second;
  const std::vector<double> base = ToDoubles(value), got = ToDoubles(analytic);
  ASSERT_EQ(got.size(), base.size()) << what;
  for (size_t i = 0; i < base.size(); ++i) {
    const double h = options.step * std::max(1.0, std::abs(base[i]));
    double side[2];
    for (const int up : {0, 1}) {
      std::vector<double> moved = base;
      moved[i] += up == 1 ? h : -h;
      feeds[at].second = FromDoubles(value.dtype(), TensorShape(value.shape()), moved);
      side[up] = loss(feeds);
    }
    const double numeric = (side[1] - side[0]) / (2 * h);
    ASSERT_NEAR(got[i], numeric, options.tolerance * (1 + std::abs(numeric)))
        << "gradient by element " << i << " of " << what;
  }
}

// Every node, its op, inputs and output shapes: what two equal layers have in common.
inline std::string Listing(const Graph& graph) {
  std::string all;
  for (int i = 0; i < graph.num_nodes(); ++i) {
    const Node* node = graph.node(i);
    all += node->name() + " " + node->op();
    for (const Output& x : node->inputs()) all += " " + x.name();
    for (int k = 0; k < node->num_outputs(); ++k) all += " " + node->output(k).shape().ToString();
    all += "\n";
  }
  return all;
}

}  // namespace layer_check

// The layer's first output for these inputs, its weights() (trainable ones first) having the given
// values; empty: their initial ones. An empty tensor, and a failed test, when anything fails.
template <typename LayerT>
Tensor RunLayer(LayerT layer, const std::vector<Tensor>& inputs,
                const std::vector<Tensor>& weights = {}, const LayerCheckOptions& options = {}) {
  layer_check::Program p;
  layer_check::Apply(layer, inputs, options, &p);
  EXPECT_THAT(p.graph.status(), IsOk());
  if (!p.graph.ok() || p.outputs.empty()) return {};
  absl::StatusOr<Session> session = layer_check::Start(p);
  EXPECT_THAT(session, IsOk());
  if (!session.ok()) return {};
  if (!weights.empty()) {
    EXPECT_THAT(layer.SetWeights(*session, weights), IsOk());
  }
  const absl::StatusOr<std::vector<Tensor>> y = session->Run(p.feeds, {p.outputs[0]});
  EXPECT_THAT(y, IsOk());
  if (!y.ok()) return {};
  EXPECT_TRUE(p.outputs[0].shape().CompatibleWith(TensorShape((*y)[0].shape())))
      << "static shape " << p.outputs[0].shape();
  return (*y)[0];
}

// The gradient of a randomly weighted sum of all outputs, by every element of every floating input
// and of every trainable weight, against central differences. `inputs` are float64, or integers;
// the weights take random values, so that none is 0. REQUIRES that no kink of the layer is near.
template <typename LayerT>
void CheckLayerGradients(LayerT layer, const std::vector<Tensor>& inputs,
                         const LayerCheckOptions& options = {}) {
  layer_check::Program p;
  layer_check::Apply(layer, inputs, options, &p);
  Outputs xs;
  std::vector<size_t> fed;  // whose gradient xs[i] is, in feeds
  std::vector<std::string> what;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto& skip = options.no_gradient;
    const bool skipped = std::find(skip.begin(), skip.end(), static_cast<int>(i)) != skip.end();
    if (inputs[i].dtype() != DType::kDouble || skipped) continue;
    xs.push_back(p.inputs[i]);
    fed.push_back(i);
    what.push_back("input " + std::to_string(i));
  }
  for (size_t i = 0; i < p.weights.size(); ++i) {
    const Variable& v = p.weights[i];
    xs.push_back(v.handle());
    fed.push_back(p.feeds.size());
    what.push_back(v.name());
    p.feeds.emplace_back(v.value(), RandomTensor(v.dtype(), v.shape(), options.seed + 100 + i,
                                                 options.low, options.high));
  }
  Outputs incoming;
  for (const Output& y : p.outputs)
    incoming.push_back(ops::Placeholder(p.root, y.dtype(), y.shape()));
  const Outputs gradients = Gradients(p.root, p.outputs, xs, {.grad_ys = incoming});
  absl::StatusOr<Session> session = layer_check::Start(p);
  ASSERT_THAT(session, IsOk());
  const absl::StatusOr<std::vector<Tensor>> ys = session->Run(p.feeds, p.outputs);
  ASSERT_THAT(ys, IsOk());
  std::vector<Tensor> weights;
  Feeds feeds = p.feeds;
  for (size_t k = 0; k < ys->size(); ++k) {
    weights.push_back(
        RandomTensor((*ys)[k].dtype(), TensorShape((*ys)[k].shape()), options.seed + k));
    feeds.emplace_back(incoming[k], weights[k]);
  }
  const layer_check::Loss loss{*session, p, weights};
  for (size_t i = 0; i < xs.size(); ++i) {
    ASSERT_FALSE(gradients[i].empty()) << "no gradient of " << what[i];
    const absl::StatusOr<std::vector<Tensor>> analytic = session->Run(feeds, {gradients[i]});
    ASSERT_THAT(analytic, IsOk()) << what[i];
    layer_check::ExpectGradient(loss, p.feeds, fed[i], (*analytic)[0], options, what[i]);
  }
}

// Fits the layer to random targets: every trainable weight gets a gradient, and one step of
// gradient descent lowers the mean squared error.
template <typename LayerT>
void OneStepLowersLoss(LayerT layer, const std::vector<Tensor>& inputs,
                       const LayerCheckOptions& options = {}) {
  layer_check::Program p;
  layer_check::Apply(layer, inputs, options, &p);
  ASSERT_THAT(p.graph.status(), IsOk());
  ASSERT_FALSE(p.weights.empty());
  const Output& y = p.outputs[0];
  const Output target = ops::Placeholder(p.root, y.dtype(), y.shape());
  const Output error =
      ops::Mean(p.root, ops::SquaredDifference(p.root, y, target), ops::AllAxes(p.root, y));
  Outputs handles, steps;
  for (const Variable& v : p.weights) handles.push_back(v.handle());
  const Outputs gradients = Gradients(p.root, {error}, handles);
  for (size_t i = 0; i < handles.size(); ++i) {
    ASSERT_FALSE(gradients[i].empty()) << "no gradient of " << p.weights[i].name();
    const Output rate = ops::ConstOf(p.root, p.weights[i].dtype(), options.learning_rate);
    steps.push_back(p.weights[i].AssignSub(p.root, ops::Mul(p.root, gradients[i], rate)));
  }
  absl::StatusOr<Session> session = layer_check::Start(p);
  ASSERT_THAT(session, IsOk());
  absl::StatusOr<std::vector<Tensor>> first = session->Run(p.feeds, {y});
  ASSERT_THAT(first, IsOk());
  Feeds feeds = p.feeds;
  feeds.emplace_back(target,
                     RandomTensor(y.dtype(), TensorShape((*first)[0].shape()), options.seed));
  const absl::StatusOr<std::vector<Tensor>> before = session->Run(feeds, {error});
  ASSERT_THAT(session->Run(feeds, steps), IsOk());
  const absl::StatusOr<std::vector<Tensor>> after = session->Run(feeds, {error});
  ASSERT_THAT(before, IsOk());
  ASSERT_THAT(after, IsOk());
  EXPECT_LT(ToDoubles((*after)[0])[0], ToDoubles((*before)[0])[0]);
}

// FromConfig(GetConfig()) has the same config, and builds the same nodes with the same shapes.
template <typename LayerT>
void ConfigRoundTrip(LayerT layer, const std::vector<TensorShape>& inputs,
                     DType dtype = DType::kFloat) {
  const absl::StatusOr<proto::ObjectConfig> config = layer.GetConfig();
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->class_name(), layer.class_name());
  const absl::StatusOr<std::shared_ptr<layers::Layer>> twin = layers::FromConfig(*config);
  ASSERT_THAT(twin, IsOk());
  const absl::StatusOr<proto::ObjectConfig> again = (*twin)->GetConfig();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->ShortDebugString(), config->ShortDebugString());
  layer_check::Program a, b;
  for (const TensorShape& shape : inputs) {
    a.inputs.push_back(ops::Placeholder(a.root, dtype, shape));
    b.inputs.push_back(ops::Placeholder(b.root, dtype, shape));
  }
  layer.Apply(a.root, a.inputs);
  (*twin)->Apply(b.root, b.inputs);
  EXPECT_THAT(a.graph.status(), IsOk());
  EXPECT_THAT(b.graph.status(), IsOk());
  EXPECT_EQ(layer_check::Listing(a.graph), layer_check::Listing(b.graph));
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_PROGRAM_LAYER_CHECK_H_
