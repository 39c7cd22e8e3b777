#include "ops/kernels/activations.h"

#include <algorithm>
#include <type_traits>

#include "Eigen/Core"
#include "core/dtype.h"
#include "core/threads.h"

namespace sluice::kernels {
namespace {

constexpr double kSeluScale = 1.0507009873554805;
constexpr double kSeluScaleAlpha = 1.7580993408473766;  // scale * 1.6732632423543772

template <typename T>
auto View(const T* x, int64_t n) {
  return Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>(x, n);
}
template <typename T>
auto View(T* x, int64_t n) {
  return Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>(x, n);
}

// x where it is > 0 (< 0), else 0; NaN stays: like std::max, Eigen keeps the first operand then.
template <typename X>
auto Positive(const X& x) {
  return (x.max)(typename X::Scalar(0));
}
template <typename X>
auto Negative(const X& x) {
  return (x.min)(typename X::Scalar(0));
}

// Comparisons are plain loops, which the compiler vectorises (Eigen's select is not); the rest is
// Eigen's packet math.
template <typename T>
void Forward(Activation f, T alpha, const T* x, T* y, int64_t n) {
  const auto in = View(x, n);
  auto out = View(y, n);
  switch (f) {
    case Activation::kRelu:
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) y[i] = x[i] < T(0) ? T(0) : x[i];
      break;
    case Activation::kRelu6:
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) y[i] = x[i] < T(0) ? T(0) : x[i] > T(6) ? T(6) : x[i];
      break;
    default:
      if constexpr (std::is_floating_point_v<T>) {
        if (f == Activation::kLeakyRelu) {
#pragma GCC ivdep
          for (int64_t i = 0; i < n; ++i) y[i] = x[i] > T(0) ? x[i] : alpha * x[i];
        } else if (f == Activation::kElu) {
          out = Positive(in) + Negative(in).expm1();
        } else if (f == Activation::kSelu) {
          out = Positive(in) * T(kSeluScale) + Negative(in).expm1() * T(kSeluScaleAlpha);
        } else if (f == Activation::kSoftplus) {
          out = Positive(in) + (-in.abs()).exp().log1p();
        } else {
          out = in / (in.abs() + T(1));
        }
      }
  }
}

template <typename T>
void Backward(Activation f, T alpha, const T* dy, const T* at, T* dx, int64_t n) {
  const auto g = View(dy, n), a = View(at, n);
  auto out = View(dx, n);
  switch (f) {
    case Activation::kRelu:
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) dx[i] = at[i] > T(0) ? dy[i] : T(0);
      break;
    case Activation::kRelu6:
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) dx[i] = (at[i] > T(0)) & (at[i] < T(6)) ? dy[i] : T(0);
      break;
    default:
      if constexpr (std::is_floating_point_v<T>) {
        if (f == Activation::kLeakyRelu) {
#pragma GCC ivdep
          for (int64_t i = 0; i < n; ++i) dx[i] = at[i] > T(0) ? dy[i] : alpha * dy[i];
        } else if (f == Activation::kElu) {
          out = g * (Negative(a) + T(1));
        } else if (f == Activation::kSelu) {
#pragma GCC ivdep
          for (int64_t i = 0; i < n; ++i) {
            dx[i] = dy[i] * (at[i] < T(0) ? at[i] + T(kSeluScaleAlpha) : T(kSeluScale));
          }
        } else if (f == Activation::kSoftplus) {
          out = g / ((-a).exp() + T(1));
        } else {
          out = g / (a.abs() + T(1)).square();
        }
      }
  }
}

// Nanoseconds per element, roughly.
double Cost(Activation f) {
  switch (f) {
    case Activation::kRelu:
    case Activation::kRelu6:
    case Activation::kLeakyRelu:
      return 0.15;
    case Activation::kSoftplus:
      return 3;
    default:
      return 1;
  }
}

template <typename T>
constexpr bool kStoredOnly = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// Calls f(floats of each input, floats of the output, count) for pieces of arrays of a 16-bit type.
template <typename T, typename F>
void InFloat(const T* a, const T* b, T* out, int64_t n, F f) {
  constexpr int64_t kTile = 512;
  float fa[kTile], fb[kTile], fout[kTile];
  for (int64_t i = 0; i < n; i += kTile) {
    const int64_t m = std::min(kTile, n - i);
    for (int64_t j = 0; j < m; ++j) {
      fa[j] = static_cast<float>(a[i + j]);
      fb[j] = static_cast<float>(b[i + j]);
    }
    f(fa, fb, fout, m);
    for (int64_t j = 0; j < m; ++j) out[i + j] = T(fout[j]);
  }
}

}  // namespace

template <typename T>
void Activate(Activation f, float alpha, const T* x, T* y, int64_t n) {
  ParallelFor(n, GrainFor(Cost(f)), [&](int64_t begin, int64_t end) {
    if constexpr (kStoredOnly<T>) {
      InFloat(x + begin, x + begin, y + begin, end - begin,
              [&](const float* a, const float*, float* out, int64_t m) {
                Forward(f, alpha, a, out, m);
              });
    } else {
      Forward<T>(f, static_cast<T>(alpha), x + begin, y + begin, end - begin);
    }
  });
}

template <typename T>
void ActivateGradient(Activation f, float alpha, const T* dy, const T* at, T* dx, int64_t n) {
  ParallelFor(n, GrainFor(Cost(f)), [&](int64_t begin, int64_t end) {
    if constexpr (kStoredOnly<T>) {
      InFloat(dy + begin, at + begin, dx + begin, end - begin,
              [&](const float* g, const float* a, float* out, int64_t m) {
                Backward(f, alpha, g, a, out, m);
              });
    } else {
      Backward<T>(f, static_cast<T>(alpha), dy + begin, at + begin, dx + begin, end - begin);
    }
  });
}

#define SLUICE_INSTANTIATE(T)                                          \
  template void Activate<T>(Activation, float, const T*, T*, int64_t); \
  template void ActivateGradient<T>(Activation, float, const T*, const T*, T*, int64_t);
SLUICE_INSTANTIATE(float)
SLUICE_INSTANTIATE(double)
SLUICE_INSTANTIATE(Half)
SLUICE_INSTANTIATE(BFloat16)
SLUICE_INSTANTIATE(int8_t)
SLUICE_INSTANTIATE(int16_t)
SLUICE_INSTANTIATE(int32_t)
SLUICE_INSTANTIATE(int64_t)
SLUICE_INSTANTIATE(uint8_t)
SLUICE_INSTANTIATE(uint16_t)
SLUICE_INSTANTIATE(uint32_t)
SLUICE_INSTANTIATE(uint64_t)
#undef SLUICE_INSTANTIATE

}  // namespace sluice::kernels
