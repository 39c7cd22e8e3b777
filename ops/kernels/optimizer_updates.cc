#include "ops/kernels/optimizer_updates.h"

#include <algorithm>
#include <cmath>

#include "core/threads.h"
#include "ops/kernels/narrow_float.h"

namespace sluice {
namespace {

// Calls element(i) for every index, vectorized and in parallel; `streams` arrays of T are read or
// written, at about 30 bytes per nanosecond and core.
template <typename T, typename F>
void ForEach(const UpdateArguments<T>& u, int streams, F element) {
  const double nanoseconds = static_cast<double>(sizeof(T)) * streams / 30;
  ParallelFor(u.count, GrainFor(nanoseconds), [&](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) element(i);
  });
}

template <typename T>
T Sign(T x) {
  return static_cast<T>((x > 0) - (x < 0));
}

}  // namespace

template <typename T>
void UpdateNarrow(const UpdateArguments<T>& u, int updated,
                  void (*update)(const UpdateArguments<float>&)) {
  constexpr int64_t kPiece = 512;
  ParallelFor((u.count + kPiece - 1) / kPiece, 8, [&](int64_t begin, int64_t end) {
    float arrays[kMaxUpdated + 1][kPiece];
    UpdateArguments<float> piece;
    piece.option = u.option;
    piece.gradient = arrays[kMaxUpdated];
    for (int h = 0; h < kMaxHypers; ++h) piece.hyper[h] = kernels::Widen(u.hyper[h]);
    for (int k = 0; k < updated; ++k) piece.updated[k] = arrays[k];
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p * kPiece, count = std::min(kPiece, u.count - first);
      piece.count = count;
      const auto widen = [&](const T* from, float* to) {
        for (int64_t i = 0; i < count; ++i) to[i] = kernels::Widen(from[first + i]);
      };
      widen(u.gradient, arrays[kMaxUpdated]);
      for (int k = 0; k < updated; ++k) widen(u.updated[k], arrays[k]);
      update(piece);
      for (int k = 0; k < updated; ++k) {
        for (int64_t i = 0; i < count; ++i) {
          kernels::NarrowTo(arrays[k][i], u.updated[k] + first + i);
        }
      }
    }
  });
}

template <typename T>
void GradientDescentUpdate(const UpdateArguments<T>& u) {
  T* w = u.updated[0];
  const T* g = u.gradient;
  const T alpha = u.hyper[0];
  ForEach(u, 3, [=](int64_t i) { w[i] -= alpha * g[i]; });
}

template <typename T>
void MomentumUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *a = u.updated[1];
  const T* g = u.gradient;
  const T lr = u.hyper[0], momentum = u.hyper[1];
  if (u.option) {
    ForEach(u, 5, [=](int64_t i) {
      const T next = momentum * a[i] + g[i];
      a[i] = next;
      w[i] -= lr * g[i] + lr * momentum * next;
    });
  } else {
    ForEach(u, 5, [=](int64_t i) {
      const T next = momentum * a[i] + g[i];
      a[i] = next;
      w[i] -= lr * next;
    });
  }
}

template <typename T>
void KerasMomentumUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *a = u.updated[1];
  const T* g = u.gradient;
  const T lr = u.hyper[0], momentum = u.hyper[1];
  if (u.option) {
    ForEach(u, 5, [=](int64_t i) {
      const T next = momentum * a[i] - lr * g[i];
      a[i] = next;
      w[i] += momentum * next - lr * g[i];
    });
  } else {
    ForEach(u, 5, [=](int64_t i) {
      const T next = momentum * a[i] - lr * g[i];
      a[i] = next;
      w[i] += next;
    });
  }
}

