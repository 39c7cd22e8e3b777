#include "tests/testing/registry/op_samples.h"

#include <algorithm>
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "graph/evaluate.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

struct Sample {
  const char* op;
  OpTrial trial;
};

// 0.1, 0.2, ...
Tensor F(const TensorShape& shape) {
  std::vector<long double> values(shape.num_elements());
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<long double>(i + 1) / 10;
  return MakeTensor(DType::kFloat, shape, values);
}
Tensor I(const TensorShape& shape, std::initializer_list<int32_t> values) {
  return Tensor::Of<int32_t>(shape, values);
}

using Ints = std::vector<int64_t>;
const DType kF = DType::kFloat, kI = DType::kInt32;

// One line per op that random search does not call with success. Other dtypes follow from it.
// clang-format off
const std::vector<Sample>& Table() {
  static const AttrMap conv = {{"T", kF}, {"strides", Ints{1, 1, 1, 1}}, {"padding", "SAME"}};
  static const AttrMap norm = {{"T", kF}, {"epsilon", 0.5f}};
  static const AttrMap norm_u = {{"T", kF}, {"U", kF}, {"epsilon", 0.5f}};
  static const auto& table = *new std::vector<Sample>{
      {"BatchToSpace", {{{"T", kF}, {"Tidx", kI}, {"block_size", 2}}, {F({4, 1, 2, 1}), I({2, 2}, {0, 0, 1, 0})}}},
      {"BatchToSpaceND", {{{"T", kF}, {"Tblock_shape", kI}, {"Tcrops", kI}}, {F({4, 3}), I({1}, {2}), I({1, 2}, {1, 0})}}},
      {"Conv2DBackpropInput", {conv, {I({4}, {1, 3, 2, 2}), F({2, 2, 2, 3}), F({1, 3, 2, 3})}}},
      {"Conv2DBackpropFilter", {conv, {F({1, 3, 2, 2}), I({4}, {2, 2, 2, 3}), F({1, 3, 2, 3})}}},
      {"DepthwiseConv2dNativeBackpropInput", {conv, {I({4}, {1, 3, 2, 2}), F({2, 2, 2, 2}), F({1, 3, 2, 4})}}},
      {"DepthwiseConv2dNativeBackpropFilter", {conv, {F({1, 3, 2, 2}), I({4}, {2, 2, 2, 2}), F({1, 3, 2, 4})}}},
      {"FusedBatchNormGrad", {norm, {F({2, 1, 2, 3}), F({2, 1, 2, 3}), F({3}), F({3}), F({3})}}},
      {"FusedBatchNormGradV2", {norm_u, {F({2, 1, 2, 3}), F({2, 1, 2, 3}), F({3}), F({3}), F({3})}}},
      {"FusedBatchNormGradV3", {norm_u, {F({2, 1, 2, 3}), F({2, 1, 2, 3}), F({3}), F({3}), F({3}), F({3})}}},
  };
  return table;
}
// clang-format on

bool HasElements(const std::vector<Tensor>& outputs) {
  const auto some = [](const Tensor& t) { return t.num_elements() > 0; };
  return outputs.empty() || std::any_of(outputs.begin(), outputs.end(), some);
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> RunTrial(const OpSpec& spec, const OpTrial& trial) {
  // Random streams follow the node's name: the name that RunKernelGuarded gives.
  EvaluateOptions options{.node_name = "guarded"};
  if (!TakesVariables(spec)) return EvaluateOp(spec, trial.attrs, trial.inputs, options);
  StateRunner state;
  options.resources = &state;
  std::vector<Tensor> inputs = trial.inputs;
  const std::vector<const ArgSpec*> args = FlatArgs(spec.inputs(), trial.attrs);
  for (size_t i = 0; i < inputs.size() && i < args.size(); ++i) {
    if (!IsVariable(*args[i])) continue;
    const std::string name = absl::StrCat("variable", i);
    inputs[i] = trial.uninitialized
                    ? state.Uninitialized(name, inputs[i].dtype(), inputs[i].shape())
                    : state.Variable(name, inputs[i]);
  }
  return EvaluateOp(spec, trial.attrs, inputs, options);
}

std::vector<OpTrial> ListedSamples(const OpSpec& spec) {
  std::vector<OpTrial> samples;
  for (const Sample& sample : Table())
    if (sample.op == spec.name()) samples.push_back(sample.trial);
  return samples;
}

std::vector<OpTrial> FindSamples(const OpSpec& spec, TrialMaker* maker, int trials, int wanted) {
  std::vector<OpTrial> found;
  for (OpTrial& sample : ListedSamples(spec)) {
    maker->Retype(&sample);
    if (RunTrial(spec, sample).ok()) found.push_back(std::move(sample));
  }
  for (int i = 0; i < trials && static_cast<int>(found.size()) < wanted; ++i) {
    OpTrial trial = maker->Fresh();
    const auto outputs = RunTrial(spec, trial);
    if (outputs.ok() && HasElements(*outputs)) found.push_back(std::move(trial));
  }
  return found;
}

}  // namespace sluice
