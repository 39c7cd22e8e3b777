#include "ops/kernels/activations.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "Eigen/Core"
#include "core/dtype.h"
#include "core/threads.h"

namespace sluice::kernels {
namespace {

constexpr double kSeluScale = 1.0507009873554805;
constexpr double kSeluScaleAlpha = 1.7580993408473766;  // scale * 1.6732632423543772

// Exponentials are taken of whole blocks: vector and scalar code may differ in the last bits, and
// the value of an element must not depend on its place.
constexpr int kBlock = 16;
template <typename T>
using Block = Eigen::Array<T, kBlock, 1>;

template <typename T>
auto Load(const T* x) {
  return Eigen::Map<const Block<T>>(x);
}
template <typename T>
auto Load(T* x) {
  return Eigen::Map<Block<T>>(x);
}

// f(a block of x, of z, of y) for whole blocks, the last one completed with zeros.
template <typename T, typename F>
void InBlocks(const T* x, const T* z, T* y, int64_t n, F f) {
  int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock) f(Load(x + i), Load(z + i), Load(y + i));
  if (i == n) return;
  T rest_x[kBlock] = {}, rest_z[kBlock] = {}, rest_y[kBlock];
  std::copy(x + i, x + n, rest_x);
  std::copy(z + i, z + n, rest_z);
  f(Load<T>(static_cast<const T*>(rest_x)), Load<T>(static_cast<const T*>(rest_z)),
    Load<T>(rest_y));
  std::copy(rest_y, rest_y + (n - i), y + i);
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
  const auto blocks = [&](auto body) {
    InBlocks(x, x, y, n, [&](auto in, auto, auto out) { body(in, out); });
  };
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
          blocks([](auto in, auto out) { out = Positive(in) + Negative(in).expm1(); });
        } else if (f == Activation::kSelu) {
          blocks([](auto in, auto out) {
            out = Positive(in) * T(kSeluScale) + Negative(in).expm1() * T(kSeluScaleAlpha);
          });
        } else if (f == Activation::kSoftplus) {
          blocks([](auto in, auto out) { out = Positive(in) + (-in.abs()).exp().log1p(); });
        } else {
          blocks([](auto in, auto out) { out = in / (in.abs() + T(1)); });
        }
      }
  }
}

template <typename T>
void Backward(Activation f, T alpha, const T* dy, const T* at, T* dx, int64_t n) {
  const auto blocks = [&](auto body) { InBlocks(dy, at, dx, n, body); };
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
          blocks([](auto g, auto a, auto out) { out = g * (Negative(a) + T(1)); });
        } else if (f == Activation::kSelu) {
#pragma GCC ivdep
          for (int64_t i = 0; i < n; ++i) {
            dx[i] = dy[i] * (at[i] < T(0) ? at[i] + T(kSeluScaleAlpha) : T(kSeluScale));
          }
        } else if (f == Activation::kSoftplus) {
          blocks([](auto g, auto a, auto out) { out = g / ((-a).exp() + T(1)); });
        } else {
          blocks([](auto g, auto a, auto out) { out = g / (a.abs() + T(1)).square(); });
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

namespace {

template <Activation f, typename T>
void ForwardTile(const void* const* inputs, void* output, int64_t n, const double* params) {
  Forward(f, static_cast<T>(static_cast<float>(params[0])), static_cast<const T*>(inputs[0]),
          static_cast<T*>(output), n);
}
template <Activation f, typename T>
void BackwardTile(const void* const* inputs, void* output, int64_t n, const double* params) {
  Backward(f, static_cast<T>(static_cast<float>(params[0])), static_cast<const T*>(inputs[0]),
           static_cast<const T*>(inputs[1]), static_cast<T*>(output), n);
}

// In the order of Activation.
#define SLUICE_TILES(Tile, T)                                                                  \
  {                                                                                            \
    Tile<Activation::kRelu, T>, Tile<Activation::kRelu6, T>, Tile<Activation::kLeakyRelu, T>,  \
        Tile<Activation::kElu, T>, Tile<Activation::kSelu, T>, Tile<Activation::kSoftplus, T>, \
        Tile<Activation::kSoftsign, T>                                                         \
  }
constexpr TileFn kForward[2][7] = {SLUICE_TILES(ForwardTile, float),
                                   SLUICE_TILES(ForwardTile, double)};
constexpr TileFn kBackward[2][7] = {SLUICE_TILES(BackwardTile, float),
                                    SLUICE_TILES(BackwardTile, double)};
#undef SLUICE_TILES

std::optional<TileKernel> TileOf(const TileFn (&tiles)[2][7], Activation f, float alpha,
                                 DType dtype) {
  if (dtype != DType::kFloat && dtype != DType::kDouble) return std::nullopt;
  return TileKernel{tiles[dtype == DType::kDouble][static_cast<int>(f)], 1, {alpha, 0}};
}

}  // namespace

std::optional<TileKernel> ActivationTile(Activation f, float alpha, DType dtype) {
  return TileOf(kForward, f, alpha, dtype);
}
std::optional<TileKernel> ActivationGradientTile(Activation f, float alpha, DType dtype) {
  return TileOf(kBackward, f, alpha, dtype);
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
