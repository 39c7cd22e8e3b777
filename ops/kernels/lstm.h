// What an LSTM cell does element by element, between its matrix products.
#ifndef SLUICE_OPS_KERNELS_LSTM_H_
#define SLUICE_OPS_KERNELS_LSTM_H_

#include <cstdint>

namespace sluice::kernels {

// `batch` cells of `size` units. Matrices of states are [batch, size]; of gates [batch, 4 * size]:
// four blocks of columns, input gate i, new input c, forget gate f, output gate o, in the places
// that the members tell.
struct LstmCell {
  int64_t batch = 0, size = 0;
  int place_c = 1, place_f = 2;  // i is block 0, o block 3
  float forget_bias = 0;
  float clip = 0;  // states are kept in [-clip, clip] where > 0
  // The weights [size] by which the gates see the state; null: they do not.
  const float *wci = nullptr, *wcf = nullptr, *wco = nullptr;

  int64_t elements() const { return batch * size; }
};

// One step's activations: what the ops give as outputs.
template <typename T>
struct LstmStep {
  T *i, *cs, *f, *o, *ci, *co, *h;
};

//   i = sigmoid(gate i + wci cs_prev)    f = sigmoid(gate f + forget_bias + wcf cs_prev)
//   ci = tanh(gate c)                    cs = clip(ci i + cs_prev f)
//   co = tanh(cs)                        o = sigmoid(gate o + wco cs)    h = co o
// where a gate is from_x + from_h + bias. Of y, i, f, o, ci and co may be null: not wanted. y.cs
// may be cs_prev.
void LstmForward(const LstmCell& cell, const float* from_x, const float* from_h, const float* bias,
                 const float* cs_prev, const LstmStep<float>& y);

// Gradients that come to a step and those that leave it. cs and h get the sum of two, one from the
// step's outputs and one from the step after; null: none.
struct LstmGradients {
  const float *dcs = nullptr, *dh = nullptr;              // [batch, size]
  const float *dcs_after = nullptr, *dh_after = nullptr;  // likewise
  float* dgates = nullptr;                                // [batch, 4 * size]
  float* dcs_prev = nullptr;                              // may be dcs_after
  // Sums over the batch that are added to; null: not wanted. The peephole weights' with peepholes.
  float* dbias = nullptr;  // [4 * size]
  float *dwci = nullptr, *dwcf = nullptr, *dwco = nullptr;
};

// Clipping counts as the identity, as in TensorFlow. Uses y.cs only with peepholes, y.h not at all.
// Results do not depend on the number of threads.
void LstmBackward(const LstmCell& cell, const LstmStep<const float>& y, const float* cs_prev,
                  const LstmGradients& d);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_LSTM_H_
