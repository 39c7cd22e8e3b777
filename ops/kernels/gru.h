// What a GRU cell does element by element, between its matrix products.
#ifndef SLUICE_OPS_KERNELS_GRU_H_
#define SLUICE_OPS_KERNELS_GRU_H_

#include <cstdint>

namespace sluice::kernels {

// `batch` cells of `size` units. Matrices are [batch, size]; those of both gates [batch, 2 * size],
// r before u.
struct GruCell {
  int64_t batch = 0, size = 0;

  int64_t elements() const { return batch * size; }
};

//   r, u = sigmoid(from_x + from_h + bias)    hr = h_prev r
struct GruGates {
  const float *from_x, *from_h;  // [batch, 2 * size]
  const float* bias;             // [2 * size]
  const float* h_prev;
  float *r, *u, *hr;
};
void GruForwardGates(const GruCell& cell, const GruGates& g);

//   c = tanh(from_x + from_h + bias)    h = u h_prev + (1 - u) c
struct GruContent {
  const float *from_x, *from_h;
  const float* bias;  // [size]
  const float *h_prev, *u;
  float *c, *h;
};
void GruForwardContent(const GruCell& cell, const GruContent& g);

// The gradients of c before tanh and of u before sigmoid from that of h. dru_bar [batch, 2 * size]:
// only the half that belongs to u is written.
void GruBackwardContent(const GruCell& cell, const float* h_prev, const float* u, const float* c,
                        const float* dh, float* dc_bar, float* dru_bar);

// The gradient of r before sigmoid (the other half of dru_bar) from that of hr, and what of dh_prev
// does not go through r and u.
void GruBackwardReset(const GruCell& cell, const float* h_prev, const float* r, const float* u,
                      const float* dh, const float* dhr, float* dru_bar, float* dh_prev);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_GRU_H_
