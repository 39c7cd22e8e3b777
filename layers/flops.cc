#include "layers/flops.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "graph/op_spec.h"

namespace sluice::layers {
namespace {

TensorShape UnknownAsOne(TensorShape shape) {
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape.dim(i) < 0) shape.set_dim(i, 1);
  }
  return shape;
}

// Rows of a product whose left side a Reshape folded into an unknown dimension, as a Dense layer
// does with inputs of a higher rank: they are counted before it.
int64_t FoldedRows(const Node& product) {
  const TensorShape left = product.input(0).shape();
  const Node& from = *product.input(0).node();
  if (left.rank() != 2 || left.dim(0) >= 0 || left.dim(1) == 0 || from.op() != "Reshape") return 1;
  const int64_t elements = UnknownAsOne(from.input(0).shape()).num_elements();
  return std::max<int64_t>(elements, 0) / std::max<int64_t>(left.dim(1), 1);
}

}  // namespace

bool IsContraction(const Node& node) {
  static const auto& kOps = *new absl::flat_hash_set<std::string>{
      "Conv2D",
      "Conv3D",
      "FusedPadConv2D",
      "Conv2DBackpropInput",
      "Conv3DBackpropInput",
      "Conv3DBackpropInputV2",
      "DepthwiseConv2dNative",
      "LocallyConnected2D",
      "MatMul",
      "BatchMatMul",
      "BatchMatMulV2",
      "SparseMatMul",
  };
  return kOps.contains(node.op());
}

int64_t Flops(const Node& node) {
  const FlopsFn& flops = node.spec().flops();
  if (flops == nullptr) return 0;
  std::vector<TensorShape> inputs, outputs;
  for (int i = 0; i < node.num_inputs(); ++i) inputs.push_back(UnknownAsOne(node.input(i).shape()));
  for (int i = 0; i < node.num_outputs(); ++i)
    outputs.push_back(UnknownAsOne(node.output_shape(i)));
  if (node.op() == "MatMul" && !node.attr<bool>("transpose_a") && outputs[0].rank() == 2) {
    if (node.output_shape(0).dim(0) < 0) outputs[0].set_dim(0, FoldedRows(node));
  }
  return static_cast<int64_t>(flops(node.attrs(), inputs, outputs));
}

}  // namespace sluice::layers
