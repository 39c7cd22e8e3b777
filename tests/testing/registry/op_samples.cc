#include "tests/testing/registry/op_samples.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/evaluate.h"
#include "ops/fused_elementwise.h"
#include "ops/kernels/unary_math.h"
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
Tensor L(const TensorShape& shape, std::initializer_list<int64_t> values) {
  return Tensor::Of<int64_t>(shape, values);
}
Tensor S(const TensorShape& shape, std::initializer_list<std::string> values) {
  return Tensor::Of<std::string>(shape, values);
}

using Ints = std::vector<int64_t>;
const DType kF = DType::kFloat, kI = DType::kInt32;

// A chain of one step on two elements.
OpTrial Chain(kernels::UnaryFunction function, DType dtype, const TensorShape& result) {
  kernels::TileSteps steps;
  steps.columns = 2;
  steps.inputs = {{dtype}};
  steps.steps = {{{kernels::FindUnary(function, dtype).tile}, {0}, dtype}};
  steps.outputs = {
      {1, result.rank() == 0 ? kernels::TileOutput::kSum : kernels::TileOutput::kWhole}};
  return {ops::ChainAttrs(steps, {result}, "one op"), {Tensor::Zeros(dtype, {2})}};
}

// One line per op that random search does not call with success. Other dtypes follow from it.
// clang-format off
const std::vector<Sample>& Table() {
  static const AttrMap conv = {{"T", kF}, {"strides", Ints{1, 1, 1, 1}}, {"padding", "SAME"}};
  static const AttrMap fused_conv = {{"T", kF}, {"strides", Ints{1, 1, 1, 1}}, {"padding", "SAME"}, {"num_args", int64_t{1}}, {"fused_ops", std::vector<std::string>{"BiasAdd"}}};
  static const AttrMap local = {{"T", kF}, {"ksize", Ints{1, 2, 2, 1}}, {"strides", Ints{1, 1, 1, 1}}, {"padding", "VALID"}};
  static const AttrMap conv3 = {{"T", kF}, {"Tshape", kI}, {"strides", Ints{1, 1, 1, 1, 1}}, {"padding", "SAME"}};
  static const AttrMap conv3_filter = {{"T", kF}, {"strides", Ints{1, 1, 1, 1, 1}}, {"padding", "SAME"}};
  static const AttrMap norm = {{"T", kF}, {"epsilon", 0.5f}};
  static const AttrMap norm_u = {{"T", kF}, {"U", kF}, {"epsilon", 0.5f}};
  static const AttrMap norm_alone = {
      {"T", kF}, {"U", kF}, {"epsilon", 0.5f}, {"num_side_inputs", int64_t{0}}};
  static const AttrMap norm_alone_gradient = {{"T", kF},
                                              {"U", kF},
                                              {"epsilon", 0.5f},
                                              {"num_side_inputs", int64_t{0}},
                                              {"num_more_backprops", int64_t{0}}};
  static const AttrMap float_only = {{"T", kF}};
  static const AttrMap lstm = {{"T", kF}, {"use_peephole", true}};
  static const AttrMap dilation = {{"T", kF}, {"strides", Ints{1, 1, 1, 1}}, {"rates", Ints{1, 1, 2, 1}}, {"padding", "SAME"}};
  static const AttrMap threshold = {{"T", kF}, {"T_threshold", kF}};
  static const Tensor seq = F({3, 1, 2}), steps = Tensor::Scalar<int64_t>(2);
  // A sparse tensor: [[., 1, .], [2, ., .]]; a sparse vector.
  static const Tensor at = L({2, 2}, {0, 1, 1, 0}), in = L({2}, {2, 3}), at1 = L({2, 1}, {0, 2}), in1 = L({1}, {3});
  static const AttrMap reduced = {{"T", kF}, {"keep_dims", true}};
  static const AttrMap united = {{"T", kI}, {"set_operation", "union"}};
  static const AttrMap no_encoding = {{"encoding", ""}};
  static const AttrMap rows = {{"T", kF}, {"Tindices", kI}};
  static const Tensor var = F({3, 2}), two = I({2}, {2, 0});
  static const std::vector<DType> one_float = {kF};
  static const std::vector<TensorShape> one_shape = {{2}};
  static const auto& table = *new std::vector<Sample>{
      {"BatchToSpace", {{{"T", kF}, {"Tidx", kI}, {"block_size", 2}}, {F({4, 1, 2, 1}), I({2, 2}, {0, 0, 1, 0})}}},
      {"BatchToSpaceND", {{{"T", kF}, {"Tblock_shape", kI}, {"Tcrops", kI}}, {F({4, 3}), I({1}, {2}), I({1, 2}, {1, 0})}}},
      {"Conv2DBackpropInput", {conv, {I({4}, {1, 3, 2, 2}), F({2, 2, 2, 3}), F({1, 3, 2, 3})}}},
      {"Conv2DBackpropFilter", {conv, {F({1, 3, 2, 2}), I({4}, {2, 2, 2, 3}), F({1, 3, 2, 3})}}},
      {"DepthwiseConv2dNativeBackpropInput", {conv, {I({4}, {1, 3, 2, 2}), F({2, 2, 2, 2}), F({1, 3, 2, 4})}}},
      {"DepthwiseConv2dNativeBackpropFilter", {conv, {F({1, 3, 2, 2}), I({4}, {2, 2, 2, 2}), F({1, 3, 2, 4})}}},
      {"LocallyConnected2D", {local, {F({1, 3, 2, 2}), F({2, 8, 3})}}},
      {"LocallyConnected2DBackpropInput", {local, {I({4}, {1, 3, 2, 2}), F({2, 8, 3}), F({1, 2, 1, 3})}}},
      {"LocallyConnected2DBackpropFilter", {local, {F({1, 3, 2, 2}), I({3}, {2, 8, 3}), F({1, 2, 1, 3})}}},
      {"Conv3DBackpropInputV2", {conv3, {I({5}, {1, 2, 3, 2, 1}), F({1, 2, 2, 1, 2}), F({1, 2, 3, 2, 2})}}},
      {"Conv3DBackpropFilterV2", {conv3_filter, {F({1, 2, 3, 2, 1}), I({5}, {1, 2, 2, 1, 2}), F({1, 2, 3, 2, 2})}}},
      {"CompareAndBitpack", {{{"T", kF}}, {F({2, 8}), F({})}}},
      {"Einsum", {{{"T", kF}, {"N", 2}, {"equation", "ij,jk->ik"}}, {F({2, 3}), F({3, 2})}}},
      {"SparseSegmentSumWithNumSegments", {{{"T", kF}, {"Tidx", kI}, {"Tnumsegments", kI}}, {F({3, 2}), I({2}, {0, 2}), I({2}, {0, 1}), I({}, {3})}}},
      {"FusedBatchNormGrad", {norm, {F({2, 1, 2, 3}), F({2, 1, 2, 3}), F({3}), F({3}), F({3})}}},
      {"FusedBatchNormGradV2", {norm_u, {F({2, 1, 2, 3}), F({2, 1, 2, 3}), F({3}), F({3}), F({3})}}},
      {"FusedBatchNormGradV3", {norm_u, {F({2, 1, 2, 3}), F({2, 1, 2, 3}), F({3}), F({3}), F({3}), F({3})}}},
      {"_FusedConv2D", {fused_conv, {F({1, 3, 3, 1}), F({2, 2, 1, 2}), F({2})}}},
      {"_FusedDepthwiseConv2dNative", {fused_conv, {F({1, 3, 3, 1}), F({2, 2, 1, 2}), F({2})}}},
      {"_FusedMatMul", {{{"T", kF}, {"num_args", int64_t{1}}, {"fused_ops", std::vector<std::string>{"BiasAdd", "Relu"}}}, {F({2, 3}), F({3, 2}), F({2})}}},
      {"_FusedBatchNormEx", {norm_alone, {F({2, 1, 2, 3}), F({3}), F({3}), F({3}), F({3})}}},
      {"_FusedBatchNormGradEx", {norm_alone_gradient, {F({2, 1, 2, 3}), F({2, 1, 2, 3}), F({3}), F({3}), F({3}), F({}), F({3}), F({2, 1, 2, 3})}}},
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
      {"ResourceSparseApplyAdadelta", {rows, {var, var, var, F({}), F({}), F({}), F({2, 2}), two}}},
      {"SparseApplyAdadelta", {rows, {var, var, var, F({}), F({}), F({}), F({2, 2}), two}}},
      {"ResourceSparseApplyAdagradDA", {rows, {var, var, var, F({2, 2}), two, F({}), F({}), F({}), Tensor::Scalar<int64_t>(2)}}},
      {"SparseApplyAdagradDA", {rows, {var, var, var, F({2, 2}), two, F({}), F({}), F({}), Tensor::Scalar<int64_t>(2)}}},
      {"ResourceSparseApplyRMSProp", {rows, {var, var, var, F({}), F({}), F({}), F({}), F({2, 2}), two}}},
      {"SparseApplyRMSProp", {rows, {var, var, var, F({}), F({}), F({}), F({}), F({2, 2}), two}}},
      {"ResourceSparseApplyCenteredRMSProp", {rows, {var, var, var, var, F({}), F({}), F({}), F({}), F({2, 2}), two}}},
      {"SparseApplyCenteredRMSProp", {rows, {var, var, var, var, F({}), F({}), F({}), F({}), F({2, 2}), two}}},
      {"ResourceSparseApplyFtrl", {rows, {var, var, var, F({2, 2}), two, F({}), F({}), F({}), F({})}}},
      {"SparseApplyFtrl", {rows, {var, var, var, F({2, 2}), two, F({}), F({}), F({}), F({})}}},
      {"ResourceSparseApplyFtrlV2", {rows, {var, var, var, F({2, 2}), two, F({}), F({}), F({}), F({}), F({})}}},
      {"SparseApplyFtrlV2", {rows, {var, var, var, F({2, 2}), two, F({}), F({}), F({}), F({}), F({})}}},
      {"ResourceSparseApplyProximalGradientDescent", {rows, {var, F({}), F({}), F({}), F({2, 2}), two}}},
      {"SparseApplyProximalGradientDescent", {rows, {var, F({}), F({}), F({}), F({2, 2}), two}}},
      {"ResourceSparseApplyProximalAdagrad", {rows, {var, var, F({}), F({}), F({}), F({2, 2}), two}}},
      {"SparseApplyProximalAdagrad", {rows, {var, var, F({}), F({}), F({}), F({2, 2}), two}}},
      {"SparseToDense", {{{"T", kF}, {"Tindices", DType::kInt64}}, {at, in, F({2}), F({})}}},
      {"SparseTensorDenseMatMul", {{{"T", kF}, {"Tindices", DType::kInt64}}, {at, F({2}), in, F({3, 2})}}},
      {"SparseTensorDenseAdd", {{{"T", kF}, {"Tindices", DType::kInt64}}, {at, F({2}), in, F({2, 3})}}},
      {"SparseDenseCwiseMul", {float_only, {at, F({2}), in, F({2, 3})}}},
      {"SparseDenseCwiseDiv", {float_only, {at, F({2}), in, Tensor::Of<float>({3}, {1, 2, 3})}}},
      {"SparseDenseCwiseAdd", {float_only, {at, F({2}), in, F({2, 1})}}},
      {"SparseSoftmax", {float_only, {at, F({2}), in}}},
      {"SparseReduceSum", {reduced, {at, F({2}), in, I({1}, {1})}}},
      {"SparseReduceMax", {reduced, {at, F({2}), in, I({1}, {1})}}},
      {"SparseReduceSumSparse", {reduced, {at, F({2}), in, I({1}, {1})}}},
      {"SparseReduceMaxSparse", {reduced, {at, F({2}), in, I({1}, {1})}}},
      {"SparseReorder", {float_only, {L({2, 2}, {1, 0, 0, 1}), F({2}), in}}},
      {"SparseReshape", {{}, {at, in, L({2}, {3, -1})}}},
      {"SparseConcat", {{{"T", kF}, {"N", 2}, {"concat_dim", 1}}, {at, at, F({2}), F({2}), in, in}}},
      {"SparseSlice", {float_only, {at, F({2}), in, L({2}, {0, 0}), L({2}, {2, 1})}}},
      {"SparseSliceGrad", {float_only, {F({1}), at1, L({1}, {1}), L({1, 1}, {1})}}},
      {"SparseSplit", {{{"T", kF}, {"num_split", 2}}, {Tensor::Scalar<int64_t>(1), at, F({2}), in}}},
      {"SparseAdd", {{{"T", kF}, {"Treal", kF}}, {at1, F({2}), in1, L({1, 1}, {1}), F({1}), in1, F({})}}},
      {"SparseAddGrad", {float_only, {F({2}), at1, L({1, 1}, {1}), at1}}},
      {"SparseSparseMaximum", {float_only, {at1, F({2}), in1, at1, F({2}), in1}}},
      {"SparseSparseMinimum", {float_only, {at1, F({2}), in1, at1, F({2}), in1}}},
      {"SparseFillEmptyRows", {float_only, {at1, F({2}), in1, F({})}}},
      {"SparseFillEmptyRowsGrad", {float_only, {L({2}, {0, 2}), F({3})}}},
      {"DenseToDenseSetOperation", {united, {I({2, 2}, {1, 2, 3, 4}), I({2, 1}, {2, 5})}}},
      {"DenseToSparseSetOperation", {united, {I({2, 2}, {1, 2, 3, 4}), at, I({2}, {1, 2}), in}}},
      {"SparseToSparseSetOperation", {united, {at, I({2}, {1, 2}), in, at, I({2}, {1, 2}), in}}},
      {"SetSize", {{{"T", kI}}, {at, I({2}, {1, 2}), in}}},
      {"RaggedRange", {{{"T", kI}, {"Tsplits", kI}}, {I({2}, {0, 1}), I({2}, {3, 2}), I({}, {1})}}},
      {"StringToNumber", {{{"out_type", kF}}, {S({2}, {"1", "-2"})}}},
      {"StringSplit", {{}, {S({2}, {"a b", "c"}), S({}, {" "})}}},
      {"StringSplitV2", {{}, {S({2}, {"a b", "c"}), S({}, {" "})}}},
      {"ReduceJoin", {{}, {S({2, 1}, {"a", "b"}), I({1}, {0})}}},
      {"StringLower", {no_encoding, {S({1}, {"A"})}}},
      {"StringUpper", {no_encoding, {S({1}, {"a"})}}},
      {"Substr", {{{"T", kI}}, {S({2}, {"hello", "world"}), I({}, {1}), I({}, {2})}}},
      {"DecodeBase64", {{}, {S({1}, {"Zm8"})}}},
      {"RegexFullMatch", {{}, {S({1}, {"aa"}), S({}, {"a*"})}}},
      {"RegexReplace", {{}, {S({1}, {"aa"}), S({}, {"a"}), S({}, {"b"})}}},
      {"StaticRegexFullMatch", {{{"pattern", "a*"}}, {S({1}, {"aa"})}}},
      {"StaticRegexReplace", {{{"pattern", "a"}, {"rewrite", "b"}}, {S({1}, {"aa"})}}},
      {"_FusedElementwise", Chain(kernels::UnaryFunction::kNeg, kF, {2})},
      {"_FusedElementwise", Chain(kernels::UnaryFunction::kNeg, DType::kDouble, {2})},
      {"_FusedElementwise", Chain(kernels::UnaryFunction::kLogicalNot, DType::kBool, {2})},
      {"_FusedReduction", Chain(kernels::UnaryFunction::kNeg, kF, {})},
      {"_FusedReduction", Chain(kernels::UnaryFunction::kNeg, DType::kDouble, {})},
      {"_FusedReduction", Chain(kernels::UnaryFunction::kLogicalNot, DType::kBool, {2})},
      {"DecodeRaw", {{{"out_type", kF}}, {S({1}, {"sixteen bytes..."})}}},
      {"DecodeCompressed", {{{"compression_type", ""}}, {S({1}, {"a"})}}},
      {"ImageSummary", {float_only, {S({}, {"tag"}), F({1, 2, 2, 1})}}},
      {"AudioSummary", {{{"sample_rate", 8000.0f}}, {S({}, {"tag"}), F({1, 4})}}},
      {"AudioSummaryV2", {{}, {S({}, {"tag"}), F({1, 4}), Tensor::Scalar(8000.0f)}}},
      {"TensorSummaryV2", {float_only, {S({}, {"tag"}), F({2}), S({}, {""})}}},
      {"ParseExample", {{{"Nsparse", 1}, {"Ndense", 1}, {"sparse_types", one_float}, {"Tdense", one_float}, {"dense_shapes", one_shape}}, {S({1}, {""}), S({0}, {}), S({}, {"a"}), S({}, {"b"}), F({2})}}},
      {"ParseSingleExample", {{{"num_sparse", 1}, {"sparse_keys", std::vector<std::string>{"a"}}, {"dense_keys", std::vector<std::string>{"b"}}, {"sparse_types", one_float}, {"Tdense", one_float}, {"dense_shapes", one_shape}}, {S({}, {""}), F({2})}}},
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
