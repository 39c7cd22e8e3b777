#include "layers/flops.h"

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "core/attr_value.h"

namespace sluice::layers {
namespace {

TensorShape InputShape(const Node& node, int i) {
  return i < node.num_inputs() ? node.input(i).shape() : TensorShape::Unknown();
}
TensorShape OutputShape(const Node& node) {
  return node.num_outputs() > 0 ? node.output_shape(0) : TensorShape::Unknown();
}

int64_t Dim(const TensorShape& shape, int i) {
  const bool there = shape.rank_known() && i < shape.rank() && -i <= shape.rank();
  return there && shape.dim(i) >= 0 ? shape.dim(i) : 1;
}
// Elements; 0 for an unknown rank.
int64_t Count(const TensorShape& shape) {
  if (!shape.rank_known()) return 0;
  int64_t count = 1;
  for (int i = 0; i < shape.rank(); ++i) count *= Dim(shape, i);
  return count;
}

// --- contractions ---

// Every output element is a sum over the filter's taps and input channels.
int64_t Convolution(const Node& node, int) {
  const TensorShape filter = InputShape(node, 1);
  const int64_t outputs = Dim(filter, -1);
  return outputs == 0 ? 0 : 2 * Count(OutputShape(node)) * (Count(filter) / outputs);
}
// The other way round: every element of out_backprop goes to the taps and channels of the output.
int64_t TransposedConvolution(const Node& node, int) {
  const TensorShape filter = InputShape(node, 1);
  const int64_t inputs = Dim(filter, -1);
  return inputs == 0 ? 0 : 2 * Count(InputShape(node, 2)) * (Count(filter) / inputs);
}
int64_t Depthwise(const Node& node, int) {
  const TensorShape filter = InputShape(node, 1);
  return 2 * Count(OutputShape(node)) * Dim(filter, 0) * Dim(filter, 1);
}
// No weight is shared between positions: every one is used once per example.
int64_t LocallyConnected(const Node& node, int) {
  return 2 * Dim(InputShape(node, 0), 0) * Count(InputShape(node, 1));
}
bool Flag(const Node& node, const char* name) {
  const AttrValue* value = FindAttr(node.attrs(), name);
  const bool* flag = value == nullptr ? nullptr : value->get_if<bool>();
  return flag != nullptr && *flag;
}
// Elements of a product's left side. Rows that a Reshape folded into an unknown dimension, as a
// Dense layer does with inputs of a higher rank, are counted before it.
int64_t LeftElements(const Node& node) {
  const TensorShape left = InputShape(node, 0);
  const Node* from = node.num_inputs() > 0 ? node.input(0).node() : nullptr;
  if (left.rank() == 2 && left.dim(0) < 0 && from->op() == "Reshape")
    return Count(InputShape(*from, 0));
  return Count(left);
}
int64_t Product(const Node& node, int) {
  const bool transposed = Flag(node, "transpose_a") || Flag(node, "adj_x");
  if (!transposed && node.op() == "MatMul")
    return 2 * LeftElements(node) * Dim(OutputShape(node), -1);
  return 2 * Count(OutputShape(node)) * Dim(InputShape(node, 0), transposed ? -2 : -1);
}

// --- the rest; `per` from the table ---

int64_t PerOutput(const Node& node, int per) { return per * Count(OutputShape(node)); }
int64_t PerInput(const Node& node, int per) { return per * Count(InputShape(node, 0)); }
int64_t SumOfMany(const Node& node, int) {
  return (node.num_inputs() - 1) * Count(OutputShape(node));
}
int64_t Pooling(const Node& node, int) {
  const AttrValue* value = FindAttr(node.attrs(), "ksize");
  const auto* window = value == nullptr ? nullptr : value->get_if<std::vector<int64_t>>();
  if (window == nullptr) return 0;
  int64_t area = 1;
  for (const int64_t size : *window) area *= size;
  return area * Count(OutputShape(node));
}
// A sum, and for the mean one division per output.
int64_t Reduction(const Node& node, int divisions) {
  const int64_t in = Count(InputShape(node, 0)), out = Count(OutputShape(node));
  return in - out + divisions * out;
}

struct Cost {
  int64_t (*flops)(const Node& node, int per);
  int per = 1;
};

const absl::flat_hash_map<std::string, Cost>& Contractions() {
  static const auto& table = *new absl::flat_hash_map<std::string, Cost>{
      {"Conv2D", {Convolution}},
      {"Conv3D", {Convolution}},
      {"FusedPadConv2D", {Convolution}},
      {"Conv2DBackpropInput", {TransposedConvolution}},
      {"Conv3DBackpropInput", {TransposedConvolution}},
      {"Conv3DBackpropInputV2", {TransposedConvolution}},
      {"DepthwiseConv2dNative", {Depthwise}},
      {"LocallyConnected2D", {LocallyConnected}},
      {"MatMul", {Product}},
      {"BatchMatMul", {Product}},
      {"BatchMatMulV2", {Product}},
      {"SparseMatMul", {Product}},
  };
  return table;
}

const absl::flat_hash_map<std::string, Cost>& Others() {
  static const auto& table = *[] {
    auto* all = new absl::flat_hash_map<std::string, Cost>{
        {"Softmax", {PerOutput, 5}},
        {"LogSoftmax", {PerOutput, 5}},
        {"SquaredDifference", {PerOutput, 2}},
        {"Rsqrt", {PerOutput, 2}},
        {"FusedBatchNorm", {PerInput, 2}},
        {"FusedBatchNormV2", {PerInput, 2}},
        {"FusedBatchNormV3", {PerInput, 2}},
        {"BatchNormWithGlobalNormalization", {PerInput, 2}},
        {"L2Loss", {PerInput, 3}},
        {"AddN", {SumOfMany}},
        {"MaxPool", {Pooling}},
        {"AvgPool", {Pooling}},
        {"MaxPool3D", {Pooling}},
        {"AvgPool3D", {Pooling}},
        {"Sum", {Reduction, 0}},
        {"Max", {Reduction, 0}},
        {"Min", {Reduction, 0}},
        {"Prod", {Reduction, 0}},
        {"Mean", {Reduction, 1}},
    };
    for (const char* op :
         {"Add",     "AddV2",   "Sub",        "Mul",      "Div",      "RealDiv",   "DivNoNan",
          "Maximum", "Minimum", "Pow",        "Neg",      "Abs",      "Square",    "Sqrt",
          "Exp",     "Expm1",   "Log",        "Log1p",    "Sigmoid",  "Tanh",      "Sin",
          "Cos",     "Erf",     "Reciprocal", "Inv",      "BiasAdd",  "BiasAddV1", "Relu",
          "Relu6",   "Elu",     "Selu",       "Softplus", "Softsign", "LeakyRelu"})
      (*all)[op] = {PerOutput, 1};
    return all;
  }();
  return table;
}

}  // namespace

bool IsContraction(const Node& node) { return Contractions().contains(node.op()); }

int64_t Flops(const Node& node) {
  for (const auto* table : {&Contractions(), &Others()}) {
    const auto found = table->find(node.op());
    if (found != table->end()) return found->second.flops(node, found->second.per);
  }
  return 0;
}

}  // namespace sluice::layers
