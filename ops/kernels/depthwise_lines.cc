#include "ops/kernels/depthwise_lines.h"

#include <algorithm>
#include <type_traits>

// g++ 12 takes the undefined registers of its own intrinsics for mistakes (GCC bug 105593), and
// warns that vector types lose their alignment attribute as template arguments, which nothing here
// needs.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"
#include "Eigen/Core"

namespace sluice::kernels {
namespace {

using Eigen::internal::packet_traits;
using Eigen::internal::padd;
using Eigen::internal::ploadu;
using Eigen::internal::pmadd;
using Eigen::internal::pset1;
using Eigen::internal::pstoreu;
using Eigen::internal::unpacket_traits;

template <typename Packet>
struct Tag {
  using type = Packet;
};

// f(tag) for the largest kind of register, at last a single number, that has no more numbers than
// there are channels.
template <typename T, typename Packet = typename packet_traits<T>::type, typename F>
void WithPacket(int64_t channels, F f) {
  constexpr int kSize = unpacket_traits<Packet>::size;
  if constexpr (kSize > 1) {
    using Half = typename unpacket_traits<Packet>::half;
    using Smaller = std::conditional_t<std::is_same_v<Half, Packet>, T, Half>;
    if (channels < kSize) return WithPacket<T, Smaller>(channels, f);
  }
  f(Tag<Packet>());
}

// The first channel of register i. The last register begins early enough to fit: what it shares
// with the one before is computed twice, alike.
int64_t FirstChannel(int64_t i, int64_t size, int64_t channels) {
  return std::min(i * size, channels - size);
}

int64_t CeilDiv(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : -(-a / b); }

struct Range {
  int64_t begin, end;
};

// The pixels that see something through column j.
template <typename T>
Range Seeing(const DepthwiseLine<T>& l, int64_t j) {
  const int64_t first = l.source + j * l.source_step;
  const int64_t begin = std::clamp<int64_t>(CeilDiv(-first, l.advance), 0, l.pixels);
  return {begin, std::clamp<int64_t>(CeilDiv(l.width - first, l.advance), begin, l.pixels)};
}

// The pixels that see something through every column; empty ones where none does.
template <typename T>
Range SeeingAll(const DepthwiseLine<T>& l) {
  Range all{0, l.pixels};
  for (int64_t j = 0; j < l.columns; ++j) {
    const Range r = Seeing(l, j);
    all = {std::max(all.begin, r.begin), std::min(all.end, r.end)};
  }
  return {all.begin, std::max(all.begin, all.end)};
}

// --- sums over taps ---

// R pixels of one register of channels that see something through columns [first, last).
template <typename T, typename Packet, int R>
void SumTile(const DepthwiseLine<T>& l, const T* filter, int64_t pixel, int64_t channel,
             int64_t first, int64_t last, T* y) {
  const int64_t c = l.channels, apart = l.advance * c;
  Packet sum[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) sum[r] = pset1<Packet>(T(0));
  for (int64_t i = 0; i < l.rows; ++i) {
    const T* from = l.x + (l.first_row + i * l.row_step + channel +
                           (l.source + pixel * l.advance + first * l.source_step) * c);
    const T* tap = filter + (l.tap + i * l.tap_row + first * l.tap_column) * c + channel;
    for (int64_t j = first; j < last; ++j) {
      const Packet factor = ploadu<Packet>(tap);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r] = pmadd(ploadu<Packet>(from + r * apart), factor, sum[r]);
      from += l.source_step * c;
      tap += l.tap_column * c;
    }
  }
  T* const to = y + pixel * l.y_step + channel;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) pstoreu(to + r * l.y_step, sum[r]);
}

template <typename T, typename Packet, int R>
void SumPixels(const DepthwiseLine<T>& l, const T* filter, int64_t pixel, int64_t first,
               int64_t last, T* y) {
  constexpr int kSize = unpacket_traits<Packet>::size;
  for (int64_t i = 0; i * kSize < l.channels; ++i) {
    SumTile<T, Packet, R>(l, filter, pixel, FirstChannel(i, kSize, l.channels), first, last, y);
  }
}

// A pixel that does not see through every column.
template <typename T, typename Packet>
void SumEdge(const DepthwiseLine<T>& l, const T* filter, int64_t pixel, T* y) {
  int64_t first = 0, last = l.columns;
  const auto sees = [&](int64_t j) {
    const int64_t p = l.source + pixel * l.advance + j * l.source_step;
    return p >= 0 && p < l.width;
  };
  while (first < last && !sees(first)) ++first;
  while (last > first && !sees(last - 1)) --last;
  SumPixels<T, Packet, 1>(l, filter, pixel, first, last, y);
}