template <typename T>
void AdamUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *m = u.updated[1], *v = u.updated[2];
  const T* g = u.gradient;
  const T beta1_power = u.hyper[0], beta2_power = u.hyper[1], lr = u.hyper[2];
  const T beta1 = u.hyper[3], beta2 = u.hyper[4], epsilon = u.hyper[5];
  const T alpha = lr * std::sqrt(1 - beta2_power) / (1 - beta1_power);
  if (u.option) {
    ForEach(u, 7, [=](int64_t i) {
      const T mean = m[i] + (g[i] - m[i]) * (1 - beta1);
      const T square = v[i] + (g[i] * g[i] - v[i]) * (1 - beta2);
      m[i] = mean;
      v[i] = square;
      w[i] -= alpha * (beta1 * mean + (1 - beta1) * g[i]) / (std::sqrt(square) + epsilon);
    });
  } else {
    ForEach(u, 7, [=](int64_t i) {
      const T mean = m[i] + (g[i] - m[i]) * (1 - beta1);
      const T square = v[i] + (g[i] * g[i] - v[i]) * (1 - beta2);
      m[i] = mean;
      v[i] = square;
      w[i] -= alpha * mean / (std::sqrt(square) + epsilon);
    });
  }
}

template <typename T>
void AdaMaxUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *m = u.updated[1], *v = u.updated[2];
  const T* g = u.gradient;
  const T alpha = u.hyper[1] / (1 - u.hyper[0]);
  const T beta1 = u.hyper[2], beta2 = u.hyper[3], epsilon = u.hyper[4];
  ForEach(u, 7, [=](int64_t i) {
    const T mean = m[i] + (g[i] - m[i]) * (1 - beta1);
    const T largest = std::max(beta2 * v[i], std::abs(g[i]));
    m[i] = mean;
    v[i] = largest;
    w[i] -= alpha * mean / (largest + epsilon);
  });
}

template <typename T>
void AmsgradUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *m = u.updated[1], *v = u.updated[2], *h = u.updated[3];
  const T* g = u.gradient;
  const T beta1_power = u.hyper[0], beta2_power = u.hyper[1], lr = u.hyper[2];
  const T beta1 = u.hyper[3], beta2 = u.hyper[4], epsilon = u.hyper[5];
  const T alpha = lr * std::sqrt(1 - beta2_power) / (1 - beta1_power);
  ForEach(u, 9, [=](int64_t i) {
    const T mean = m[i] + (g[i] - m[i]) * (1 - beta1);
    const T square = v[i] + (g[i] * g[i] - v[i]) * (1 - beta2);
    const T largest = std::max(h[i], square);
    m[i] = mean;
    v[i] = square;
    h[i] = largest;
    w[i] -= alpha * mean / (std::sqrt(largest) + epsilon);
  });
}

template <typename T>
void AdagradUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *a = u.updated[1];
  const T* g = u.gradient;
  const T lr = u.hyper[0];
  const bool grow = u.option;
  ForEach(u, 5, [=](int64_t i) {
    const T sum = grow ? a[i] + g[i] * g[i] : a[i];
    a[i] = sum;
    w[i] -= lr * g[i] / std::sqrt(sum);
  });
}

template <typename T>
void AdagradV2Update(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *a = u.updated[1];
  const T* g = u.gradient;
  const T lr = u.hyper[0], epsilon = u.hyper[1];
  const bool grow = u.option;
  ForEach(u, 5, [=](int64_t i) {
    const T sum = grow ? a[i] + g[i] * g[i] : a[i];
    a[i] = sum;
    w[i] -= lr * g[i] / (std::sqrt(sum) + epsilon);
  });
}

template <typename T>
void AdagradDaUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *s = u.updated[1], *q = u.updated[2];
  const T* g = u.gradient;
  const T lr = u.hyper[0], l1 = u.hyper[1], l2 = u.hyper[2], step = u.hyper[3];
  const bool shrink = l1 > 0;
  ForEach(u, 7, [=](int64_t i) {
    const T sum = s[i] + g[i], squares = q[i] + g[i] * g[i];
    const T pull = shrink ? Sign(sum) * std::max(std::abs(sum) - l1 * step, T(0)) : sum;
    s[i] = sum;
    q[i] = squares;
    w[i] = -lr * pull / (l2 * step * lr + std::sqrt(squares));
  });
}

