// Masks over weights, as tf.contrib.model_pruning keeps them: which variables and collections stand
// for a weight that can be pruned. What changes the masks is train/pruning.h.
#ifndef SLUICE_LAYERS_MASKING_H_
#define SLUICE_LAYERS_MASKING_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "graph/at.h"
#include "graph/output.h"
#include "graph/scope.h"
#include "graph/variable.h"

namespace sluice::pruning {

// The four collections (rule PR-2). Entry i of each belongs to the same weight.
inline constexpr char kMaskCollection[] = "masks";                   // variables, 0 or 1
inline constexpr char kThresholdCollection[] = "thresholds";         // scalar variables
inline constexpr char kMaskedWeightCollection[] = "masked_weights";  // tensors: mask * weight
inline constexpr char kWeightCollection[] = "kernel";                // the weights themselves
// The name of the product inside the op scope of its layer.
inline constexpr char kMaskedWeightName[] = "weights/masked_weight";

// tf.contrib.model_pruning.apply_mask (rule PR-1). In the variable scope `scope` below that of `at`
// ("" as TensorFlow takes it: `mask` at the root, `a//mask` in a scope "a") it makes the variables
//   `mask`       shape and dtype of x, ones, not trainable;
//   `threshold`  a scalar of x's dtype, 0, not trainable,
// and returns mask * x, a node "weights/masked_weight" in the op scope of `at`. All four go to
// their collections, unless the mask stands there already, which is so when it is reused. x is a
// weight of known shape and floating dtype; a mask of a partitioned variable is cut by the scope's
// partitioner, alike. Errors on the graph: those of get_variable (the names are taken, unknown
// shape), InvalidArgument for a dtype that is not floating.
Output ApplyMask(At at, const Variable& x, absl::string_view scope = "");
Output ApplyMask(At at, Output x, absl::string_view scope = "");
// The same in a captured variable scope: `conv1/mask` beside `conv1/kernel`.
Output ApplyMask(At at, const Variable& x, const Scope& scope);
Output ApplyMask(At at, Output x, const Scope& scope);

// What the collections hold. GetWeights gives the weights that are variables; one that is a tensor
// stands in kWeightCollection as an Output.
std::vector<Variable> GetMasks(const Graph& graph);
std::vector<Variable> GetThresholds(const Graph& graph);
Outputs GetMaskedWeights(const Graph& graph);
std::vector<Variable> GetWeights(const Graph& graph);
// The share of zeros of each mask: a float32 scalar per mask, in scopes "zero_fraction".
Outputs GetWeightSparsity(At at);
// tf.nn.zero_fraction of any numbers, in the scope "zero_fraction".
Output ZeroFraction(At at, Output value);

// --- for layers that make the variables themselves, in their own order ---
// mask * weight, called "weights/masked_weight" below the scope of `at`.
Output MaskedWeight(At at, const Variable& mask, const Output& weight);
// The four entries, unless the mask has one.
void AddToPruningCollections(Graph& graph, const Variable& mask, const Variable& threshold,
                             const Output& masked_weight, const Variable& weight);
// How a mask and a threshold are made: ones and zeros, not trainable, and without the scope's
// regularizer (which TensorFlow applies to them, a penalty that falls with every pruned weight).
VariableOptions MaskOptions(const TensorShape& shape, DType dtype);
VariableOptions ThresholdOptions(DType dtype);

}  // namespace sluice::pruning

#endif  // SLUICE_LAYERS_MASKING_H_