template <typename T, typename Packet>
void SumLine(const DepthwiseLine<T>& l, const T* filter, T* y) {
  const Range all = SeeingAll(l);
  const int64_t end = all.end, columns = l.columns;
  int64_t pixel = 0;
  for (; pixel < all.begin; ++pixel) SumEdge<T, Packet>(l, filter, pixel, y);
  for (; pixel + 8 <= end; pixel += 8) SumPixels<T, Packet, 8>(l, filter, pixel, 0, columns, y);
  for (; pixel + 4 <= end; pixel += 4) SumPixels<T, Packet, 4>(l, filter, pixel, 0, columns, y);
  for (; pixel < end; ++pixel) SumPixels<T, Packet, 1>(l, filter, pixel, 0, columns, y);
  for (; pixel < l.pixels; ++pixel) SumEdge<T, Packet>(l, filter, pixel, y);
}

// R pixels whose J columns are neighbours, S pixels of x between one window and the next: what
// windows share is read once. Of the R pixels' surroundings [begin, end) exists.
template <typename T, typename Packet, int R, int J, int S, bool kEdge>
void WindowTile(const DepthwiseLine<T>& l, const T* filter, int64_t pixel, int64_t channel,
                int64_t begin, int64_t end, T* y) {
  constexpr int kSpan = (R - 1) * S + J;
  const int64_t c = l.channels, tap_row = l.tap_row * c, tap_column = l.tap_column * c;
  const T* from = l.x + (l.first_row + (l.source + pixel * l.advance) * c + channel);
  const T* tap = filter + l.tap * c + channel;
  Packet sum[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) sum[r] = pset1<Packet>(T(0));
  for (int64_t i = 0; i < l.rows; ++i, from += l.row_step, tap += tap_row) {
    Packet factor[J];
#pragma GCC unroll 8
    for (int j = 0; j < J; ++j) factor[j] = ploadu<Packet>(tap + j * tap_column);
    const T* at = from;
#pragma GCC unroll 32
    for (int q = 0; q < kSpan; ++q, at += c) {
      if (kEdge && (q < begin || q >= end)) continue;
      const Packet x = ploadu<Packet>(at);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const int j = q - r * S;
        if (j >= 0 && j < J) sum[r] = pmadd(x, factor[j], sum[r]);
      }
    }
  }
  T* const to = y + pixel * l.y_step + channel;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) pstoreu(to + r * l.y_step, sum[r]);
}

template <typename T, int R, int J, int S>
void WindowPixels(const DepthwiseLine<T>& l, const T* filter, int64_t pixel, T* y) {
  using Packet = typename packet_traits<T>::type;
  constexpr int kSize = unpacket_traits<Packet>::size;
  const int64_t first = l.source + pixel * l.advance;
  const int64_t begin = -first, end = l.width - first;
  const bool edge = begin > 0 || end < (R - 1) * S + J;
  for (int64_t i = 0; i * kSize < l.channels; ++i) {
    const int64_t channel = FirstChannel(i, kSize, l.channels);
    if (edge) {
      WindowTile<T, Packet, R, J, S, true>(l, filter, pixel, channel, begin, end, y);
    } else {
      WindowTile<T, Packet, R, J, S, false>(l, filter, pixel, channel, begin, end, y);
    }
  }
}

// The last tile begins early enough to fit, as the last register does.
template <typename T, int J, int S>
bool WindowLine(const DepthwiseLine<T>& l, const T* filter, T* y) {
  int64_t pixel = 0;
  if (l.pixels < 4) return false;
  if (l.pixels < 8) {
    WindowPixels<T, 4, J, S>(l, filter, 0, y);
    if (l.pixels > 4) WindowPixels<T, 4, J, S>(l, filter, l.pixels - 4, y);
    return true;
  }
  for (; pixel + 8 <= l.pixels; pixel += 8) WindowPixels<T, 8, J, S>(l, filter, pixel, y);
  if (pixel + 4 < l.pixels) {
    WindowPixels<T, 8, J, S>(l, filter, l.pixels - 8, y);
  } else if (pixel < l.pixels) {
    WindowPixels<T, 4, J, S>(l, filter, l.pixels - 4, y);
  }
  return true;
}

// False: not one of the common windows.
template <typename T>
bool CommonWindow(const DepthwiseLine<T>& l, const T* filter, T* y) {
  if (l.source_step != 1 || l.channels < packet_traits<T>::size) return false;
  if (l.advance == 1) {
    if (l.columns == 2) return WindowLine<T, 2, 1>(l, filter, y);
    if (l.columns == 3) return WindowLine<T, 3, 1>(l, filter, y);
    if (l.columns == 5) return WindowLine<T, 5, 1>(l, filter, y);
  } else if (l.advance == 2) {
    if (l.columns == 3) return WindowLine<T, 3, 2>(l, filter, y);
    if (l.columns == 5) return WindowLine<T, 5, 2>(l, filter, y);
  }
  return false;
}

