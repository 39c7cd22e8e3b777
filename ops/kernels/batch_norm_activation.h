// What batch normalization does to one element, and what may follow. For the .cc files of
// ops/kernels/batch_norm.h.
#ifndef SLUICE_OPS_KERNELS_BATCH_NORM_ACTIVATION_H_
#define SLUICE_OPS_KERNELS_BATCH_NORM_ACTIVATION_H_

#include <optional>

#include "ops/kernels/activations.h"

namespace sluice::kernels {

// The forward and the backward kernel compute this with the same roundings: they agree about its
// sign.
template <typename T>
inline T Normalized(T x, T mean, T factor, T offset) {
  return (x - mean) * factor + offset;
}

// f(z) as in Activate(), and f.Gradient(z, dy) as in ActivateGradient(); z may also be f(z).
struct NoActivation {
  template <typename T>
  T operator()(T z) const {
    return z;
  }
  template <typename T>
  T Gradient(T, T dy) const {
    return dy;
  }
};
struct Relu {
  template <typename T>
  T operator()(T z) const {
    return z < T(0) ? T(0) : z;
  }
  template <typename T>
  T Gradient(T z, T dy) const {
    return z > T(0) ? dy : T(0);
  }
};
struct Relu6 {
  template <typename T>
  T operator()(T z) const {
    return z < T(0) ? T(0) : z > T(6) ? T(6) : z;
  }
  template <typename T>
  T Gradient(T z, T dy) const {
    return (z > T(0)) & (z < T(6)) ? dy : T(0);
  }
};

// Calls body(f). REQUIRES: none, kRelu or kRelu6.
template <typename Body>
void WithActivation(const std::optional<Activation>& activation, const Body& body) {
  if (!activation.has_value()) return body(NoActivation());
  if (*activation == Activation::kRelu) return body(Relu());
  body(Relu6());
}

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_BATCH_NORM_ACTIVATION_H_
