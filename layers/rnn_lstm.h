// Long short-term memory cells (tf.nn.rnn_cell.BasicLSTMCell and LSTMCell, rule RN-1).
#ifndef SLUICE_LAYERS_RNN_LSTM_H_
#define SLUICE_LAYERS_RNN_LSTM_H_

#include <optional>
#include <vector>

#include "layers/rnn_cell.h"

namespace sluice::layers {

// Fields in the order of tf.nn.rnn_cell.BasicLSTMCell's arguments.
struct BasicLSTMCellOptions {
  int64_t num_units = 0;       // required, > 0
  double forget_bias = 1;      // added to the forget gate, so that it stays open at first
  bool state_is_tuple = true;  // the state is {c, h}; false: one tensor, c and h side by side
  Activation activation = "tanh";
  Reuse reuse = Reuse::kInherit;
  LayerName name = {};            // empty: "basic_lstm_cell", ...
  DType dtype = DType::kInvalid;  // of the variables; kInvalid: the input's
  bool trainable = true;

  void Fields(ConfigFields& f);
};

// Without peepholes, clipping and projection (Zaremba et al. 2014):
//   [i, j, f, o] = [x, h] . kernel + bias, in this order
//   c' = c sigmoid(f + forget_bias) + sigmoid(i) activation(j)
//   h' = activation(c') sigmoid(o); the output is h'.
// Variables `kernel` [depth + n, 4 n], `bias` [4 n], zeros at first.
class BasicLSTMCell : public LayerOf<BasicLSTMCellOptions, RNNCell> {
 public:
  explicit BasicLSTMCell(BasicLSTMCellOptions options, LayerKind kind = LayerKind::kObject);
  std::vector<int64_t> StateSize() const override;
  int64_t OutputSize() const override { return options_.num_units; }
  std::vector<bool> IsMemory() const override;

 protected:
  // For cells that are this one with another kernel in the product.
  BasicLSTMCell(LayerKind kind, const char* class_name, BasicLSTMCellOptions options);
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
  // What [x, h] is multiplied with, at every step. Unless overridden: the kernel.
  virtual Output GateKernel(At at);

  Variable kernel_, bias_;
};

// Fields in the order of tf.nn.rnn_cell.LSTMCell's arguments.
struct LSTMCellOptions {
  int64_t num_units = 0;                        // required, > 0: width of c
  bool use_peepholes = false;                   // the gates see c, through a weight per unit
  std::optional<double> cell_clip = {};         // c is clipped to [-cell_clip, cell_clip]
  Initializer initializer = {};                 // of all weights; empty: the variable scope's
  std::optional<int64_t> num_proj = {};         // width of h after a projection; none: num_units
  std::optional<double> proj_clip = {};         // with num_proj: h is clipped likewise
  std::optional<int64_t> num_unit_shards = {};  // parts of the kernel; deprecated in TensorFlow
  std::optional<int64_t> num_proj_shards = {};  // parts of the projection's
  double forget_bias = 1;
  bool state_is_tuple = true;
  Activation activation = "tanh";
  Reuse reuse = Reuse::kInherit;
  LayerName name = {};  // empty: "lstm_cell", ...
  DType dtype = DType::kInvalid;
  bool trainable = true;

  void Fields(ConfigFields& f);
};

// The full cell (Sak et al. 2014), p = num_proj or n:
//   [i, j, f, o] = [x, h] . kernel + bias
//   c' = clip(sigmoid(f + forget_bias + w_f_diag c) c + sigmoid(i + w_i_diag c) activation(j))
//   h' = sigmoid(o + w_o_diag c') activation(c'), then clip(h' . projection/kernel)
// Variables `kernel` [depth + p, 4 n], `bias` [4 n], `w_f_diag`, `w_i_diag`, `w_o_diag` [n],
// `projection/kernel` [n, p].
class LSTMCell : public LayerOf<LSTMCellOptions, RNNCell> {
 public:
  explicit LSTMCell(LSTMCellOptions options, LayerKind kind = LayerKind::kObject);
  std::vector<int64_t> StateSize() const override;
  int64_t OutputSize() const override { return options_.num_proj.value_or(options_.num_units); }
  std::vector<bool> IsMemory() const override;

 protected:
  LSTMCell(LayerKind kind, const char* class_name, LSTMCellOptions options);
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
  // What [x, h] is multiplied with, at every step. Unless overridden: the kernel.
  virtual Output GateKernel(At at);

  Variable kernel_, bias_;

 private:
  // {c, h} out of the state, and back.
  Outputs Unpacked(At at, const Outputs& inputs) const;
  Output NextMemory(At at, const Outputs& gates, const Output& c) const;
  Output NextOutput(At at, const Output& o, const Output& c) const;

  Variable w_f_diag_, w_i_diag_, w_o_diag_, projection_;
};

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_RNN_LSTM_H_