template <typename T>
void AdagradDaRowsUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *s = u.updated[1], *q = u.updated[2];
  const T* g = u.gradient;
  const T lr = u.hyper[0], l1 = u.hyper[1], l2 = u.hyper[2], step = u.hyper[3];
  const bool shrink = l1 > 0;
  ForEach(u, 7, [=](int64_t i) {
    const T sum = s[i] + g[i], squares = q[i] + g[i] * g[i];
    const T pull = shrink ? Sign(sum) * std::max(std::abs(sum) / step - l1, T(0)) : sum / step;
    s[i] = sum;
    q[i] = squares;
    w[i] = -pull / (l2 + std::sqrt(squares) / (step * lr));
  });
}

template <typename T>
void ProximalGradientDescentUpdate(const UpdateArguments<T>& u) {
  T* w = u.updated[0];
  const T* g = u.gradient;
  const T alpha = u.hyper[0], l1 = u.hyper[1], l2 = u.hyper[2];
  const bool shrink = l1 > 0;
  ForEach(u, 3, [=](int64_t i) {
    const T v = w[i] - alpha * g[i];
    const T pulled = shrink ? Sign(v) * std::max(std::abs(v) - alpha * l1, T(0)) : v;
    w[i] = pulled / (1 + l2 * alpha);
  });
}

template <typename T>
void ProximalAdagradUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *a = u.updated[1];
  const T* g = u.gradient;
  const T lr = u.hyper[0], l1 = u.hyper[1], l2 = u.hyper[2];
  const bool shrink = l1 > 0;
  ForEach(u, 5, [=](int64_t i) {
    const T sum = a[i] + g[i] * g[i];
    const T rate = lr / std::sqrt(sum);
    const T v = w[i] - rate * g[i];
    const T pulled = shrink ? Sign(v) * std::max(std::abs(v) - rate * l1, T(0)) : v;
    a[i] = sum;
    w[i] = pulled / (1 + l2 * rate);
  });
}

template <typename T>
void AddSignUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *m = u.updated[1];
  const T* g = u.gradient;
  const T lr = u.hyper[0], alpha = u.hyper[1], sign_decay = u.hyper[2], beta = u.hyper[3];
  ForEach(u, 5, [=](int64_t i) {
    const T mean = m[i] * beta + g[i] * (1 - beta);
    m[i] = mean;
    w[i] -= lr * (alpha + sign_decay * Sign(g[i]) * Sign(mean)) * g[i];
  });
}

template <typename T>
void PowerSignUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *m = u.updated[1];
  const T* g = u.gradient;
  const T lr = u.hyper[0], exponent = u.hyper[1] * u.hyper[2], beta = u.hyper[3];
  // The three values that the scale can have.
  const T same = std::exp(exponent), opposite = std::exp(-exponent);
  ForEach(u, 5, [=](int64_t i) {
    const T mean = m[i] * beta + g[i] * (1 - beta);
    const T agreement = Sign(g[i]) * Sign(mean);
    m[i] = mean;
    w[i] -= lr * (agreement > 0 ? same : agreement < 0 ? opposite : T(1)) * g[i];
  });
}

template <typename T>
void AdadeltaUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *a = u.updated[1], *d = u.updated[2];
  const T* g = u.gradient;
  const T lr = u.hyper[0], rho = u.hyper[1], epsilon = u.hyper[2];
  ForEach(u, 7, [=](int64_t i) {
    const T square = rho * a[i] + (1 - rho) * g[i] * g[i];
    const T step = std::sqrt(d[i] + epsilon) / std::sqrt(square + epsilon) * g[i];
    a[i] = square;
    d[i] = rho * d[i] + (1 - rho) * step * step;
    w[i] -= lr * step;
  });
}

template <typename T>
void RmsPropUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *s = u.updated[1], *m = u.updated[2];
  const T* g = u.gradient;
  const T lr = u.hyper[0], rho = u.hyper[1], momentum = u.hyper[2], epsilon = u.hyper[3];
  ForEach(u, 7, [=](int64_t i) {
    const T square = s[i] + (g[i] * g[i] - s[i]) * (1 - rho);
    const T step = momentum * m[i] + lr * g[i] / std::sqrt(square + epsilon);
    s[i] = square;
    m[i] = step;
    w[i] -= step;
  });
}

