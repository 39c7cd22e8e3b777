// Optimizers with gradients that are slices (rules OPT-1, OPT-4, OPT-6 and the sparse rules of
// section 7.2): an embedding whose rows are gathered, some twice, some never.
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/node.h"
#include "ops/const.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/graph_fixture.h"
#include "train/adam.h"
#include "train/gradient_descent.h"
#include "train/momentum.h"

namespace sluice::train {
namespace {

using absl::StatusCode;

const Tensor kStart = Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6});

class SparseTest : public GraphFixture {
 protected:
  Variable Embedding(VariableOptions options = {}) {
    options.shape = {3, 2};
    options.initializer = [](At at, const TensorShape&, DType dtype) {
      return at.Named("Const").Node("Const", {}, {{"value", kStart}, {"dtype", dtype}});
    };
    return GetVariable(root_, "w", options);
  }
  // The sum of g times rows {0, 2, 0}: the gradient of row 0 is {1 + 5, 2 + 6}, of row 2 {3, 4}.
  Output LossOf(const Variable& w) {
    const Output rows = w.SparseRead(root_.Named("rows"), ops::Const(root_, {0, 2, 0}));
    const Output g = ops::Const(root_, Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
    return At(root_.Named("loss")).Node("Sum", {rows * g, ops::Const(root_, {0, 1})});
  }
  // w after each step.
  std::vector<Tensor> Train(const Output& step, const Variable& w, int steps) {
    const Output init = GlobalVariablesInitializer(root_);
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    if (!session.ok()) return {};
    EXPECT_THAT(session->Run(init), IsOk());
    std::vector<Tensor> values;
    for (int i = 0; i < steps; ++i) {
      EXPECT_THAT(session->Run(step), IsOk());
      const auto out = session->Run({}, {w.value()});
      EXPECT_THAT(out, IsOk());
      if (out.ok()) values.push_back(*(*out)[0].Clone());
    }
    return values;
  }
  const Node* Find(const std::string& name) { return graph_.FindNode(name); }
};

// The same two ways of keeping variables for every optimizer.
class SparseOptimizerTest : public SparseTest, public testing::WithParamInterface<bool> {
 protected:
  Variable Make() { return Embedding({.use_resource = GetParam()}); }
};
INSTANTIATE_TEST_SUITE_P(Variables, SparseOptimizerTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Resource" : "Reference"; });

// Section 7.2: w -= .5 g.
TEST_P(SparseOptimizerTest, GradientDescent) {
  const Variable w = Make();
  const Output step = GradientDescent({.learning_rate = .5}).Minimize(root_, LossOf(w));
  ASSERT_THAT(graph_.status(), IsOk());
  const std::vector<Tensor> got = Train(step, w, 2);
  ExpectClose(got[0], Tensor::Of<float>({3, 2}, {-2, -2, 3, 4, 3.5, 4}));
  ExpectClose(got[1], Tensor::Of<float>({3, 2}, {-5, -6, 3, 4, 2, 2}));
  EXPECT_NE(Find(GetParam() ? "GradientDescent/update_w/ResourceScatterSub"
                            : "GradientDescent/update_w/ScatterSub"),
            nullptr);
}

// Section 7.2: a = .5 a + g, w -= .1 a, so w falls by .1 g, .15 g, .175 g. OPT-4: 1 + 5 and 2 + 6
// are added before, or a would decay twice in a step.
TEST_P(SparseOptimizerTest, Momentum) {
  const Variable w = Make();
  const Output step = Momentum({.learning_rate = .1, .momentum = .5}).Minimize(root_, LossOf(w));
  ASSERT_THAT(graph_.status(), IsOk());
  const std::vector<Tensor> got = Train(step, w, 3);
  ExpectClose(got[0], Tensor::Of<float>({3, 2}, {.4f, 1.2f, 3, 4, 4.7f, 5.6f}));
  ExpectClose(got[1], Tensor::Of<float>({3, 2}, {-.5f, 0, 3, 4, 4.25f, 5}));
  ExpectClose(got[2], Tensor::Of<float>({3, 2}, {-1.55f, -1.4f, 3, 4, 3.725f, 4.3f}));
  for (const char* name : {"Unique", "UnsortedSegmentSum"})
    EXPECT_NE(Find(std::string("Momentum/update_w/") + name), nullptr) << name;
}

// Section 7.2, w -= lr (g + momentum a): .1 (1 + .5) g, .1 (1 + .75) g.
TEST_P(SparseOptimizerTest, Nesterov) {
  const Variable w = Make();
  const Output step = Momentum({.learning_rate = .1, .momentum = .5, .use_nesterov = true})
                          .Minimize(root_, LossOf(w));
  const std::vector<Tensor> got = Train(step, w, 2);
  ExpectClose(got[0], Tensor::Of<float>({3, 2}, {.1f, .8f, 3, 4, 4.55f, 5.4f}));
  ExpectClose(got[1], Tensor::Of<float>({3, 2}, {-.95f, -.6f, 3, 4, 4.025f, 4.7f}));
}

// Section 7.2, by its formulas, element by element, from the dense gradient.
std::vector<double> NaiveAdam(const std::vector<std::vector<double>>& gradients) {
  const double lr = .1, beta1 = .9, beta2 = .999, epsilon = 1e-8;
  std::vector<double> w = ToDoubles(kStart), m(6, 0), v(6, 0);
  for (size_t t = 1; t <= gradients.size(); ++t) {
    const auto power = static_cast<double>(t);
    const double rate = lr * std::sqrt(1 - std::pow(beta2, power)) / (1 - std::pow(beta1, power));
    for (int i = 0; i < 6; ++i) {
      const double g = gradients[t - 1][i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      w[i] -= rate * m[i] / (std::sqrt(v[i]) + epsilon);
    }
  }
  return w;
}

TEST_P(SparseOptimizerTest, Adam) {
  const Variable w = Make();
  const Output step = Adam({.learning_rate = .1}).Minimize(root_, LossOf(w));
  ASSERT_THAT(graph_.status(), IsOk());
  const std::vector<double> g = {6, 8, 0, 0, 3, 4};
  const std::vector<Tensor> got = Train(step, w, 3);
  for (size_t steps = 1; steps <= 3; ++steps) {
    const std::vector<double> want = NaiveAdam(std::vector<std::vector<double>>(steps, g));
    ExpectClose(got[steps - 1], FromDoubles(DType::kFloat, {3, 2}, want));
  }
}

// Not lazy: a row that is not gathered any more goes on by what m remembers. Row 0 in the first
// step only, then row 2 only.
TEST_P(SparseOptimizerTest, AdamMovesEveryRow) {
  const Variable w = Make();
  const Output row =
      At(root_).Node("Placeholder", {}, {{"dtype", DType::kInt32}, {"shape", TensorShape{1}}});
  const Output picked = w.SparseRead(root_, row);
  const Output loss = At(root_).Node("Sum", {picked * 3, ops::Const(root_, {0, 1})});
  const Output step = Adam({.learning_rate = .1}).Minimize(root_, loss);
  const Output init = GlobalVariablesInitializer(root_);
  absl::StatusOr<Session> session = Session::Create(graph_);
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(session->Run(init), IsOk());
  for (const int index : {0, 2, 2}) {
    ASSERT_THAT(session->Run({{row, Tensor::Of<int32_t>({1}, {index})}}, Outputs{step}), IsOk());
  }
  const auto got = session->Run({}, {w.value()});
  ASSERT_THAT(got, IsOk());
  const std::vector<double> want =
      NaiveAdam({{3, 3, 0, 0, 0, 0}, {0, 0, 0, 0, 3, 3}, {0, 0, 0, 0, 3, 3}});
  ExpectClose((*got)[0], FromDoubles(DType::kFloat, {3, 2}, want));
  EXPECT_LT(want[0], .85);  // of 1: more than the first step's .1
}

// A variable that is also used as a whole.
TEST_P(SparseOptimizerTest, ReadAndGathered) {
  const Variable w = Make();
  const Output loss =
      LossOf(w) + At(root_).Node("Sum", {w.value() * 10, ops::Const(root_, {0, 1})});
  const Output step = GradientDescent({.learning_rate = .1}).Minimize(root_, loss);
  ExpectClose(Train(step, w, 1)[0], Tensor::Of<float>({3, 2}, {-.6f, .2f, 2, 3, 3.7f, 4.6f}));
}

TEST_F(SparseTest, GatesKeepSlices) {  // OPT-1
  const Variable w = Embedding();
  const Output loss = LossOf(w);
  GradientDescent optimizer({.learning_rate = .5});
  for (const Gate gate : {Gate::kNone, Gate::kOp, Gate::kGraph}) {
    const auto pairs = optimizer.ComputeGradients(root_, loss, {.gate_gradients = gate});
    ASSERT_TRUE(pairs[0].gradient.is_slices());
    const Output step = optimizer.ApplyGradients(root_, pairs);
    ASSERT_THAT(graph_.status(), IsOk());
    ExpectClose(Train(step, w, 1)[0], Tensor::Of<float>({3, 2}, {-2, -2, 3, 4, 3.5, 4}));
  }
  EXPECT_NE(Find("tuple/control_dependency"), nullptr);  // of kGraph
}

TEST_F(SparseTest, AggregationMethod) {  // OPT-1, GR-9
  const Variable w = Embedding();
  const Output all = w.value();
  const Output loss =
      At(root_).Node("Sum", {all * 1 + all * 2 + all * 3, ops::Const(root_, {0, 1})});
  GradientDescent optimizer({.learning_rate = .5});
  const AggregationMethod tree = AggregationMethod::kExperimentalTree;
  const Output step = optimizer.Minimize(root_, loss, {.aggregation_method = tree});
  EXPECT_NE(Find("gradients/w/Read/ReadVariableOp_gradient_sum/AddN_1"), nullptr);
  ExpectClose(Train(step, w, 1)[0], Tensor::Of<float>({3, 2}, {-2, -1, 0, 1, 2, 3}));
  EXPECT_EQ(
      optimizer
          .ComputeGradients(root_, loss, {.aggregation_method = static_cast<AggregationMethod>(9)})
          .size(),
      0u);
  ExpectError(StatusCode::kInvalidArgument, "Invalid aggregation_method specified 9.");
}

TEST_F(SparseTest, NoConstraints) {  // OPT-6
  const Variable w =
      Embedding({.constraint = [](At at, Output value) { return at.Node("Abs", {value}); }});
  GradientDescent({.learning_rate = .5}).Minimize(root_, LossOf(w));
  ExpectError(StatusCode::kFailedPrecondition,
              "Cannot use a constraint function on a sparse variable.");
}

// An optimizer that knows dense gradients only.
class Plain : public Optimizer {
 public:
  Plain() : Optimizer("Plain", false) {}

 protected:
  void CreateSlots(At, const std::vector<Variable>&) override {}
  void Prepare(At) override {}
  Output ApplyDense(At at, const Output& gradient, const Variable& variable) override {
    return variable.AssignSub(at, gradient);
  }
};

TEST_F(SparseTest, AnOptimizerWithoutASparseRuleGetsDenseGradients) {
  const Variable w = Embedding();
  const Output step = Plain().Minimize(root_, LossOf(w));
  ExpectClose(Train(step, w, 1)[0], Tensor::Of<float>({3, 2}, {-5, -6, 3, 4, 2, 2}));
}

TEST_F(SparseTest, SlicesWithoutADenseShape) {
  const Variable w = Embedding();
  const IndexedSlices slices = {ops::Const(root_, Tensor::Of<float>({2, 2}, {1, 2, 3, 4})),
                                ops::Const(root_, {1, 1}), Output()};
  const Output step = Plain().ApplyGradients(root_, {{slices, w}});
  ASSERT_THAT(graph_.status(), IsOk());
  ExpectClose(Train(step, w, 1)[0], Tensor::Of<float>({3, 2}, {1, 2, -1, -2, 5, 6}));
}

TEST_F(SparseTest, AnIndexOutOfRange) {
  const Variable w = Embedding();
  const IndexedSlices slices = {ops::Const(root_, Tensor::Of<float>({1, 2}, {1, 2})),
                                ops::Const(root_, {3}), Output()};
  const Output step =
      Momentum({.learning_rate = .1, .momentum = .5}).ApplyGradients(root_, {{slices, w}});
  const Output init = GlobalVariablesInitializer(root_);
  absl::StatusOr<Session> session = Session::Create(graph_);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(session->Run(step), StatusIs(StatusCode::kFailedPrecondition, "uninitialized"));
  ASSERT_THAT(session->Run(init), IsOk());
  EXPECT_THAT(session->Run(step), StatusIs(StatusCode::kInvalidArgument,
                                           "Index 3 at offset 0 in indices is out of range"));
}

}  // namespace
}  // namespace sluice::train