// --- products with taps ---

// G taps of one register of channels.
template <int G>
struct TapGroup {
  int64_t source[G];  // where each sees pixel 0, in elements
  int64_t slot[G];    // where its sums are
  Range seeing[G];    // pixels
  Range all;          // through all of them
};

// Adds pixels [t, t + 4) to the sums of 3 x 3 neighbouring taps: what their windows, S pixels of x
// apart, share is read once.
template <typename T, typename Packet, int S>
void AddWindows(const T* const (&from)[9], int64_t channels, const T* y, int64_t y_step,
                Packet (&sum)[9]) {
  Packet factor[4];
#pragma GCC unroll 4
  for (int t = 0; t < 4; ++t) factor[t] = ploadu<Packet>(y + t * y_step);
#pragma GCC unroll 3
  for (int i = 0; i < 3; ++i) {
    const T* at = from[3 * i];
#pragma GCC unroll 16
    for (int q = 0; q < 3 * S + 3; ++q, at += channels) {
      const Packet x = ploadu<Packet>(at);
#pragma GCC unroll 4
      for (int t = 0; t < 4; ++t) {
        const int j = q - t * S;
        if (j >= 0 && j < 3) sum[3 * i + j] = pmadd(x, factor[t], sum[3 * i + j]);
      }
    }
  }
}

// Of taps that are 3 x 3 neighbours, their windows S pixels apart; S = 0: of any.
template <typename T, typename Packet, int G, int S>
void ProductTile(const TapGroup<G>& taps, const DepthwiseLine<T>& l, const T* x, const T* y,
                 T* sums) {
  const int64_t x_step = l.advance * l.channels;
  Packet sum[G];
#pragma GCC unroll 9
  for (int g = 0; g < G; ++g) sum[g] = ploadu<Packet>(sums + taps.slot[g]);
  const auto at_edge = [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const Packet factor = ploadu<Packet>(y + t * l.y_step);
#pragma GCC unroll 9
      for (int g = 0; g < G; ++g) {
        if (t >= taps.seeing[g].begin && t < taps.seeing[g].end) {
          sum[g] = pmadd(ploadu<Packet>(x + (taps.source[g] + t * x_step)), factor, sum[g]);
        }
      }
    }
  };
  at_edge(0, taps.all.begin);
  const T* from[G];
#pragma GCC unroll 9
  for (int g = 0; g < G; ++g) from[g] = x + (taps.source[g] + taps.all.begin * x_step);
  const T* to = y + taps.all.begin * l.y_step;
  int64_t t = taps.all.begin;
  if constexpr (S > 0) {
    for (; t + 4 <= taps.all.end; t += 4, to += 4 * l.y_step) {
      AddWindows<T, Packet, S>(from, l.channels, to, l.y_step, sum);
#pragma GCC unroll 9
      for (int g = 0; g < G; ++g) from[g] += 4 * x_step;
    }
  }
  for (int64_t at = 0; t < taps.all.end; ++t, at += x_step, to += l.y_step) {
    const Packet factor = ploadu<Packet>(to);
#pragma GCC unroll 9
    for (int g = 0; g < G; ++g) sum[g] = pmadd(ploadu<Packet>(from[g] + at), factor, sum[g]);
  }
  at_edge(taps.all.end, l.pixels);
#pragma GCC unroll 9
  for (int g = 0; g < G; ++g) pstoreu(sums + taps.slot[g], sum[g]);
}

// Taps first .. first + G - 1 of the line, counted by rows; all channels.
template <typename T, typename Packet, int G, int S = 0>
void AddProducts(const DepthwiseLine<T>& l, int64_t taps, int64_t first, const T* y, T* sums) {
  constexpr int kSize = unpacket_traits<Packet>::size;
  TapGroup<G> group;
  group.all = {0, l.pixels};
  for (int g = 0; g < G; ++g) {
    const int64_t i = (first + g) / l.columns, j = (first + g) % l.columns;
    group.source[g] = l.first_row + i * l.row_step + (l.source + j * l.source_step) * l.channels;
    group.slot[g] = kSize * (l.tap + i * l.tap_row + j * l.tap_column);
    group.seeing[g] = Seeing(l, j);
    group.all.begin = std::max(group.all.begin, group.seeing[g].begin);
    group.all.end = std::min(group.all.end, group.seeing[g].end);
  }
  if (group.all.end < group.all.begin) group.all = {0, 0};
  for (int64_t i = 0; i * kSize < l.channels; ++i) {
    const int64_t channel = FirstChannel(i, kSize, l.channels);
    ProductTile<T, Packet, G, S>(group, l, l.x + channel, y + channel, sums + i * taps * kSize);
  }
}

}  // namespace

