// Activation functions and their derivatives, element by element.
#ifndef SLUICE_OPS_KERNELS_ACTIVATIONS_H_
#define SLUICE_OPS_KERNELS_ACTIVATIONS_H_

#include <cstdint>
#include <optional>

#include "core/dtype.h"
#include "core/kernel.h"

namespace sluice::kernels {

enum class Activation {
  kRelu,       // max(x, 0)
  kRelu6,      // min(max(x, 0), 6)
  kLeakyRelu,  // x where x > 0, else alpha * x
  kElu,        // x where x >= 0, else e^x - 1
  kSelu,  // scale * x where x >= 0, else scale * alpha * (e^x - 1); constants of Klambauer et al.
          // 2017
  kSoftplus,  // ln(1 + e^x)
  kSoftsign,  // x / (1 + |x|)
};

// y[i] = f(x[i]) for i < n, in parallel; y may be x. NaN gives NaN. `alpha` is used by kLeakyRelu
// only. float, double, Half, BFloat16; integers for kRelu and kRelu6.
template <typename T>
void Activate(Activation f, float alpha, const T* x, T* y, int64_t n);

// dx[i] = dy[i] * f'(i); dx may be dy. `at` holds what TensorFlow's gradient op takes: f's output y
// for kElu and kSelu, f's input x for kLeakyRelu, kSoftplus and kSoftsign, either for kRelu and
// kRelu6. At kinks: 0 for kRelu (at 0) and kRelu6 (at 0 and 6), alpha for kLeakyRelu.
template <typename T>
void ActivateGradient(Activation f, float alpha, const T* dy, const T* at, T* dx, int64_t n);

// The same as steps of a chain, of float or double; inputs as above.
std::optional<TileKernel> ActivationTile(Activation f, float alpha, DType dtype);
std::optional<TileKernel> ActivationGradientTile(Activation f, float alpha, DType dtype);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_ACTIVATIONS_H_
