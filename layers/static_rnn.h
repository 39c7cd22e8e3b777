// Recurrent networks unrolled over a list of inputs (tf.nn.static_rnn, rule RN-2).
#ifndef SLUICE_LAYERS_STATIC_RNN_H_
#define SLUICE_LAYERS_STATIC_RNN_H_

#include "layers/rnn_cell.h"

namespace sluice::nn {

struct RnnOutputs {
  Outputs outputs;  // one per step, [batch, cell.OutputSize()]
  Outputs state;    // after the last step
};

// Fields in the order of tf.nn.static_rnn's arguments.
struct StaticRnnOptions {
  Outputs initial_state = {};       // empty: zeros of `dtype`
  DType dtype = DType::kInvalid;    // of the initial state; required without one
  Output sequence_length = {};      // int vector [batch]; empty: every example has all steps
  layers::LayerName scope = "rnn";  // of the variables: "rnn/basic_lstm_cell/kernel"
};

// The cell applied to inputs[0], inputs[1], ..., each [batch, depth], the state handed on; the
// variables are made once. Past an example's sequence_length its outputs are zeros and its state
// stays. On an error (InvalidArgument) all outputs are empty: `inputs must not be empty`; `If there
// is no initial_state, you must give a dtype.`; `sequence_length must be a vector of length
// batch_size`; `Input size (dimension 0 of inputs) must be accessible via shape inference`.
RnnOutputs StaticRnn(At at, layers::RNNCell& cell, const Outputs& inputs,
                     StaticRnnOptions options = {});

struct StaticBidirectionalRnnOptions {
  Outputs initial_state_fw = {};
  Outputs initial_state_bw = {};
  DType dtype = DType::kInvalid;
  Output sequence_length = {};  // the second direction starts at each example's last step
  layers::LayerName scope = "bidirectional_rnn";
};
struct BidirectionalOutputs {
  Outputs outputs;  // per step, both directions side by side
  Outputs output_state_fw, output_state_bw;
};
// Two cells, one from the first input to the last, one from the last to the first; variables below
// "bidirectional_rnn/fw" and "bidirectional_rnn/bw" (tf.nn.static_bidirectional_rnn).
BidirectionalOutputs StaticBidirectionalRnn(At at, layers::RNNCell& cell_fw,
                                            layers::RNNCell& cell_bw, const Outputs& inputs,
                                            StaticBidirectionalRnnOptions options = {});

}  // namespace sluice::nn

#endif  // SLUICE_LAYERS_STATIC_RNN_H_
