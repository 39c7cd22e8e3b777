// One step of an LSTM as one op: LSTMBlockCell, and its gradient.
#ifndef SLUICE_OPS_LSTM_BLOCK_H_
#define SLUICE_OPS_LSTM_BLOCK_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct LSTMBlockCellOptions {
  float forget_bias = 1;
  float cell_clip = 3;  // the state is kept in [-cell_clip, cell_clip] where > 0
  bool use_peephole = false;
};
// All [batch, cell_size].
struct LSTMBlockCellOutputs {
  Output i;   // input gate
  Output cs;  // state, before tanh
  Output f;   // forget gate
  Output o;   // output gate
  Output ci;  // new input
  Output co;  // tanh of the state
  Output h;   // result
};
// x [batch, inputs], cs_prev and h_prev [batch, cell_size], w [inputs + cell_size, 4 * cell_size],
// b [4 * cell_size] of half or float; wci, wcf, wco [cell_size] count with use_peephole only. The
// columns of w and b are i, ci, f, o:
//   [i, ci, f, o] = [x, h_prev] w + b;   f += forget_bias;
//   i, f = sigmoid(i + cs_prev wci), sigmoid(f + cs_prev wcf);   ci = tanh(ci);
//   cs = clip(ci i + cs_prev f);   o = sigmoid(o + cs wco);   co = tanh(cs);   h = co o
// InvalidArgument where shapes do not fit. Gradients: from cs and h only, clipping left out, as in
// TensorFlow. (tf.contrib.rnn.LSTMBlockCell)
LSTMBlockCellOutputs LSTMBlockCell(At at, Output x, Output cs_prev, Output h_prev, Output w,
                                   Output wci, Output wcf, Output wco, Output b,
                                   const LSTMBlockCellOptions& options = {});

struct LSTMBlockCellGradOutputs {
  Output cs_prev_grad;  // [batch, cell_size]
  Output dicfo;         // of the gates before their activations: [batch, 4 * cell_size]
  Output wci_grad;      // [cell_size], zeros without peephole
  Output wcf_grad;
  Output wco_grad;
};
LSTMBlockCellGradOutputs LSTMBlockCellGrad(At at, Output x, Output cs_prev, Output h_prev, Output w,
                                           Output wci, Output wcf, Output wco, Output b, Output i,
                                           Output cs, Output f, Output o, Output ci, Output co,
                                           Output cs_grad, Output h_grad, bool use_peephole);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_LSTM_BLOCK_H_
