#include "ops/kernels/lstm.h"

#include <algorithm>

#include "core/threads.h"
#include "ops/kernels/simd_math.h"

namespace sluice::kernels {
namespace {

constexpr double kUnitCost = 10;  // nanoseconds, about

// Calls row(b) for every cell of the batch.
template <typename Row>
void ForEachCell(const LstmCell& cell, Row row) {
  if (cell.size == 0) return;
  ParallelFor(cell.batch, GrainFor(kUnitCost * static_cast<double>(cell.size)),
              [&](int64_t begin, int64_t end) {
                for (int64_t b = begin; b < end; ++b) row(b);
              });
}

float Sigmoid(float x) { return 1 / (1 + expf(-x)); }

// The four blocks of a row of gates.
template <typename T>
struct Blocks {
  Blocks(const LstmCell& cell, T* gates)
      : i(gates),
        c(gates + cell.place_c * cell.size),
        f(gates + cell.place_f * cell.size),
        o(gates + 3 * cell.size) {}
  T *i, *c, *f, *o;
};

// from_x + from_h + bias, in the place of y's i, ci, f and o.
void AddGates(const LstmCell& cell, int64_t b, const float* from_x, const float* from_h,
              const float* bias, const LstmStep<float>& y) {
  const Blocks<const float> x(cell, from_x + 4 * b * cell.size);
  const Blocks<const float> h(cell, from_h + 4 * b * cell.size), more(cell, bias);
  const int64_t first = b * cell.size;
  for (int64_t k = 0; k < cell.size; ++k) {
    y.i[first + k] = x.i[k] + h.i[k] + more.i[k];
    y.ci[first + k] = x.c[k] + h.c[k] + more.c[k];
    y.f[first + k] = x.f[k] + h.f[k] + more.f[k] + cell.forget_bias;
    y.o[first + k] = x.o[k] + h.o[k] + more.o[k];
  }
}

void Activate(const LstmCell& cell, int64_t b, const float* cs_prev, const LstmStep<float>& y) {
  const bool peephole = cell.wci != nullptr;
  const int64_t first = b * cell.size;
  float *i = y.i + first, *cs = y.cs + first, *f = y.f + first, *o = y.o + first;
  float *ci = y.ci + first, *co = y.co + first, *h = y.h + first;
  const float* before = cs_prev + first;
  if (peephole) {
    for (int64_t k = 0; k < cell.size; ++k) {
      i[k] += cell.wci[k] * before[k];
      f[k] += cell.wcf[k] * before[k];
    }
  }
#pragma omp simd
  for (int64_t k = 0; k < cell.size; ++k) {
    i[k] = Sigmoid(i[k]);
    f[k] = Sigmoid(f[k]);
    ci[k] = tanhf(ci[k]);
    cs[k] = ci[k] * i[k] + before[k] * f[k];
  }
  if (cell.clip > 0) {
    for (int64_t k = 0; k < cell.size; ++k) cs[k] = std::clamp(cs[k], -cell.clip, cell.clip);
  }
  if (peephole) {
    for (int64_t k = 0; k < cell.size; ++k) o[k] += cell.wco[k] * cs[k];
  }
#pragma omp simd
  for (int64_t k = 0; k < cell.size; ++k) {
    co[k] = tanhf(cs[k]);
    o[k] = Sigmoid(o[k]);
    h[k] = co[k] * o[k];
  }
}

}  // namespace

void LstmForward(const LstmCell& cell, const float* from_x, const float* from_h, const float* bias,
                 const float* cs_prev, const LstmStep<float>& y) {
  ForEachCell(cell, [&](int64_t b) {
    AddGates(cell, b, from_x, from_h, bias, y);
    Activate(cell, b, cs_prev, y);
  });
}

void LstmBackward(const LstmCell& cell, const LstmStep<const float>& y, const float* cs_prev,
                  const float* dcs, const float* dh, float* dgates, float* dcs_prev) {
  const bool peephole = cell.wci != nullptr;
  ForEachCell(cell, [&](int64_t b) {
    const Blocks<float> d(cell, dgates + 4 * b * cell.size);
    for (int64_t k = 0, at = b * cell.size; k < cell.size; ++k, ++at) {
      const float i = y.i[at], f = y.f[at], o = y.o[at], ci = y.ci[at], co = y.co[at];
      const float by_o = o * (1 - o) * dh[at] * co;
      float state = (1 - co * co) * dh[at] * o + dcs[at];
      if (peephole) state += by_o * cell.wco[k];
      const float by_i = i * (1 - i) * state * ci, by_f = f * (1 - f) * state * cs_prev[at];
      d.c[k] = (1 - ci * ci) * state * i;
      d.i[k] = by_i;
      d.f[k] = by_f;
      d.o[k] = by_o;
      dcs_prev[at] = state * f;
      if (peephole) dcs_prev[at] += by_i * cell.wci[k] + by_f * cell.wcf[k];
    }
  });
}

void LstmPeepholeGradient(const LstmCell& cell, const float* cs_prev, const float* cs,
                          const float* dgates, float* dwci, float* dwcf, float* dwco) {
  for (int64_t b = 0; b < cell.batch; ++b) {
    const Blocks<const float> d(cell, dgates + 4 * b * cell.size);
    for (int64_t k = 0, at = b * cell.size; k < cell.size; ++k, ++at) {
      dwci[k] += d.i[k] * cs_prev[at];
      dwcf[k] += d.f[k] * cs_prev[at];
      dwco[k] += d.o[k] * cs[at];
    }
  }
}

}  // namespace sluice::kernels
