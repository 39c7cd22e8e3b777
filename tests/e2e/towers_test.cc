// Two towers that share variables, by every way there is (rules VS-1, VS-21 to VS-28, L-3, L-5).
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "graph/partition.h"
#include "gtest/gtest.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {
namespace {

using Strings = std::vector<std::string>;

constexpr float kScale = 0.01f, kRate = 0.1f;

layers::DenseOptions Hidden() {
  return {.units = 4, .activation = ops::Tanh, .kernel_regularizer = L2Regularizer(kScale)};
}
layers::DenseOptions Logits() {
  return {.units = 2, .kernel_regularizer = L2Regularizer(kScale), .name = "logits"};
}

// One layer is called by its number, the other by a name.
Output Tower(const Scope& scope, const Output& x) {
  return layers::Dense(scope, layers::Dense(scope, x, Hidden()), Logits());
}

struct Towers {
  Output first, second;
};

// Builds both towers, in the variable scope "net".
struct Way {
  const char* name;
  std::function<Towers(const Scope& root, const Output& x, const Output& y)> build;
};

Towers WithReuse(const Scope& root, const Output& x, const Output& y) {
  const Scope net = root.VariableScope("net");
  return {Tower(net, x), Tower(net.WithReuse(), y)};
}

Towers ReuseByName(const Scope& root, const Output& x, const Output& y) {
  return {Tower(root.VariableScope("net"), x),
          Tower(root.VariableScope("net", {.reuse = Reuse::kTrue}), y)};
}

// The scope is taken along to quite another place.
Towers CapturedScope(const Scope& root, const Output& x, const Output& y) {
  const Scope captured = root.VariableScope("net");
  const Output first = Tower(captured, x);
  const Scope elsewhere = root.VariableScope("elsewhere").Sub("deep");
  return {first, Tower(elsewhere.VariableScope(captured, {.reuse = Reuse::kTrue}), y)};
}

Towers Reentered(const Scope& root, const Output& x, const Output& y) {
  const Scope captured = root.VariableScope("net");
  return {Tower(captured, x), Tower(captured.Reenter({.reuse = Reuse::kTrue}), y)};
}

// Neither tower says whether it makes the variables or finds them.
Towers AutoReuse(const Scope& root, const Output& x, const Output& y) {
  return {Tower(root.VariableScope("net", {.reuse = Reuse::kAuto}), x),
          Tower(root.VariableScope("net", {.reuse = Reuse::kAuto}), y)};
}

// The second calls are made where nothing is to be reused.
Towers LayerObjects(const Scope& root, const Output& x, const Output& y) {
  layers::DenseLayer hidden(Hidden()), logits(Logits());
  const auto tower = [&](const Scope& scope, const Output& in) {
    return logits(scope, hidden(scope, in));
  };
  return {tower(root.VariableScope("net"), x), tower(root.Sub("elsewhere"), y)};
}

const Way kWays[] = {{"WithReuse", WithReuse},         {"ReuseByName", ReuseByName},
                     {"CapturedScope", CapturedScope}, {"Reentered", Reentered},
                     {"AutoReuse", AutoReuse},         {"LayerObjects", LayerObjects}};

// A program with two towers: their losses differ by the labels.
struct Program {
  Program(const Way& way, bool use_resource) {
    graph.SetSeed(7);
    const Scope scope = root.With({.use_resource = use_resource});
    x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 3});
    y = ops::Placeholder(root.Named("y"), DType::kFloat, {-1, 3});
    labels = ops::Placeholder(root.Named("labels"), DType::kFloat, {-1, 2});
    towers = way.build(scope, x, y);
    if (!graph.ok()) return;
    variables = graph.GlobalVariables();
    penalty = losses::RegularizationLoss(root);
    train::GradientDescent optimizer({.learning_rate = kRate});
    train_first = optimizer.Minimize(root, losses::MeanSquaredError(root, labels, towers.first));
    train_second = optimizer.Minimize(root, losses::MeanSquaredError(root, labels, towers.second));
    init = GlobalVariablesInitializer(root);
    absl::StatusOr<Session> made = Session::Create(graph, {.intra_op_threads = 1});
    if (!made.ok()) return;
    session.emplace(*std::move(made));
    EXPECT_THAT(session->Run(init), IsOk());
  }

  std::vector<Tensor> Run(const Outputs& fetches, const Feeds& feeds = {}) {
    const absl::StatusOr<std::vector<Tensor>> values = session->Run(feeds, fetches);
    EXPECT_THAT(values, IsOk());
    return values.ok() ? *values : std::vector<Tensor>(fetches.size());
  }
  std::vector<Tensor> Values() {
    Outputs values;
    for (const Variable& v : variables) values.push_back(v.value());
    return Run(values);
  }
  // What both towers make of the same input.
  std::vector<Tensor> Outcomes() {
    const Tensor in = Tensor::Of<float>({2, 3}, {1, -2, 3, .5f, .25f, -1});
    return Run({towers.first, towers.second}, {{x, in}, {y, in}});
  }
  void Train(const Output& step, const Output& input) {
    Run({step}, {{input, Tensor::Of<float>({1, 3}, {1, 2, -1})},
                 {labels, Tensor::Of<float>({1, 2}, {5, -5})}});
  }

  Graph graph{ops::Builtin()};
  Scope root = Scope::Root(graph);
  Output x, y, labels, penalty, train_first, train_second, init;
  Towers towers;
  std::vector<Variable> variables;
  std::optional<Session> session;
};

