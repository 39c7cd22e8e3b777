// Gradients of ops that compute in float only, where gradient_check.h's doubles cannot go.
#ifndef SLUICE_TESTS_TESTING_FLOAT_GRADIENT_H_
#define SLUICE_TESTS_TESTING_FLOAT_GRADIENT_H_

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/scope.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {

struct FloatGradientOptions {
  std::vector<int> wrt = {0};      // inputs to differentiate by
  std::vector<int> outputs = {0};  // outputs that get an incoming gradient
  float step = 1e-2f;
  double tolerance = 2e-3;  // |analytic - numeric| <= tolerance * (1 + |numeric|)
};

// One differentiated op: float inputs are placeholders, the others constants.
class FloatGradientGraph {
 public:
  FloatGradientGraph(const std::string& op, const AttrMap& attrs, const std::vector<Tensor>& inputs,
                     const FloatGradientOptions& options, bool unknown_shapes)
      : inputs_(inputs), graph_(ops::Builtin()) {
    const Scope root = Scope::Root(graph_);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const At at(root.Named(absl::StrCat("x", i)));
      const DType dtype = inputs[i].dtype();
      const TensorShape shape = unknown_shapes ? TensorShape::Unknown() : inputs[i].shape();
      nodes_.push_back(dtype == DType::kFloat
                           ? at.Node("Placeholder", {}, {{"dtype", dtype}, {"shape", shape}})
                           : at.Node("Const", {}, {{"dtype", dtype}, {"value", inputs[i]}}));
    }
    const Outputs all = At(root.Named("tested")).Nodes(op, nodes_, attrs);
    Outputs xs;
    for (const int i : options.outputs)
      if (i < static_cast<int>(all.size())) ys_.push_back(all[i]);
    for (const int i : options.wrt) xs.push_back(nodes_[i]);
    for (const Output& y : ys_) {
      dys_.push_back(
          At(root.Named("dy"))
              .Node("Placeholder", {}, {{"dtype", DType::kFloat}, {"shape", y.shape()}}));
    }
    dxs_ = Gradients(root, ys_, xs, {.grad_ys = dys_});
  }

  absl::StatusOr<std::vector<Tensor>> Values(const std::vector<Tensor>& inputs) {
    return Run(inputs, {}, ys_);
  }
  absl::StatusOr<std::vector<Tensor>> Slopes(const std::vector<Tensor>& dys) {
    return Run(inputs_, dys, dxs_);
  }

 private:
  absl::StatusOr<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs,
                                          const std::vector<Tensor>& dys, const Outputs& fetches) {
    if (!graph_.ok()) return graph_.status();
    if (session_ == nullptr) {
      absl::StatusOr<Session> session = Session::Create(graph_);
      if (!session.ok()) return session.status();
      session_ = std::make_unique<Session>(*std::move(session));
    }
    Feeds feeds;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].dtype() == DType::kFloat) feeds.emplace_back(nodes_[i], inputs[i]);
    for (size_t i = 0; i < dys.size(); ++i) feeds.emplace_back(dys_[i], dys[i]);
    return session_->Run(feeds, fetches);
  }

  std::vector<Tensor> inputs_;
  Graph graph_;
  Outputs nodes_, ys_, dys_, dxs_;
  std::unique_ptr<Session> session_;
};

// Differentiates sum(dy * y) with random dy by every element of the inputs `wrt` and compares with
// central differences; once with exact and once with unknown shapes.
inline void CheckFloatGradient(const std::string& op, const AttrMap& attrs,
                               const std::vector<Tensor>& inputs,
                               const FloatGradientOptions& options = {}) {
  FloatGradientGraph graph(op, attrs, inputs, options, false);
  const auto ys = graph.Values(inputs);
  ASSERT_THAT(ys, IsOk()) << op;
  std::vector<Tensor> dys;
  for (size_t i = 0; i < ys->size(); ++i)
    dys.push_back(RandomTensor(DType::kFloat, (*ys)[i].shape(), 11 + i));
  const auto slopes = graph.Slopes(dys);
  ASSERT_THAT(slopes, IsOk()) << op;
  auto total = [&](const std::vector<Tensor>& at) {
    const auto values = graph.Values(at);
    double sum = 0;
    EXPECT_THAT(values, IsOk());
    for (size_t k = 0; values.ok() && k < values->size(); ++k)
      for (int64_t j = 0; j < (*values)[k].num_elements(); ++j)
        sum += static_cast<double>((*values)[k].flat<float>()[j]) * dys[k].flat<float>()[j];
    return sum;
  };
  for (size_t w = 0; w < options.wrt.size(); ++w) {
    const Tensor& x = inputs[options.wrt[w]];
    ASSERT_EQ((*slopes)[w].shape(), x.shape()) << op << ", input " << options.wrt[w];
    for (int64_t i = 0; i < x.num_elements(); ++i) {
      std::vector<Tensor> above = inputs, below = inputs;
      above[options.wrt[w]] = *x.Clone();
      below[options.wrt[w]] = *x.Clone();
      float& high = above[options.wrt[w]].mutable_data<float>()[i];
      float& low = below[options.wrt[w]].mutable_data<float>()[i];
      high += options.step;
      low -= options.step;
      const double numeric =
          (total(above) - total(below)) / (static_cast<double>(high) - static_cast<double>(low));
      EXPECT_NEAR((*slopes)[w].flat<float>()[i], numeric,
                  options.tolerance * (1 + std::abs(numeric)))
          << op << ": by input " << options.wrt[w] << "[" << i << "]";
    }
  }
  FloatGradientGraph unknown(op, attrs, inputs, options, true);
  const auto again = unknown.Slopes(dys);
  ASSERT_THAT(again, IsOk()) << op << ", unknown shapes";
  for (size_t w = 0; w < options.wrt.size(); ++w) ExpectClose((*again)[w], (*slopes)[w]);
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_FLOAT_GRADIENT_H_
