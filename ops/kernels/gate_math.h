// What the gates of recurrent cells are made of, in vector registers: sigmoid and tanh, and loops
// over units. Include only from .cc files, after Eigen/Core.
#ifndef SLUICE_OPS_KERNELS_GATE_MATH_H_
#define SLUICE_OPS_KERNELS_GATE_MATH_H_

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace sluice::kernels::gate {

using Packet = Eigen::internal::packet_traits<float>::type;
inline constexpr int64_t kWidth = Eigen::internal::packet_traits<float>::size;

using Eigen::internal::padd;
using Eigen::internal::pmadd;
using Eigen::internal::pmul;
using Eigen::internal::pset1;
using Eigen::internal::psub;

// 1 / (1 + e^-x): relative error at most about 3e-7 wherever it is no denormal number.
inline Packet Sigmoid(const Packet& x) {
  using namespace Eigen::internal;  // NOLINT
  const Packet one = pset1<Packet>(1.0f);
  return pdiv(one, padd(one, pexp(pnegate(x))));
}

// Relative error at most about 5e-7; NaN gives NaN.
inline Packet Tanh(const Packet& x) {
  using namespace Eigen::internal;  // NOLINT
  return pselect(pcmp_eq(x, x), ptanh(x), x);
}

// a (1 - a) and 1 - a a: their derivatives by what they gave.
inline Packet SigmoidSlope(const Packet& a) { return psub(a, pmul(a, a)); }
inline Packet TanhSlope(const Packet& a) { return psub(pset1<Packet>(1.0f), pmul(a, a)); }

// Numbers k, k + 1, ... of lines of memory: a whole register of them, or the first few.
class Units {
 public:
  Units(int64_t k, int64_t count) : k_(k), count_(count) {}
  Packet Load(const float* line) const {
    if (count_ == kWidth) return Eigen::internal::ploadu<Packet>(line + k_);
    float few[kWidth] = {};
    memcpy(few, line + k_, count_ * sizeof(float));
    return Eigen::internal::ploadu<Packet>(few);
  }
  void Store(float* line, const Packet& x) const {
    if (count_ == kWidth) return Eigen::internal::pstoreu(line + k_, x);
    float few[kWidth];
    Eigen::internal::pstoreu(few, x);
    memcpy(line + k_, few, count_ * sizeof(float));
  }
  // The same where somebody wants it.
  void StoreIf(float* line, const Packet& x) const {
    if (line != nullptr) Store(line, x);
  }
  void AddTo(float* line, const Packet& x) const { Store(line, padd(Load(line), x)); }

 private:
  const int64_t k_, count_;
};

// Calls f(units) for the units [begin, end) of a line.
template <typename F>
void ForUnits(int64_t begin, int64_t end, F f) {
  int64_t k = begin;
  for (; k + kWidth <= end; k += kWidth) f(Units(k, kWidth));
  if (k < end) f(Units(k, end - k));
}

}  // namespace sluice::kernels::gate

#endif  // SLUICE_OPS_KERNELS_GATE_MATH_H_
