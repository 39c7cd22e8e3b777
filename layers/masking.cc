#include "layers/masking.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "graph/collections.h"
#include "graph/graph.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/const.h"
#include "ops/reduction.h"

namespace sluice::pruning {
namespace {

void AddAll(Graph& graph, const Variable& mask, const Variable& threshold,
            const Output& masked_weight, CollectionItem weight) {
  const std::vector<Variable> masks = GetMasks(graph);
  if (mask.empty() || std::find(masks.begin(), masks.end(), mask) != masks.end()) return;
  graph.AddToCollection(kThresholdCollection, threshold);
  graph.AddToCollection(kMaskCollection, mask);
  graph.AddToCollection(kMaskedWeightCollection, masked_weight);
  graph.AddToCollection(kWeightCollection, std::move(weight));
}

// `variables` is the scope of mask and threshold; `weight` is what goes to the collection.
Output Apply(At at, const Output& x, CollectionItem weight, const Scope& variables) {
  if (!at.ok() || x.empty()) return {};
  if (!IsFloating(x.dtype())) {
    return at.Named("").Fail("apply_mask", absl::InvalidArgumentError(absl::StrCat(
                                               "a mask is for floating weights, got ",
                                               DTypeName(x.dtype()), " (", x.name(), ")")));
  }
  const At inside = at.In(variables);
  const Variable mask = GetVariable(inside, "mask", MaskOptions(x.shape(), x.dtype()));
  const Variable threshold = GetVariable(inside, "threshold", ThresholdOptions(x.dtype()));
  if (!at.ok()) return {};
  const Output masked = MaskedWeight(at, mask, x);
  AddAll(at.graph(), mask, threshold, masked, std::move(weight));
  return masked;
}

}  // namespace

VariableOptions MaskOptions(const TensorShape& shape, DType dtype) {
  return {.shape = shape,
          .dtype = dtype,
          .initializer = initializers::Ones(),
          .regularizer = NoRegularizer(),
          .trainable = false};
}

VariableOptions ThresholdOptions(DType dtype) {
  return {.shape = {},
          .dtype = dtype,
          .initializer = initializers::Zeros(),
          .regularizer = NoRegularizer(),
          .trainable = false};
}

Output MaskedWeight(At at, const Variable& mask, const Output& weight) {
  return at.Named(kMaskedWeightName).Node("Mul", {mask, weight});
}

void AddToPruningCollections(Graph& graph, const Variable& mask, const Variable& threshold,
                             const Output& masked_weight, const Variable& weight) {
  AddAll(graph, mask, threshold, masked_weight, weight);
}

Output ApplyMask(At at, const Variable& x, absl::string_view scope) {
  if (!at.ok() || x.empty()) return {};
  return Apply(at, x, x, at.Named("").scope().VariableScope(scope, {}, {at.file(), at.line()}));
}
Output ApplyMask(At at, Output x, absl::string_view scope) {
  if (!at.ok() || x.empty()) return {};
  return Apply(at, x, x, at.Named("").scope().VariableScope(scope, {}, {at.file(), at.line()}));
}
Output ApplyMask(At at, const Variable& x, const Scope& scope) {
  if (!at.ok() || x.empty()) return {};
  return Apply(at, x, x, at.Named("").scope().VariableScope(scope, {}, {at.file(), at.line()}));
}
Output ApplyMask(At at, Output x, const Scope& scope) {
  if (!at.ok() || x.empty()) return {};
  return Apply(at, x, x, at.Named("").scope().VariableScope(scope, {}, {at.file(), at.line()}));
}

std::vector<Variable> GetMasks(const Graph& graph) { return graph.Variables(kMaskCollection); }
std::vector<Variable> GetThresholds(const Graph& graph) {
  return graph.Variables(kThresholdCollection);
}
Outputs GetMaskedWeights(const Graph& graph) { return graph.OutputsIn(kMaskedWeightCollection); }
std::vector<Variable> GetWeights(const Graph& graph) { return graph.Variables(kWeightCollection); }

Output ZeroFraction(At at, Output value) {
  if (!at.ok() || value.empty()) return {};
  const At inside = at.Composite("zero_fraction", {value});
  const Output zero = ops::ConstOf(inside, value.dtype(), 0);
  const Output zeros = ops::Cast(inside, ops::Equal(inside, value, zero), DType::kFloat);
  return ops::Mean(inside, zeros, ops::AllAxes(inside, zeros));
}

Outputs GetWeightSparsity(At at) {
  Outputs all;
  for (const Variable& mask : GetMasks(at.graph())) all.push_back(ZeroFraction(at, mask));
  return all;
}

}  // namespace sluice::pruning
