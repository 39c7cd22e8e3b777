// An LSTM over a whole sequence as one op: BlockLSTM, BlockLSTMV2, and their gradients.
#ifndef SLUICE_OPS_BLOCK_LSTM_H_
#define SLUICE_OPS_BLOCK_LSTM_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct BlockLSTMOptions {
  float forget_bias = 1;
  float cell_clip = 3;  // the state is kept in [-cell_clip, cell_clip] where > 0
  bool use_peephole = false;
};
struct BlockLSTMV2Options {
  float cell_clip = 0;
  bool use_peephole = false;
};
// All [time, batch, cell_size]; see LSTMBlockCellOutputs.
struct BlockLSTMOutputs {
  Output i, cs, f, o, ci, co, h;
};
// LSTMBlockCell (lstm_block.h) for steps 0 ... seq_len_max - 1 (an int64 scalar) of x [time, batch,
// inputs], each from the state and result of the one before, the first from cs_prev and h_prev. The
// steps behind seq_len_max are zeros. InvalidArgument where shapes do not fit, for a seq_len_max
// outside of [0, time]. Gradients: from cs and h only, clipping left out, as in TensorFlow.
// (tf.contrib.rnn.LSTMBlockFusedCell)
BlockLSTMOutputs BlockLSTM(At at, Output seq_len_max, Output x, Output cs_prev, Output h_prev,
                           Output w, Output wci, Output wcf, Output wco, Output b,
                           const BlockLSTMOptions& options = {});
// The same with the columns of w and b in the order i, f, ci, o and without a forget bias.
BlockLSTMOutputs BlockLSTMV2(At at, Output seq_len_max, Output x, Output cs_prev, Output h_prev,
                             Output w, Output wci, Output wcf, Output wco, Output b,
                             const BlockLSTMV2Options& options = {});

// The attr of these ops and their gradients by which plans say which outputs nobody reads, a list
// of their numbers: they are left as they are, and x_grad and w_grad, a product each, not computed.
inline constexpr char kUnusedOutputsAttr[] = "_unused_outputs";

// The gradient ops BlockLSTMGrad and BlockLSTMGradV2 are built by Gradients(): inputs, outputs and
// the gradients of cs and h in, one gradient per input but seq_len_max out.

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BLOCK_LSTM_H_
