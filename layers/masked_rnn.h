// LSTM cells whose weights are multiplied by a mask (tf.contrib.model_pruning's rnn_cells.py, rule
// PR-7). What changes masks is train/pruning.h.
#ifndef SLUICE_LAYERS_MASKED_RNN_H_
#define SLUICE_LAYERS_MASKED_RNN_H_

#include <vector>

#include "graph/variable.h"
#include "layers/rnn_lstm.h"

namespace sluice::layers {

// Arguments are those of the cells without a mask.
using MaskedBasicLSTMCellOptions = BasicLSTMCellOptions;
using MaskedLSTMCellOptions = LSTMCellOptions;

// BasicLSTMCell with mask * kernel in the product of the gates. After its own variables it makes
// `mask`, of the kernel's shape [depth + n, 4 n], ones, and `threshold`, a scalar 0, both not
// trainable, and the node `weights/masked_weight`, which all steps share. The cell is in the
// collections of layers/masking.h once, however many steps it takes, and so is one that shares its
// variables by name. Default scope "masked_basic_lstm_cell".
class MaskedBasicLSTMCell : public BasicLSTMCell {
 public:
  using Options = MaskedBasicLSTMCellOptions;
  explicit MaskedBasicLSTMCell(Options options, LayerKind kind = LayerKind::kObject);
  const Variable& mask() const { return mask_; }
  const Variable& threshold() const { return threshold_; }

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Output GateKernel(At at) override;

  Variable mask_, threshold_;
  Output masked_kernel_;
};

// LSTMCell likewise. The weights of the projection and of the peepholes have no mask. Default scope
// "masked_lstm_cell".
class MaskedLSTMCell : public LSTMCell {
 public:
  using Options = MaskedLSTMCellOptions;
  explicit MaskedLSTMCell(Options options, LayerKind kind = LayerKind::kObject);
  const Variable& mask() const { return mask_; }
  const Variable& threshold() const { return threshold_; }

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Output GateKernel(At at) override;

  Variable mask_, threshold_;
  Output masked_kernel_;
};

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_MASKED_RNN_H_
