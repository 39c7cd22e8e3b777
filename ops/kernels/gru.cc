#include "ops/kernels/gru.h"

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

// Calls f(units, at, gates) for all units of every cell of the batch: `at` is where its row begins
// in a [batch, size] matrix, `gates` in a [batch, 2 * size] one.
template <typename F>
void ForEachUnit(const GruCell& cell, F f) {
  constexpr double kUnitCost = 1.5;  // nanoseconds, about
  if (cell.size == 0) return;
  ParallelFor(cell.batch, GrainFor(kUnitCost * static_cast<double>(cell.size)),
              [&](int64_t begin, int64_t end) {
                for (int64_t b = begin; b < end; ++b) {
                  gate::ForUnits(0, cell.size,
                                 [&](const Units& u) { f(u, b * cell.size, 2 * b * cell.size); });
                }
              });
}

}  // namespace

void GruForwardGates(const GruCell& cell, const GruGates& g) {
  const int64_t size = cell.size;
  ForEachUnit(cell, [&](const Units& units, int64_t at, int64_t gates) {
    const auto sum = [&](int64_t half) {
      return padd(padd(units.Load(g.from_x + gates + half), units.Load(g.from_h + gates + half)),
                  units.Load(g.bias + half));
    };
    const Packet r = gate::Sigmoid(sum(0));
    units.Store(g.r + at, r);
    units.Store(g.u + at, gate::Sigmoid(sum(size)));
    units.Store(g.hr + at, pmul(units.Load(g.h_prev + at), r));
  });
}

void GruForwardContent(const GruCell& cell, const GruContent& g) {
  ForEachUnit(cell, [&](const Units& units, int64_t at, int64_t) {
    const Packet sum =
        padd(padd(units.Load(g.from_x + at), units.Load(g.from_h + at)), units.Load(g.bias));
    const Packet c = gate::Tanh(sum);
    units.Store(g.c + at, c);
    units.Store(g.h + at, pmadd(units.Load(g.u + at), psub(units.Load(g.h_prev + at), c), c));
  });
}

void GruBackwardContent(const GruCell& cell, const float* h_prev, const float* u, const float* c,
                        const float* dh, float* dc_bar, float* dru_bar) {
  const Packet one = pset1<Packet>(1.0f);
  ForEachUnit(cell, [&](const Units& units, int64_t at, int64_t gates) {
    const Packet up = units.Load(u + at), content = units.Load(c + at), d = units.Load(dh + at);
    units.Store(dc_bar + at, pmul(pmul(d, psub(one, up)), gate::TanhSlope(content)));
    units.Store(dru_bar + gates + cell.size,
                pmul(pmul(d, psub(units.Load(h_prev + at), content)), gate::SigmoidSlope(up)));
  });
}

void GruBackwardReset(const GruCell& cell, const float* h_prev, const float* r, const float* u,
                      const float* dh, const float* dhr, float* dru_bar, float* dh_prev) {
  ForEachUnit(cell, [&](const Units& units, int64_t at, int64_t gates) {
    const Packet reset = units.Load(r + at), d = units.Load(dhr + at);
    units.Store(dru_bar + gates, pmul(pmul(d, units.Load(h_prev + at)), gate::SigmoidSlope(reset)));
    units.Store(dh_prev + at, pmadd(d, reset, pmul(units.Load(dh + at), units.Load(u + at))));
  });
}

}  // namespace sluice::kernels
