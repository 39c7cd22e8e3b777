// Loops that apply a function object to arrays, for the .cc files of binary_math.h only.
#ifndef SLUICE_OPS_KERNELS_BINARY_LOOPS_H_
#define SLUICE_OPS_KERNELS_BINARY_LOOPS_H_

#include <algorithm>
#include <complex>
#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>

#include "core/dtype.h"
#include "ops/kernels/binary_math.h"
#include "ops/kernels/narrow_float.h"

namespace sluice::kernels {

template <typename T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;
template <typename T>
concept Complex = std::same_as<T, std::complex<float>> || std::same_as<T, std::complex<double>>;
template <typename T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <typename T>
concept RealOrComplex = Real<T> || Complex<T>;

// A function object F has
//   Apply(T, T)                 for the types that it takes
//   kCost                       nanoseconds per float
//   kVectorized = false         where vectorizing is impossible
//   kBlocks = true              where vector and scalar code may differ in the last bits
//   Valid(T, T) -> bool         where integers have pairs without a value
//   kNoBroadcast = true         where only arrays of one size are asked for
// A missing constant counts as: vectorized, not in blocks, broadcast.
template <typename F>
constexpr bool IsVectorized() {
  if constexpr (requires { F::kVectorized; }) return F::kVectorized;
  return true;
}
template <typename F>
constexpr bool NeedsBlocks() {
  if constexpr (requires { F::kBlocks; }) return F::kBlocks;
  return false;
}
template <typename F>
constexpr bool Broadcasts() {
  if constexpr (requires { F::kNoBroadcast; }) return !F::kNoBroadcast;
  return true;
}

enum class Form { kVv, kSv, kVs };

template <typename F, typename T>
using ResultOf = decltype(F::Apply(T{}, T{}));

inline constexpr int kBlock = 16;

template <typename F, Form kForm, typename T, typename U>
void RunBlock(const T* x, const T* y, U* z) {
#pragma omp simd
  for (int i = 0; i < kBlock; ++i)
    z[i] = F::Apply(x[kForm == Form::kSv ? 0 : i], y[kForm == Form::kVs ? 0 : i]);
}

template <Form kForm, typename T>
void PadRest(const T* from, int64_t n, T* to) {
  std::copy(from, from + n, to);
  std::fill(to + n, to + kBlock, from[n - 1]);
}

template <typename F, Form kForm, typename T, typename U>
void RunBlocks(const T* x, const T* y, U* z, int64_t n) {
  auto skip = [](const T* p, bool scalar, int64_t i) { return scalar ? p : p + i; };
  constexpr bool kScalarX = kForm == Form::kSv, kScalarY = kForm == Form::kVs;
  int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock)
    RunBlock<F, kForm>(skip(x, kScalarX, i), skip(y, kScalarY, i), z + i);
  if (i == n) return;
  T rest_x[kBlock], rest_y[kBlock];
  U results[kBlock];
  kScalarX ? std::fill(rest_x, rest_x + kBlock, *x) : PadRest<kForm>(x + i, n - i, rest_x);
  kScalarY ? std::fill(rest_y, rest_y + kBlock, *y) : PadRest<kForm>(y + i, n - i, rest_y);
  RunBlock<F, kForm>(rest_x, rest_y, results);
  std::copy(results, results + (n - i), z + i);
}

template <typename F, Form kForm, typename T>
bool RunArray(const void* from_x, const void* from_y, void* to, int64_t n) {
  using U = ResultOf<F, T>;
  const T* x = static_cast<const T*>(from_x);
  const T* y = static_cast<const T*>(from_y);
  U* z = static_cast<U*>(to);
  // One element is copied: it may be overwritten in place while it is still needed.
  const T one = n == 0 ? T{} : kForm == Form::kSv ? *x : *y;
  auto at_x = [&](int64_t i) -> const T& { return kForm == Form::kSv ? one : x[i]; };
  auto at_y = [&](int64_t i) -> const T& { return kForm == Form::kVs ? one : y[i]; };
  if constexpr (Integer<T> && requires(T v) { F::Valid(v, v); }) {
    bool ok = true;
    for (int64_t i = 0; i < n; ++i) {
      const bool valid = F::Valid(at_x(i), at_y(i));
      ok &= valid;
      z[i] = valid ? F::Apply(at_x(i), at_y(i)) : U{};
    }
    return ok;
  } else if constexpr (Real<T> && NeedsBlocks<F>()) {
    RunBlocks<F, kForm>(kForm == Form::kSv ? &one : x, kForm == Form::kVs ? &one : y, z, n);
  } else if constexpr (!std::is_arithmetic_v<T> || !IsVectorized<F>()) {
    for (int64_t i = 0; i < n; ++i) z[i] = F::Apply(at_x(i), at_y(i));
  } else {
#pragma omp simd
    for (int64_t i = 0; i < n; ++i)
      z[i] = F::Apply(kForm == Form::kSv ? one : x[i], kForm == Form::kVs ? one : y[i]);
  }
  return true;
}

