#include "ops/kernels/lstm.h"

#include "core/threads.h"

// g++ 12 takes the undefined registers of its own intrinsics for mistakes (GCC bug 105593), and
// warns that vector types lose their alignment attribute as template arguments, which nothing here
// needs.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"
#include "Eigen/Core"
#include "ops/kernels/gate_math.h"

namespace sluice::kernels {
namespace {

using gate::Packet;
using gate::padd;
using gate::pmadd;
using gate::pmul;
using gate::pset1;
using gate::psub;
using gate::Units;

constexpr double kUnitCost = 3;  // nanoseconds, about

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

// The state of batch entry b.
template <typename T>
T* Row(const LstmCell& cell, int64_t b, T* states) {
  return states == nullptr ? nullptr : states + b * cell.size;
}

template <typename T>
LstmStep<T> RowOf(const LstmCell& cell, int64_t b, const LstmStep<T>& y) {
  return {Row(cell, b, y.i),  Row(cell, b, y.cs), Row(cell, b, y.f), Row(cell, b, y.o),
          Row(cell, b, y.ci), Row(cell, b, y.co), Row(cell, b, y.h)};
}

Packet Clip(const Packet& x, float limit) {
  // NaN stays: the first operand does when the comparison fails.
  using Eigen::internal::pcmp_lt;
  using Eigen::internal::pselect;
  const Packet most = pset1<Packet>(limit), least = pset1<Packet>(-limit);
  const Packet below = pselect(pcmp_lt(most, x), most, x);
  return pselect(pcmp_lt(below, least), least, below);
}

template <bool kPeephole>
void ForwardRow(const LstmCell& cell, const Blocks<const float>& x, const Blocks<const float>& h,
                const Blocks<const float>& bias, const float* cs_prev, const LstmStep<float>& y) {
  const Packet forget_bias = pset1<Packet>(cell.forget_bias);
  gate::ForUnits(0, cell.size, [&](const Units& u) {
    const auto sum = [&](const float* a, const float* b, const float* c) {
      return padd(padd(u.Load(a), u.Load(b)), u.Load(c));
    };
    const Packet before = u.Load(cs_prev);
    Packet i = sum(x.i, h.i, bias.i), f = padd(sum(x.f, h.f, bias.f), forget_bias);
    if (kPeephole) {
      i = pmadd(u.Load(cell.wci), before, i);
      f = pmadd(u.Load(cell.wcf), before, f);
    }
    i = gate::Sigmoid(i);
    f = gate::Sigmoid(f);
    const Packet ci = gate::Tanh(sum(x.c, h.c, bias.c));
    Packet cs = pmadd(ci, i, pmul(before, f));
    if (cell.clip > 0) cs = Clip(cs, cell.clip);
    Packet o = sum(x.o, h.o, bias.o);
    if (kPeephole) o = pmadd(u.Load(cell.wco), cs, o);
    o = gate::Sigmoid(o);
    const Packet co = gate::Tanh(cs);
    u.Store(y.cs, cs);
    u.Store(y.h, pmul(co, o));
    u.StoreIf(y.i, i);
    u.StoreIf(y.f, f);
    u.StoreIf(y.o, o);
    u.StoreIf(y.ci, ci);
    u.StoreIf(y.co, co);
  });
}

// One batch entry's part of the gradients.
struct BackwardRow {
  LstmStep<const float> y;
  const float *cs_prev, *dcs, *dh, *dcs_after, *dh_after;
  Blocks<float> dgates;
  float* dcs_prev;
};

Packet Sum(const Units& u, const float* a, const float* b) {
  const Packet x = a != nullptr ? u.Load(a) : pset1<Packet>(0.0f);
  return b != nullptr ? padd(x, u.Load(b)) : x;
}

template <bool kPeephole>
[[gnu::always_inline]] inline void BackwardUnits(const LstmCell& cell, const BackwardRow& r,
                                                 const Blocks<float>& dbias, const LstmGradients& d,
                                                 const Units& u) {
  const Packet i = u.Load(r.y.i), f = u.Load(r.y.f), o = u.Load(r.y.o);
  const Packet ci = u.Load(r.y.ci), co = u.Load(r.y.co), before = u.Load(r.cs_prev);
  const Packet dh = Sum(u, r.dh, r.dh_after);
  const Packet by_o = pmul(gate::SigmoidSlope(o), pmul(dh, co));
  Packet state = pmadd(gate::TanhSlope(co), pmul(dh, o), Sum(u, r.dcs, r.dcs_after));
  if (kPeephole) state = pmadd(by_o, u.Load(cell.wco), state);
  const Packet by_c = pmul(gate::TanhSlope(ci), pmul(state, i));
  const Packet by_i = pmul(gate::SigmoidSlope(i), pmul(state, ci));
  const Packet by_f = pmul(gate::SigmoidSlope(f), pmul(state, before));
  Packet leaves = pmul(state, f);
  if (kPeephole) {
    leaves = pmadd(by_i, u.Load(cell.wci), pmadd(by_f, u.Load(cell.wcf), leaves));
    if (d.dwci != nullptr) {
      u.AddTo(d.dwci, pmul(by_i, before));
      u.AddTo(d.dwcf, pmul(by_f, before));
      u.AddTo(d.dwco, pmul(by_o, u.Load(r.y.cs)));
    }
  }
  u.Store(r.dcs_prev, leaves);
  u.Store(r.dgates.i, by_i);
  u.Store(r.dgates.c, by_c);
  u.Store(r.dgates.f, by_f);
  u.Store(r.dgates.o, by_o);
  if (d.dbias != nullptr) {
    u.AddTo(dbias.i, by_i);
    u.AddTo(dbias.c, by_c);
    u.AddTo(dbias.f, by_f);
    u.AddTo(dbias.o, by_o);
  }
}

// Units [begin, end) of one batch entry.
template <bool kPeephole>
void BackwardPart(const LstmCell& cell, const BackwardRow& r, const Blocks<float>& dbias,
                  const LstmGradients& d, int64_t begin, int64_t end) {
  gate::ForUnits(begin, end,
                 [&](const Units& u) { BackwardUnits<kPeephole>(cell, r, dbias, d, u); });
}

}  // namespace

void LstmForward(const LstmCell& cell, const float* from_x, const float* from_h, const float* bias,
                 const float* cs_prev, const LstmStep<float>& y) {
  if (cell.size == 0) return;
  const auto row = cell.wci != nullptr ? ForwardRow<true> : ForwardRow<false>;
  const Blocks<const float> biases(cell, bias);
  ParallelFor(cell.batch, GrainFor(kUnitCost * static_cast<double>(cell.size)),
              [&](int64_t begin, int64_t end) {
                for (int64_t b = begin; b < end; ++b) {
                  const int64_t gates = 4 * b * cell.size;
                  row(cell, Blocks<const float>(cell, from_x + gates),
                      Blocks<const float>(cell, from_h + gates), biases, Row(cell, b, cs_prev),
                      RowOf(cell, b, y));
                }
              });
}

// Shared out by units, so that every sum over the batch is made by one thread.
void LstmBackward(const LstmCell& cell, const LstmStep<const float>& y, const float* cs_prev,
                  const LstmGradients& d) {
  const auto part = cell.wci != nullptr ? BackwardPart<true> : BackwardPart<false>;
  const Blocks<float> dbias(cell, d.dbias != nullptr ? d.dbias : d.dgates);
  constexpr int64_t kStrip = 2 * gate::kWidth;
  const int64_t strips = (cell.size + kStrip - 1) / kStrip;
  const double cost = kUnitCost * static_cast<double>(cell.batch * kStrip);
  ParallelFor(strips, GrainFor(cost), [&](int64_t begin, int64_t end) {
    const int64_t last = std::min(end * kStrip, cell.size);
    for (int64_t b = 0; b < cell.batch; ++b) {
      const BackwardRow r = {RowOf(cell, b, y),
                             Row(cell, b, cs_prev),
                             Row(cell, b, d.dcs),
                             Row(cell, b, d.dh),
                             Row(cell, b, d.dcs_after),
                             Row(cell, b, d.dh_after),
                             Blocks<float>(cell, d.dgates + 4 * b * cell.size),
                             Row(cell, b, d.dcs_prev)};
      part(cell, r, dbias, d, begin * kStrip, last);
    }
  });
}

}  // namespace sluice::kernels
