// The cells whose state is their output: BasicRNNCell and GRUCell (tf.nn.rnn_cell, rule RN-1).
#ifndef SLUICE_LAYERS_RNN_BASIC_H_
#define SLUICE_LAYERS_RNN_BASIC_H_

#include <vector>

#include "layers/rnn_cell.h"

namespace sluice::layers {

// Fields in the order of tf.nn.rnn_cell.BasicRNNCell's arguments.
struct BasicRNNCellOptions {
  int64_t num_units = 0;           // required, > 0: width of the state
  Activation activation = "tanh";  // empty: none
  Reuse reuse = Reuse::kInherit;
  LayerName name = {};            // empty: "basic_rnn_cell", ...
  DType dtype = DType::kInvalid;  // of the variables; kInvalid: the input's
  bool trainable = true;

  void Fields(ConfigFields& f);
};

// Elman's: h' = activation([x, h] . kernel + bias); output and state are h'. Variables `kernel`
// [depth + n, n], `bias` [n], zeros at first.
class BasicRNNCell : public LayerOf<BasicRNNCellOptions, RNNCell> {
 public:
  explicit BasicRNNCell(BasicRNNCellOptions options, LayerKind kind = LayerKind::kObject);
  std::vector<int64_t> StateSize() const override { return {options_.num_units}; }
  int64_t OutputSize() const override { return options_.num_units; }

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;

  Variable kernel_, bias_;
};

// Fields in the order of tf.nn.rnn_cell.GRUCell's arguments.
struct GRUCellOptions {
  int64_t num_units = 0;           // required, > 0
  Activation activation = "tanh";  // of the candidate; empty: none
  Reuse reuse = Reuse::kInherit;
  Initializer kernel_initializer = {};  // of both kernels; empty: the variable scope's
  Initializer bias_initializer = {};    // of both biases; empty: ones for the gates (so that the
                                        // state stays at first), zeros for the candidate
  LayerName name = {};                  // empty: "gru_cell", ...
  DType dtype = DType::kInvalid;
  bool trainable = true;

  void Fields(ConfigFields& f);
};

// Gated recurrent unit (Cho et al. 2014):
//   [r, u] = sigmoid([x, h] . gates/kernel + gates/bias)
//   c = activation([x, r h] . candidate/kernel + candidate/bias)
//   h' = u h + (1 - u) c; output and state are h'.
// Variables `gates/kernel` [depth + n, 2 n], `gates/bias` [2 n], `candidate/kernel` [depth + n, n],
// `candidate/bias` [n].
class GRUCell : public LayerOf<GRUCellOptions, RNNCell> {
 public:
  explicit GRUCell(GRUCellOptions options, LayerKind kind = LayerKind::kObject);
  std::vector<int64_t> StateSize() const override { return {options_.num_units}; }
  int64_t OutputSize() const override { return options_.num_units; }

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;

  Variable gate_kernel_, gate_bias_, candidate_kernel_, candidate_bias_;
};

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_RNN_BASIC_H_