class TowersTest : public testing::TestWithParam<std::tuple<Way, bool>> {
 protected:
  void SetUp() override {
    ASSERT_THAT(program_.graph.status(), IsOk());
    ASSERT_TRUE(program_.session.has_value());
  }
  Program program_{std::get<0>(GetParam()), std::get<1>(GetParam())};
};

INSTANTIATE_TEST_SUITE_P(Ways, TowersTest,
                         testing::Combine(testing::ValuesIn(kWays), testing::Bool()),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param) ? "Resource" : "Reference");
                         });

TEST_P(TowersTest, FourVariablesInAll) {  // VS-1, VS-22, VS-23, L-5
  Strings names;
  for (const Variable& v : program_.graph.GlobalVariables()) names.push_back(v.name());
  EXPECT_EQ(names, (Strings{"net/dense/kernel:0", "net/dense/bias:0", "net/logits/kernel:0",
                            "net/logits/bias:0"}));
  for (const Variable& v : program_.variables) {
    EXPECT_TRUE(v.trainable());
    EXPECT_EQ(v.is_resource(), std::get<1>(GetParam()));
  }
  EXPECT_EQ(program_.graph.TrainableVariables(), program_.variables);
  EXPECT_NE(program_.towers.first, program_.towers.second);
}

TEST_P(TowersTest, InitialValuesAreThoseOfOneSeed) {  // the way of sharing does not change them
  Program plain({"one tower",
                 [](const Scope& root, const Output& x, const Output&) {
                   const Output tower = Tower(root.VariableScope("net"), x);
                   return Towers{tower, tower};
                 }},
                std::get<1>(GetParam()));
  const std::vector<Tensor> values = program_.Values(), expected = plain.Values();
  ASSERT_EQ(values.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(ToDoubles(values[i]), ToDoubles(expected[i]));
  // Glorot uniform: random, within +-sqrt(6 / (in + out)). Biases start at zero.
  for (const auto& [kernel, limit] : {std::pair(values[0], .926), std::pair(values[2], 1.0)}) {
    const std::vector<double> numbers = ToDoubles(kernel);
    for (const double w : numbers) EXPECT_LE(std::abs(w), limit);
    EXPECT_NE(numbers[0], numbers[1]);
  }
  EXPECT_EQ(ToDoubles(values[1]), std::vector<double>(4, 0));
  EXPECT_EQ(ToDoubles(values[3]), std::vector<double>(2, 0));
}

TEST_P(TowersTest, TrainingThroughEitherTowerChangesBoth) {
  std::vector<Tensor> before = program_.Outcomes();
  EXPECT_EQ(ToDoubles(before[0]), ToDoubles(before[1]));
  for (const auto& [step, input] : {std::pair(program_.train_first, program_.x),
                                    std::pair(program_.train_second, program_.y)}) {
    const std::vector<Tensor> values = program_.Values();
    program_.Train(step, input);
    const std::vector<Tensor> after = program_.Outcomes(), changed = program_.Values();
    EXPECT_EQ(ToDoubles(after[0]), ToDoubles(after[1]));
    EXPECT_NE(ToDoubles(after[0]), ToDoubles(before[0]));
    for (size_t i = 0; i < values.size(); ++i)
      EXPECT_NE(ToDoubles(changed[i]), ToDoubles(values[i])) << program_.variables[i].name();
    before = after;
  }
}

TEST_P(TowersTest, BothTowersTrainAlike) {  // the same step from the same start
  Program other(std::get<0>(GetParam()), std::get<1>(GetParam()));
  program_.Train(program_.train_first, program_.x);
  other.Train(other.train_second, other.y);
  const std::vector<Tensor> a = program_.Values(), b = other.Values();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(ToDoubles(a[i]), ToDoubles(b[i]));
}

TEST_P(TowersTest, ARegularizerIsCountedOncePerVariable) {  // VS-8, L-6
  EXPECT_EQ(program_.graph.RegularizationLosses().size(), 2u);
  const std::vector<Tensor> values = program_.Values();
  double expected = 0;
  for (const Tensor& kernel : {values[0], values[2]}) {
    for (const double w : ToDoubles(kernel)) expected += kScale * w * w / 2;
  }
  EXPECT_NEAR(program_.Run({program_.penalty})[0].scalar<float>(), expected, 1e-6);
}

// Both towers use the whole of a variable that is kept in parts.
TEST(PartitionedTowers, ShareTheParts) {  // VS-41, VS-42
  for (const Way& way : kWays) {
    SCOPED_TRACE(way.name);
    Program program({way.name,
                     [&](const Scope& root, const Output& x, const Output& y) {
                       return way.build(root.With({.partitioner = FixedSizePartitioner(2)}), x, y);
                     }},
                    true);
    ASSERT_THAT(program.graph.status(), IsOk());
    Strings names;
    for (const Variable& v : program.variables) names.push_back(v.name());
    EXPECT_EQ(names, (Strings{"net/dense/kernel/part_0:0", "net/dense/kernel/part_1:0",
                              "net/dense/bias/part_0:0", "net/dense/bias/part_1:0",
                              "net/logits/kernel/part_0:0", "net/logits/kernel/part_1:0",
                              "net/logits/bias/part_0:0", "net/logits/bias/part_1:0"}));
    const std::vector<Tensor> before = program.Outcomes();
    program.Train(program.train_second, program.y);
    const std::vector<Tensor> after = program.Outcomes();
    EXPECT_EQ(ToDoubles(after[0]), ToDoubles(after[1]));
    EXPECT_NE(ToDoubles(after[0]), ToDoubles(before[0]));
  }
}

}  // namespace
}  // namespace sluice
