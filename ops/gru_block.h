// One step of a GRU as one op: GRUBlockCell, and its gradient.
#ifndef SLUICE_OPS_GRU_BLOCK_H_
#define SLUICE_OPS_GRU_BLOCK_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// All [batch, cell_size].
struct GRUBlockCellOutputs {
  Output r;  // reset gate
  Output u;  // update gate
  Output c;  // new content
  Output h;  // result
};
// x [batch, inputs], h_prev [batch, cell_size], w_ru [inputs + cell_size, 2 * cell_size], w_c
// [inputs + cell_size, cell_size], b_ru [2 * cell_size], b_c [cell_size] of float:
//   [r, u] = sigmoid([x, h_prev] w_ru + b_ru);   c = tanh([x, h_prev r] w_c + b_c);
//   h = u h_prev + (1 - u) c
// InvalidArgument where shapes do not fit. Gradients: from h only, as in TensorFlow.
// (tf.contrib.rnn.GRUBlockCellV2)
GRUBlockCellOutputs GRUBlockCell(At at, Output x, Output h_prev, Output w_ru, Output w_c,
                                 Output b_ru, Output b_c);

struct GRUBlockCellGradOutputs {
  Output d_x;            // [batch, inputs]
  Output d_h_prev;       // [batch, cell_size]
  Output d_c_bar;        // of c before tanh: [batch, cell_size]
  Output d_r_bar_u_bar;  // of r and u before sigmoid: [batch, 2 * cell_size]
};
GRUBlockCellGradOutputs GRUBlockCellGrad(At at, Output x, Output h_prev, Output w_ru, Output w_c,
                                         Output b_ru, Output b_c, Output r, Output u, Output c,
                                         Output d_h);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_GRU_BLOCK_H_
