// The update rules of optimizers: one fused loop each over a variable, its slots and its gradient,
// in parallel. Formulas: TensorFlow's training ops (rule book, section 7.2).
#ifndef SLUICE_OPS_KERNELS_OPTIMIZER_UPDATES_H_
#define SLUICE_OPS_KERNELS_OPTIMIZER_UPDATES_H_

#include <cstdint>

#include "core/dtype.h"

namespace sluice {

// The most of anything that a rule has.
inline constexpr int kMaxUpdated = 4;  // the variable and its slots
inline constexpr int kMaxHypers = 7;

// What a rule works on: `count` elements each; no two arrays overlap.
template <typename T>
struct UpdateArguments {
  int64_t count = 0;
  T* updated[kMaxUpdated] =
      {};  // the variable w first, then its slots, in the order of the op's inputs
  const T* gradient = nullptr;  // g
  T hyper[kMaxHypers] = {};     // scalars, in the order of the op's inputs
  bool option = false;          // use_nesterov, or update_slots
};

// A rule's loop over half or bfloat16 arrays, the first `updated` of which it changes: computed in
// float, piece by piece.
template <typename T>
void UpdateNarrow(const UpdateArguments<T>& u, int updated,
                  void (*update)(const UpdateArguments<float>&));

// float and double. In the comments: slots, then hyper-parameters, in their order.

// (alpha): w -= alpha g
template <typename T>
void GradientDescentUpdate(const UpdateArguments<T>& u);
// a (lr, momentum): a = momentum a + g; w -= lr a; nesterov: w -= lr g + lr momentum a
template <typename T>
void MomentumUpdate(const UpdateArguments<T>& u);
// a (lr, momentum): a = momentum a - lr g; w += a; nesterov: w += momentum a - lr g
template <typename T>
void KerasMomentumUpdate(const UpdateArguments<T>& u);
// m v (beta1^t, beta2^t, lr, beta1, beta2, epsilon): alpha = lr sqrt(1 - beta2^t) / (1 - beta1^t);
// m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2); w -= alpha m / (sqrt(v) + epsilon);
// nesterov: w -= alpha (beta1 m + (1 - beta1) g) / (sqrt(v) + epsilon)
template <typename T>
void AdamUpdate(const UpdateArguments<T>& u);
// m v h: as Adam, with h = max(h, v) in the place of v under the root
template <typename T>
void AmsgradUpdate(const UpdateArguments<T>& u);
// m v (beta1^t, lr, beta1, beta2, epsilon): m += (g - m)(1 - beta1); v = max(beta2 v, |g|);
// w -= lr / (1 - beta1^t) m / (v + epsilon)
template <typename T>
void AdaMaxUpdate(const UpdateArguments<T>& u);
// a (lr): a += g^2 if `option`; w -= lr g / sqrt(a)
template <typename T>
void AdagradUpdate(const UpdateArguments<T>& u);
// a (lr, epsilon): a += g^2 if `option`; w -= lr g / (sqrt(a) + epsilon)
template <typename T>
void AdagradV2Update(const UpdateArguments<T>& u);
// s q (lr, l1, l2, t): s += g; q += g^2; w = -lr sign(s) max(|s| - l1 t, 0) / (l2 t lr + sqrt(q))
template <typename T>
void AdagradDaUpdate(const UpdateArguments<T>& u);
// The same but for the rounding, and for t = 0: both divided by t lr.
template <typename T>
void AdagradDaRowsUpdate(const UpdateArguments<T>& u);
// a (lr, l1, l2): a += g^2; then as ProximalGradientDescent with the rate lr / sqrt(a)
template <typename T>
void ProximalAdagradUpdate(const UpdateArguments<T>& u);
// (alpha, l1, l2): v = w - alpha g; w = sign(v) max(|v| - alpha l1, 0) / (1 + alpha l2); where l1
// <= 0, w = v / (1 + alpha l2)
template <typename T>
void ProximalGradientDescentUpdate(const UpdateArguments<T>& u);
// m (lr, alpha, sign_decay, beta): m = beta m + (1 - beta) g; w -= lr (alpha + sign_decay sign(g
// m))
// g
template <typename T>
void AddSignUpdate(const UpdateArguments<T>& u);
// m (lr, logbase, sign_decay, beta): m the same; w -= lr exp(logbase sign_decay sign(g m)) g
template <typename T>
void PowerSignUpdate(const UpdateArguments<T>& u);
// a d (lr, rho, epsilon): a = rho a + (1 - rho) g^2; x = sqrt(d + epsilon) / sqrt(a + epsilon) g;
// w -= lr x; d = rho d + (1 - rho) x^2
template <typename T>
void AdadeltaUpdate(const UpdateArguments<T>& u);
// s m (lr, rho, momentum, epsilon): s += (g^2 - s)(1 - rho); m = momentum m + lr g / sqrt(s +
// epsilon); w -= m
template <typename T>
void RmsPropUpdate(const UpdateArguments<T>& u);
// q s m (as RmsProp): q += (g - q)(1 - rho) besides, and s - q^2 in the place of s under the root
template <typename T>
void CenteredRmsPropUpdate(const UpdateArguments<T>& u);
// n z (lr, l1, l2, [shrinkage,] power): g' = g + 2 shrinkage w; n' = n + g^2;
// z += g' - (n'^-power - n^-power) / lr w;
// w = |z| > l1 ? (sign(z) l1 - z) / (n'^-power / lr + 2 l2) : 0; n = n'
template <typename T>
void FtrlUpdate(const UpdateArguments<T>& u);
template <typename T>
void FtrlV2Update(const UpdateArguments<T>& u);

}  // namespace sluice

#endif  // SLUICE_OPS_KERNELS_OPTIMIZER_UPDATES_H_
