// The gradient of every differentiable op against differences, at a random point of a random call
// in double. The ops' own tests choose their cases with care; this one forgets no op.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/op_spec.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/registry/op_samples.h"
#include "tests/testing/registry/op_trial.h"

namespace sluice {
namespace {

constexpr int kTrials = 3000;
constexpr int kSamples = 12;
constexpr int64_t kMostElements = 60;  // of all inputs: the cost grows with their square

// Ops whose gradient is not the derivative, or not in a way that differences show.
const std::map<std::string, std::string>& Exceptions() {
  static const auto& exceptions = *new std::map<std::string, std::string>{
      {"PreventGradient", "its gradient is an error"},
      {"ClipByValue", "bounds that cross have no derivative; its own test keeps them apart"},
      {"DynamicStitch", "an element that a later one replaces has a gradient, as in TensorFlow"},
      {"ParallelDynamicStitch", "an element that a later one replaces has a gradient"},
      {"SoftmaxCrossEntropyWithLogits", "its gradient holds for labels that sum to one"},
      {"MaxPoolGrad", "random numbers are not a pooling's result"},
      {"MaxPoolGradGrad", "random numbers are not a pooling's result"},
      {"MaxPoolGradV2", "random numbers are not a pooling's result"},
      {"MaxPool3DGrad", "random numbers are not a pooling's result"},
      {"MaxPool3DGradGrad", "random numbers are not a pooling's result"},
      {"SparseDenseCwiseAdd", "its gradient is an error, as in TensorFlow"},
      {"SparseSparseMaximum", "its gradient is an error, as in TensorFlow"},
      {"SparseSparseMinimum", "its gradient is an error, as in TensorFlow"},
      {"TensorScatterUpdate",
       "an element that a later one replaces has a gradient, as in TensorFlow"},
      {"SparseToDense", "an element that a later one replaces has a gradient, as in TensorFlow"},
      {"SparseAdd", "it holds for indices in order; its own test keeps them so"},
      {"SparseSoftmax", "it holds for indices in order; its own test keeps them so"},
  };
  return exceptions;
}

// Ops whose gradient needs shapes that are known when it is built.
bool NeedsKnownShapes(const std::string& op) {
  return op == "MatrixSolveLs" || op == "Qr" || op == "Svd";
}

// Double wherever the schema allows it.
void FixDoubles(const OpSpec& spec, TrialMaker* maker) {
  for (const AttrSpec& attr : spec.attrs()) {
    if (attr.type != "type" && attr.type != "list(type)") continue;
    for (DType d : TrialDTypes(attr))
      if (d == DType::kDouble && !IsMissing(spec, attr.name, d)) maker->Fix(attr.name, d);
  }
}

// `trial` at points in (low, high), all distinct, away from the whole numbers where functions have
// kinks.
OpTrial AtLadder(const OpTrial& trial, double low, double high, uint64_t seed) {
  OpTrial moved = trial;
  for (Tensor& input : moved.inputs) {
    if (input.dtype() != DType::kDouble || input.num_elements() == 0) continue;
    input = LadderTensor(DType::kDouble, input.shape(), ++seed, low, high);
    low += 0.0037;  // no input's ladder has the steps of another's
    high += 0.0031;
  }
  return moved;
}

bool Finite(const std::vector<Tensor>& outputs) {
  for (const Tensor& t : outputs) {
    if (t.dtype() != DType::kDouble) continue;
    for (double x : t.flat<double>())
      if (!std::isfinite(x)) return false;
  }
  return true;
}

int64_t DoubleElements(const std::vector<Tensor>& tensors) {
  int64_t count = 0;
  for (const Tensor& t : tensors)
    if (t.dtype() == DType::kDouble) count += t.num_elements();
  return count;
}

// The largest cheap call with double inputs and outputs, where the function is defined around the
// point; no inputs if there is none.
OpTrial ChooseTrial(const OpSpec& spec) {
  TrialMaker maker(spec, 3);
  maker.OnlySane();
  FixDoubles(spec, &maker);
  OpTrial best;
  int64_t most = 0;
  for (const OpTrial& sample : FindSamples(spec, &maker, kTrials, kSamples)) {
    for (const auto& [low, high] : {std::pair{0.15, 0.85}, {1.15, 1.85}}) {
      OpTrial trial = AtLadder(sample, low, high, 5);
      const auto outputs = RunTrial(spec, trial);
      if (!outputs.ok() || !Finite(*outputs) || DoubleElements(*outputs) == 0) continue;
      const int64_t elements = DoubleElements(trial.inputs);
      if (elements <= most || elements > kMostElements) continue;
      most = elements;
      best = std::move(trial);
      break;
    }
  }
  return best;
}

// Double inputs that get a gradient, and those that get none.
absl::Status SortInputs(const OpSpec& spec, const OpTrial& trial, GradientCheckOptions* options) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  Outputs inputs, xs, ys;
  std::vector<int> numbers;
  for (size_t i = 0; i < trial.inputs.size(); ++i) {
    const DType dtype = trial.inputs[i].dtype();
    inputs.push_back(At(root).Node("Const", {}, {{"value", trial.inputs[i]}, {"dtype", dtype}}));
    if (dtype != DType::kDouble) continue;
    xs.push_back(inputs.back());
    numbers.push_back(static_cast<int>(i));
  }
  for (const Output& y : At(root).Nodes(spec.name(), inputs, trial.attrs))
    if (!y.empty() && y.dtype() == DType::kDouble) ys.push_back(y);
  const Outputs dxs = Gradients(root, ys, xs);
  for (size_t k = 0; k < dxs.size(); ++k)
    (dxs[k].empty() ? options->no_gradient : options->wrt).push_back(numbers[k]);
  return graph.status();
}

class OpGradientsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(OpGradientsTest, IsTheDerivative) {
  const OpSpec& spec = *ops::Builtin().Find(GetParam());
  const auto exception = Exceptions().find(spec.name());
  if (exception != Exceptions().end()) GTEST_SKIP() << exception->second;
  const OpTrial trial = ChooseTrial(spec);
  if (trial.inputs.empty()) GTEST_SKIP() << "no call of doubles";
  GradientCheckOptions options{.context = absl::StrCat(spec.name(), " ", trial.ToString())};
  const absl::Status sorted = SortInputs(spec, trial, &options);
  if (absl::IsUnimplemented(sorted)) GTEST_SKIP() << sorted.message();
  options.unknown_shapes = !NeedsKnownShapes(spec.name());
  ASSERT_TRUE(sorted.ok()) << options.context << ": " << sorted;
  if (options.wrt.empty()) GTEST_SKIP() << "no gradient with respect to double inputs";
  CheckGradient(
      [&](At at, const Outputs& inputs) {
        return at.Named("tested").Nodes(spec.name(), inputs, trial.attrs);
      },
      trial.inputs, options);
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const OpSpec* op : ops::Builtin().ops())
    if (CanTry(*op) && !TakesVariables(*op) && op->gradient() && !op->random())
      names.push_back(op->name());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Ops, OpGradientsTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace sluice
