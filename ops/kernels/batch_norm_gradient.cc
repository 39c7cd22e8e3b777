// The gradient of ops/kernels/batch_norm.h: a pass for the sums of dz and dz * (x - mean), a pass
// for dx.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "ops/kernels/batch_norm.h"
#include "ops/kernels/batch_norm_activation.h"
#include "ops/kernels/batch_norm_loops.h"

namespace sluice::kernels {
namespace {

// doffset[c] = sum dz, dscale[c] = sum dz * (x - mean): not yet divided by the deviation. dz is
// stored: the second pass starts from there.
template <typename T>
void SumsOfStored(const ChannelShape& s, const BatchNormBackward<T>& b, T* to, T* partial) {
  const T *const dy = b.dy, *const x = b.x;
  const auto sums = [&](const auto& dz) {
    // A few rows of dz at a time, which stay in the cache until they are summed; x comes there
    // meanwhile.
    const auto store = [=](int64_t i, int64_t n) {
      constexpr int64_t kLine = Ahead<T>::kLine;
      const int64_t end = i + n;
      for (; i + kLine <= end; i += kLine) {
        __builtin_prefetch(x + i);
#pragma GCC ivdep
        for (int64_t k = i; k < i + kLine; ++k) to[k] = dz(k);
      }
      for (; i < end; ++i) to[i] = dz(i);
    };
    SumsPerChannel<T>(
        s, {b.mean}, {},
        [=](int64_t i, int64_t k, const auto& v, T& sum, T& product) {
          sum += to[i];
          product += to[i] * (x[i] - v[0][k]);
        },
        partial, b.doffset, b.dscale, store);
  };
  WithActivation(b.activation, [&](auto f) {
    const T* const y = b.activation.has_value() ? b.y : dy;  // else not looked at
    if (const T* const more = b.more_dy) {
      sums([=](int64_t i) { return f.Gradient(y[i], dy[i] + more[i]); });
    } else {
      sums([=](int64_t i) { return f.Gradient(y[i], dy[i]); });
    }
  });
}

// The same for dz that is computed here and once more by the second pass.
template <typename T>
void SumsOfPassing(const ChannelShape& s, const BatchNormBackward<T>& b, const T* factor,
                   T* partial) {
  const T *const dy = b.dy, *const x = b.x;
  if (!b.activation.has_value()) {
    return SumsPerChannel<T>(
        s, {b.mean}, {dy, x},
        [=](int64_t i, int64_t k, const auto& v, T& sum, T& product) {
          sum += dy[i];
          product += dy[i] * (x[i] - v[0][k]);
        },
        partial, b.doffset, b.dscale);
  }
  WithActivation(b.activation, [&](auto f) {
    SumsPerChannel<T>(
        s, {b.mean, factor, b.offset}, {dy, x},
        [=](int64_t i, int64_t k, const auto& v, T& sum, T& product) {
          const T dz = f.Gradient(Normalized(x[i], v[0][k], v[1][k], v[2][k]), dy[i]);
          sum += dz;
          product += dz * (x[i] - v[0][k]);
        },
        partial, b.doffset, b.dscale);
  });
}

// dx = factor * dz + (x - mean) * slope + shift.
template <typename T>
void InputGradient(const ChannelShape& s, const BatchNormBackward<T>& b, const T* factor,
                   const T* slope, const T* shift) {
  const T *const dy = b.dy, *const x = b.x;
  T* const dx = b.dx;
  WithActivation(b.activation, [&](auto f) {
    const auto dz = [=](int64_t i, int64_t k, const auto& v) {
      if constexpr (std::is_same_v<decltype(f), NoActivation>) {
        return dy[i];
      } else {
        return f.Gradient(Normalized(x[i], v[0][k], v[1][k], v[4][k]), dy[i]);
      }
    };
    // Without an activation nobody looks at the offset.
    const T* const offset = b.activation.has_value() ? b.offset : factor;
    if (b.batch_statistics) {
      ForEachElement<T>(s, {b.mean, factor, slope, shift, offset},
                        [=](int64_t i, int64_t k, const auto& v) {
                          const T rest = (x[i] - v[0][k]) * v[2][k] + v[3][k];
                          dx[i] = v[1][k] * dz(i, k, v) + rest;
                        });
    } else {
      ForEachElement<T>(
          s, {b.mean, factor, slope, shift, offset},
          [=](int64_t i, int64_t k, const auto& v) { dx[i] = v[1][k] * dz(i, k, v); });
    }
  });
}

}  // namespace

template <typename T>
void BatchNormGradient(const ChannelShape& s, const BatchNormBackward<T>& given, T* scratch) {
  BatchNormBackward<T> b = given;
  if (s.elements() == 0) {
    std::fill_n(b.dscale, s.channels, T(0));
    std::fill_n(b.doffset, s.channels, T(0));
    return;
  }
  T* const factor = scratch;
  T* const slope = scratch + s.channels;
  T* const shift = scratch + 2 * s.channels;
  T* const partial = scratch + 3 * s.channels;
  for (int64_t c = 0; c < s.channels; ++c) {
    factor[c] = b.scale[c] / std::sqrt(b.variance[c] + b.epsilon);
  }
  const bool from_y = b.activation.has_value() && b.offset == nullptr;
  if (b.dside != nullptr || b.more_dy != nullptr || from_y) {
    T* const dz = b.dside != nullptr ? b.dside : b.dx;
    SumsOfStored(s, b, dz, partial);
    b.dy = dz;
    b.activation.reset();
  } else {
    SumsOfPassing(s, b, factor, partial);
  }
  const T count = static_cast<T>(s.outer * s.inner);
  for (int64_t c = 0; c < s.channels; ++c) {
    const T inverse = T(1) / std::sqrt(b.variance[c] + b.epsilon);
    slope[c] = -factor[c] * b.dscale[c] * inverse * inverse / count;
    shift[c] = -factor[c] * b.doffset[c] / count;
    b.dscale[c] *= inverse;
  }
  InputGradient(s, b, factor, slope, shift);
}

template void BatchNormGradient<float>(const ChannelShape&, const BatchNormBackward<float>&,
                                       float*);
template void BatchNormGradient<double>(const ChannelShape&, const BatchNormBackward<double>&,
                                        double*);

}  // namespace sluice::kernels
