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
  static const AttrMap float_only = {{"T", kF}};
  static const AttrMap lstm = {{"T", kF}, {"use_peephole", true}};
  static const AttrMap dilation = {{"T", kF}, {"strides", Ints{1, 1, 1, 1}}, {"rates", Ints{1, 1, 2, 1}}, {"padding", "SAME"}};
  static const AttrMap threshold = {{"T", kF}, {"T_threshold", kF}};
  static const Tensor seq = F({3, 1, 2}), steps = Tensor::Scalar<int64_t>(2);
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
      {"BatchNormWithGlobalNormalizationGrad", {{{"T", kF}, {"variance_epsilon", 0.5f}, {"scale_after_normalization", true}}, {F({2, 1, 2, 3}), F({3}), F({3}), F({3}), F({2, 1, 2, 3})}}},
      {"BlockLSTM", {float_only, {steps, F({3, 1, 2}), F({1, 2}), F({1, 2}), F({4, 8}), F({2}), F({2}), F({2}), F({8})}}},
      {"BlockLSTMV2", {float_only, {steps, F({3, 1, 2}), F({1, 2}), F({1, 2}), F({4, 8}), F({2}), F({2}), F({2}), F({8})}}},
      {"BlockLSTMGrad", {lstm, {steps, F({3, 1, 2}), F({1, 2}), F({1, 2}), F({4, 8}), F({2}), F({2}), F({2}), F({8}), seq, seq, seq, seq, seq, seq, seq, seq, seq}}},
      {"BlockLSTMGradV2", {lstm, {steps, F({3, 1, 2}), F({1, 2}), F({1, 2}), F({4, 8}), F({2}), F({2}), F({2}), F({8}), seq, seq, seq, seq, seq, seq, seq, seq, seq}}},
      {"CropAndResize", {float_only, {F({1, 3, 2, 2}), F({2, 4}), I({2}, {0, 0}), I({2}, {2, 3})}}},
      {"CropAndResizeGradBoxes", {float_only, {F({2, 2, 3, 2}), F({1, 3, 2, 2}), F({2, 4}), I({2}, {0, 0})}}},
      {"CropAndResizeGradImage", {float_only, {F({2, 2, 3, 2}), F({2, 4}), I({2}, {0, 0}), I({4}, {1, 3, 2, 2})}}},
      {"Dilation2DBackpropFilter", {dilation, {F({1, 3, 4, 2}), F({2, 2, 2}), F({1, 3, 4, 2})}}},
      {"Dilation2DBackpropInput", {dilation, {F({1, 3, 4, 2}), F({2, 2, 2}), F({1, 3, 4, 2})}}},
      {"DrawBoundingBoxesV2", {float_only, {F({1, 3, 4, 3}), F({1, 2, 4}), F({2, 3})}}},
      {"FusedResizeAndPadConv2D", {{{"T", kF}, {"mode", "REFLECT"}, {"strides", Ints{1, 1, 1, 1}}, {"padding", "SAME"}}, {F({1, 2, 3, 2}), I({2}, {4, 3}), I({4, 2}, {0, 0, 1, 0, 0, 2, 0, 0}), F({2, 2, 2, 3})}}},
      {"GRUBlockCell", {float_only, {F({2, 3}), F({2, 2}), F({5, 4}), F({5, 2}), F({4}), F({2})}}},
      {"GRUBlockCellGrad", {float_only, {F({2, 3}), F({2, 2}), F({5, 4}), F({5, 2}), F({4}), F({2}), F({2, 2}), F({2, 2}), F({2, 2}), F({2, 2})}}},
      {"LSTMBlockCell", {lstm, {F({2, 3}), F({2, 2}), F({2, 2}), F({5, 8}), F({2}), F({2}), F({2}), F({8})}}},
      {"LSTMBlockCellGrad", {lstm, {F({2, 3}), F({2, 2}), F({2, 2}), F({5, 8}), F({2}), F({2}), F({2}), F({8}), F({2, 2}), F({2, 2}), F({2, 2}), F({2, 2}), F({2, 2}), F({2, 2}), F({2, 2}), F({2, 2})}}},
      {"NonMaxSuppressionV2", {threshold, {F({3, 4}), F({3}), I({}, {2}), F({})}}},
      {"NonMaxSuppressionV3", {threshold, {F({3, 4}), F({3}), I({}, {2}), F({}), F({})}}},
      {"NonMaxSuppressionV4", {threshold, {F({3, 4}), F({3}), I({}, {2}), F({}), F({})}}},
      {"NonMaxSuppressionV5", {float_only, {F({3, 4}), F({3}), I({}, {2}), F({}), F({}), F({})}}},
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