template <typename T>
void SumTaps(const DepthwiseLine<T>& line, const T* filter, T* y) {
  DepthwiseLine<T> l = line;
  if (l.source_step < 0) {  // from the other end
    l.source += (l.columns - 1) * l.source_step;
    l.source_step = -l.source_step;
    l.tap += (l.columns - 1) * l.tap_column;
    l.tap_column = -l.tap_column;
  }
  if (CommonWindow(l, filter, y)) return;
  WithPacket<T>(l.channels,
                [&](auto tag) { SumLine<T, typename decltype(tag)::type>(l, filter, y); });
}

template <typename T>
int64_t TapSumsSize(int64_t taps, int64_t channels) {
  int64_t size = 0;
  WithPacket<T>(channels, [&](auto tag) {
    constexpr int kSize = unpacket_traits<typename decltype(tag)::type>::size;
    size = (channels + kSize - 1) / kSize * kSize * taps;
  });
  return size;
}

template <typename T>
void AddTapProducts(const DepthwiseLine<T>& line, int64_t taps, const T* y, T* sums) {
  // Pixels whose surroundings stay in the cache while all taps look.
  const int64_t block =
      std::clamp<int64_t>((1 << 13) / (line.channels * static_cast<int64_t>(sizeof(T))), 16, 64);
  WithPacket<T>(line.channels, [&](auto tag) {
    using Packet = typename decltype(tag)::type;
    const int64_t all = line.rows * line.columns;
    for (int64_t pixel = 0; pixel < line.pixels; pixel += block) {
      DepthwiseLine<T> l = line;
      l.pixels = std::min(block, line.pixels - pixel);
      l.source += pixel * l.advance;
      const T* const from = y + pixel * l.y_step;
      int64_t tap = 0;
      const bool neighbours = l.columns == 3 && l.rows >= 3 && l.source_step == 1;
      if (neighbours && l.advance == 1) {
        for (; tap + 9 <= all; tap += 9) AddProducts<T, Packet, 9, 1>(l, taps, tap, from, sums);
      } else if (neighbours && l.advance == 2) {
        for (; tap + 9 <= all; tap += 9) AddProducts<T, Packet, 9, 2>(l, taps, tap, from, sums);
      }
      for (; tap + 9 <= all; tap += 9) AddProducts<T, Packet, 9>(l, taps, tap, from, sums);
      for (; tap + 6 <= all; tap += 6) AddProducts<T, Packet, 6>(l, taps, tap, from, sums);
      for (; tap + 3 <= all; tap += 3) AddProducts<T, Packet, 3>(l, taps, tap, from, sums);
      for (; tap < all; ++tap) AddProducts<T, Packet, 1>(l, taps, tap, from, sums);
    }
  });
}

template <typename T>
void FinishTapSums(const T* sums, int64_t count, int64_t taps, int64_t channels, T* filter) {
  WithPacket<T>(channels, [&](auto tag) {
    using Packet = typename decltype(tag)::type;
    constexpr int kSize = unpacket_traits<Packet>::size;
    const int64_t size = TapSumsSize<T>(taps, channels);
    for (int64_t i = 0; i * kSize < channels; ++i) {
      const int64_t channel = FirstChannel(i, kSize, channels);
      for (int64_t tap = 0; tap < taps; ++tap) {
        Packet sum = pset1<Packet>(T(0));
        for (int64_t k = 0; k < count; ++k) {
          sum = padd(sum, ploadu<Packet>(sums + k * size + (i * taps + tap) * kSize));
        }
        pstoreu(filter + tap * channels + channel, sum);
      }
    }
  });
}

template void SumTaps<float>(const DepthwiseLine<float>&, const float*, float*);
template void SumTaps<double>(const DepthwiseLine<double>&, const double*, double*);
template int64_t TapSumsSize<float>(int64_t, int64_t);
template int64_t TapSumsSize<double>(int64_t, int64_t);
template void AddTapProducts<float>(const DepthwiseLine<float>&, int64_t, const float*, float*);
template void AddTapProducts<double>(const DepthwiseLine<double>&, int64_t, const double*, double*);
template void FinishTapSums<float>(const float*, int64_t, int64_t, int64_t, float*);
template void FinishTapSums<double>(const double*, int64_t, int64_t, int64_t, double*);

}  // namespace sluice::kernels
