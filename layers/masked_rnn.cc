#include "layers/masked_rnn.h"

#include <utility>

#include "core/status.h"
#include "graph/graph.h"
#include "layers/masking.h"

namespace sluice::layers {
namespace {

// What both cells add to `kernel`; returns their product.
Output AddMask(At at, Layer& cell, const Variable& kernel, Variable* mask, Variable* threshold) {
  *mask = cell.AddVariable(at, "mask", pruning::MaskOptions(kernel.shape(), kernel.dtype()));
  *threshold = cell.AddVariable(at, "threshold", pruning::ThresholdOptions(kernel.dtype()));
  if (!at.ok()) return {};
  const Output product = pruning::MaskedWeight(at, *mask, kernel);
  pruning::AddToPruningCollections(at.graph(), *mask, *threshold, product, kernel);
  return product;
}

}  // namespace

MaskedBasicLSTMCell::MaskedBasicLSTMCell(Options options, LayerKind kind)
    : BasicLSTMCell(kind, "MaskedBasicLSTMCell", std::move(options)) {}

absl::Status MaskedBasicLSTMCell::Build(At at, const std::vector<TensorShape>& inputs) {
  SLUICE_RETURN_IF_ERROR(BasicLSTMCell::Build(at, inputs));
  if (at.ok()) masked_kernel_ = AddMask(at, *this, kernel_, &mask_, &threshold_);
  return absl::OkStatus();
}

Output MaskedBasicLSTMCell::GateKernel(At) { return masked_kernel_; }

MaskedLSTMCell::MaskedLSTMCell(Options options, LayerKind kind)
    : LSTMCell(kind, "MaskedLSTMCell", std::move(options)) {}

absl::Status MaskedLSTMCell::Build(At at, const std::vector<TensorShape>& inputs) {
  SLUICE_RETURN_IF_ERROR(LSTMCell::Build(at, inputs));
  if (at.ok()) masked_kernel_ = AddMask(at, *this, kernel_, &mask_, &threshold_);
  return absl::OkStatus();
}

Output MaskedLSTMCell::GateKernel(At) { return masked_kernel_; }

}  // namespace sluice::layers
