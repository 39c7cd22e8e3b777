#include "ops/kernels/indexed_product.h"

#include <algorithm>

// g++ 12 takes the undefined registers of its own intrinsics for mistakes (GCC bug 105593), and
// warns that vector types lose their alignment attribute as template arguments, which nothing here
// needs.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"
#include "Eigen/Core"

namespace sluice::kernels {
namespace {

using Eigen::internal::packet_traits;
using Eigen::internal::PacketBlock;
using Eigen::internal::ploadu;
using Eigen::internal::pmadd;
using Eigen::internal::pset1;
using Eigen::internal::pstoreu;
using Eigen::internal::ptranspose;
using Eigen::internal::unpacket_traits;

template <typename T>
using Full = typename packet_traits<T>::type;

// A tile of sums stays in registers: 16 of the 32 that AVX-512 has, 8 of the 16 before it.
#ifdef __AVX512F__
constexpr int kTilePackets = 16;
#else
constexpr int kTilePackets = 8;
#endif
constexpr int kTileRows = 8;

// R rows of V packets of c.
template <typename T, typename Packet, int R, int V>
void Tile(const IndexedProduct<T>& p, int64_t row, int64_t column) {
  constexpr int kSize = unpacket_traits<Packet>::size;
  const T* a[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) a[r] = p.a + p.a_row[row + r];
  const T* const b = p.b + column;
  Packet sum[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[r][v] = pset1<Packet>(T(0));
  }
  for (int64_t i = 0; i < p.steps; ++i) {
    const T* const line = b + p.b_step[i];
    const int64_t step = p.a_step[i];
    Packet factor[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) factor[v] = ploadu<Packet>(line + v * kSize);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Packet x = pset1<Packet>(a[r][step]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[r][v] = pmadd(x, factor[v], sum[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    T* const c = p.c + p.c_row[row + r] + column;
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) pstoreu(c + v * kSize, sum[r][v]);
  }
}

// All rows of V packets of columns.
template <typename T, typename Packet, int V>
void Rows(const IndexedProduct<T>& p, int64_t column) {
  int64_t row = 0;
  if constexpr (kTileRows * V <= kTilePackets) {
    for (; row + 8 <= p.rows; row += 8) Tile<T, Packet, 8, V>(p, row, column);
  }
  for (; row + 4 <= p.rows; row += 4) Tile<T, Packet, 4, V>(p, row, column);
  for (; row + 2 <= p.rows; row += 2) Tile<T, Packet, 2, V>(p, row, column);
  for (; row < p.rows; ++row) Tile<T, Packet, 1, V>(p, row, column);
}

// Columns from `column` on, a packet at a time. The last packet begins early enough to fit: what it
// shares with the one before is computed twice, alike. Fewer columns than a packet has: smaller
// packets, at last single numbers.
template <typename T, typename Packet>
void Columns(const IndexedProduct<T>& p, int64_t column) {
  constexpr int kSize = unpacket_traits<Packet>::size;
  if constexpr (kSize > 1) {
    using Half = typename unpacket_traits<Packet>::half;
    if (p.columns < kSize) {
      if constexpr (std::is_same_v<Half, Packet>) {
        Columns<T, T>(p, column);
      } else {
        Columns<T, Half>(p, column);
      }
      return;
    }
  }
  for (; column + kSize <= p.columns; column += kSize) Rows<T, Packet, 1>(p, column);
  if (column < p.columns) Rows<T, Packet, 1>(p, p.columns - kSize);
}

}  // namespace

template <typename T>
void Multiply(const IndexedProduct<T>& p) {
  constexpr int64_t kSize = packet_traits<T>::size;
  constexpr int kFew = kTilePackets / 4, kMany = kTilePackets / kTileRows;
  int64_t column = 0;
  if (p.rows < kTileRows) {  // wider tiles keep the sums of few rows independent
    for (; column + kFew * kSize <= p.columns; column += kFew * kSize) {
      Rows<T, Full<T>, kFew>(p, column);
    }
  }
  if constexpr (kMany > 1) {
    for (; column + kMany * kSize <= p.columns; column += kMany * kSize) {
      Rows<T, Full<T>, kMany>(p, column);
    }
  }
  Columns<T, Full<T>>(p, column);
}

template <typename T>
void TransposeRows(const T* from, const int64_t* rows, int64_t count, int64_t width, T* to,
                   int64_t pitch) {
  constexpr int kSize = packet_traits<T>::size;
  if (width < kSize) {
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t j = 0; j < width; ++j) to[j * pitch + i] = from[rows[i] + j];
    }
    return;
  }
  for (int64_t first = 0; first < count; first += kSize) {
    const T* line[kSize];
    for (int i = 0; i < kSize; ++i) line[i] = from + rows[std::min(first + i, count - 1)];
    for (int64_t j = 0; j < width; j += kSize) {
      const int64_t begin = std::min(j, width - kSize);  // the last tile overlaps
      PacketBlock<Full<T>, kSize> tile;
      for (int i = 0; i < kSize; ++i) tile.packet[i] = ploadu<Full<T>>(line[i] + begin);
      ptranspose(tile);
      for (int i = 0; i < kSize; ++i) pstoreu(to + (begin + i) * pitch + first, tile.packet[i]);
    }
  }
}

template <typename T>
int64_t PacketSize() {
  return packet_traits<T>::size;
}

template void Multiply<float>(const IndexedProduct<float>&);
template void Multiply<double>(const IndexedProduct<double>&);
template void TransposeRows<float>(const float*, const int64_t*, int64_t, int64_t, float*, int64_t);
template void TransposeRows<double>(const double*, const int64_t*, int64_t, int64_t, double*,
                                    int64_t);
template int64_t PacketSize<float>();
template int64_t PacketSize<double>();

}  // namespace sluice::kernels