// half and bfloat16, by way of float.
template <typename F, Form kForm, typename T>
bool RunNarrow(const void* from_x, const void* from_y, void* to, int64_t n) {
  constexpr int kChunk = 256;
  using U = ResultOf<F, float>;
  using Stored = std::conditional_t<std::is_same_v<U, float>, T, U>;
  const T* x = static_cast<const T*>(from_x);
  const T* y = static_cast<const T*>(from_y);
  Stored* z = static_cast<Stored*>(to);
  float wide_x[kChunk], wide_y[kChunk];
  U results[kChunk];
  if (n > 0 && kForm == Form::kSv) wide_x[0] = Widen(*x);
  if (n > 0 && kForm == Form::kVs) wide_y[0] = Widen(*y);
  for (int64_t begin = 0; begin < n; begin += kChunk) {
    const int64_t count = std::min<int64_t>(kChunk, n - begin);
    if (kForm != Form::kSv)
      for (int64_t i = 0; i < count; ++i) wide_x[i] = Widen(x[begin + i]);
    if (kForm != Form::kVs)
      for (int64_t i = 0; i < count; ++i) wide_y[i] = Widen(y[begin + i]);
    RunArray<F, kForm, float>(wide_x, wide_y, results, count);
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<Stored, T>) {
        NarrowTo(results[i], &z[begin + i]);
      } else {
        z[begin + i] = results[i];
      }
    }
  }
  return true;
}

template <typename F, Form kForm, typename T>
constexpr BinaryRun RunFor() {
  if constexpr (kForm != Form::kVv && !Broadcasts<F>()) {
    return nullptr;
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    if constexpr (requires { F::template Apply<float>(float{}, float{}); })
      return RunNarrow<F, kForm, T>;
  } else if constexpr (requires(T v) { F::template Apply<T>(v, v); }) {
    return RunArray<F, kForm, T>;
  }
  return nullptr;
}

template <typename F, typename T>
void RunTile(const void* const* inputs, void* output, int64_t n, const double*) {
  RunArray<F, Form::kVv, T>(inputs[0], inputs[1], output, n);
}

// float, double and bool only: chains of other types are not worth their code.
template <typename F, typename T>
constexpr TileFn TileFor() {
  if constexpr (Real<T> || std::same_as<T, bool>) {
    if constexpr (requires(T v) { F::template Apply<T>(v, v); }) return RunTile<F, T>;
  }
  return nullptr;
}

// The loops of F for `dtype` if that is one of Ts.
template <typename F, typename... Ts>
BinaryKernel Pick(DType dtype) {
  BinaryKernel kernel;
  (void)Dispatch<Ts...>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    kernel.vv = RunFor<F, Form::kVv, T>();
    kernel.sv = RunFor<F, Form::kSv, T>();
    kernel.vs = RunFor<F, Form::kVs, T>();
    kernel.tile = TileFor<F, T>();
    kernel.cost = F::kCost * (std::is_same_v<T, float> ? 1 : std::is_arithmetic_v<T> ? 2 : 10);
    return absl::OkStatus();
  });
  return kernel;
}

// Comparisons and logic, in binary_compare.cc: functions from kEqual on.
BinaryKernel FindComparison(BinaryFunction function, DType dtype);
// In binary_bits.cc: functions from kBitwiseAnd on; in binary_special.cc: from kIgamma on.
BinaryKernel FindBitwise(BinaryFunction function, DType dtype);
BinaryKernel FindSpecial(BinaryFunction function, DType dtype);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_BINARY_LOOPS_H_