template <typename T>
void CenteredRmsPropUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *q = u.updated[1], *s = u.updated[2], *m = u.updated[3];
  const T* g = u.gradient;
  const T lr = u.hyper[0], rho = u.hyper[1], momentum = u.hyper[2], epsilon = u.hyper[3];
  ForEach(u, 9, [=](int64_t i) {
    const T mean = q[i] + (g[i] - q[i]) * (1 - rho);
    const T square = s[i] + (g[i] * g[i] - s[i]) * (1 - rho);
    const T step = momentum * m[i] + lr * g[i] / std::sqrt(square - mean * mean + epsilon);
    q[i] = mean;
    s[i] = square;
    m[i] = step;
    w[i] -= step;
  });
}

namespace {

template <typename T>
void Ftrl(const UpdateArguments<T>& u, T shrinkage, T power) {
  T *w = u.updated[0], *n = u.updated[1], *z = u.updated[2];
  const T* g = u.gradient;
  const T lr = u.hyper[0], l1 = u.hyper[1], l2 = u.hyper[2];
  // The usual power, -1/2, is a root.
  const bool root = power == T(-0.5);
  const auto raised = [root, power](T x) { return root ? std::sqrt(x) : std::pow(x, -power); };
  ForEach(u, 20, [=](int64_t i) {
    const T shrunk = g[i] + 2 * shrinkage * w[i];
    const T sum = n[i] + g[i] * g[i];
    const T linear = z[i] + shrunk - (raised(sum) - raised(n[i])) / lr * w[i];
    const T quadratic = raised(sum) / lr + 2 * l2;
    w[i] = std::abs(linear) > l1 ? (std::copysign(l1, linear) - linear) / quadratic : T(0);
    n[i] = sum;
    z[i] = linear;
  });
}

}  // namespace

template <typename T>
void FtrlUpdate(const UpdateArguments<T>& u) {
  Ftrl(u, T(0), u.hyper[3]);
}

template <typename T>
void FtrlV2Update(const UpdateArguments<T>& u) {
  Ftrl(u, u.hyper[3], u.hyper[4]);
}

#define SLUICE_FOR_FLOATING(Update)                           \
  template void Update<float>(const UpdateArguments<float>&); \
  template void Update<double>(const UpdateArguments<double>&);
SLUICE_FOR_FLOATING(GradientDescentUpdate)
SLUICE_FOR_FLOATING(MomentumUpdate)
SLUICE_FOR_FLOATING(KerasMomentumUpdate)
SLUICE_FOR_FLOATING(AdamUpdate)
SLUICE_FOR_FLOATING(AdaMaxUpdate)
SLUICE_FOR_FLOATING(AdagradUpdate)
SLUICE_FOR_FLOATING(AdadeltaUpdate)
SLUICE_FOR_FLOATING(RmsPropUpdate)
SLUICE_FOR_FLOATING(CenteredRmsPropUpdate)
SLUICE_FOR_FLOATING(FtrlUpdate)
SLUICE_FOR_FLOATING(FtrlV2Update)
SLUICE_FOR_FLOATING(AmsgradUpdate)
SLUICE_FOR_FLOATING(AdagradV2Update)
SLUICE_FOR_FLOATING(AdagradDaUpdate)
SLUICE_FOR_FLOATING(AdagradDaRowsUpdate)
SLUICE_FOR_FLOATING(ProximalGradientDescentUpdate)
SLUICE_FOR_FLOATING(ProximalAdagradUpdate)
SLUICE_FOR_FLOATING(AddSignUpdate)
SLUICE_FOR_FLOATING(PowerSignUpdate)
#undef SLUICE_FOR_FLOATING

template void UpdateNarrow<Half>(const UpdateArguments<Half>&, int,
                                 void (*)(const UpdateArguments<float>&));
template void UpdateNarrow<BFloat16>(const UpdateArguments<BFloat16>&, int,
                                     void (*)(const UpdateArguments<float>&));

}  // namespace sluice
