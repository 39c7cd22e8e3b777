#include "ops/kernels/optimizer_updates.h"

#include <algorithm>
#include <cmath>

#include "core/threads.h"

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

}  // namespace

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
void AdagradUpdate(const UpdateArguments<T>& u) {
  T *w = u.updated[0], *a = u.updated[1];
  const T* g = u.gradient;
  const T lr = u.hyper[0];
  const T share = u.option ? 1 : 0;
  ForEach(u, 5, [=](int64_t i) {
    const T sum = a[i] + share * g[i] * g[i];
    a[i] = sum;
    w[i] -= lr * g[i] / std::sqrt(sum);
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
#undef SLUICE_FOR_FLOATING

}  // namespace sluice
