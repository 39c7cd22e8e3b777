#include "ops/kernels/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/threads.h"
#include "glog/logging.h"
#include "ops/kernels/unit.h"

// g++ 12 takes the undefined registers of its own intrinsics for mistakes (GCC bug 105593), and
// warns that vector types lose their alignment attribute as template arguments, which nothing here
// needs.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wignored-attributes"
#include "Eigen/Core"

namespace sluice::ops {
namespace {

// The type with which Eigen moves units of that size in registers, or void.
template <typename E>
struct PacketScalar {
  using type = void;
};
template <>
struct PacketScalar<Bytes4> {
  using type = float;
};
template <>
struct PacketScalar<Bytes8> {
  using type = double;
};

// A square of as many rows as one register holds numbers, moved from one pitch (bytes between rows)
// to another.
template <typename Scalar>
struct RegisterTile {
  using Packet = typename Eigen::internal::packet_traits<Scalar>::type;
  static constexpr int kSize = Eigen::internal::packet_traits<Scalar>::size;

  static void Transpose(const char* from, int64_t from_pitch, char* to, int64_t to_pitch) {
    Eigen::internal::PacketBlock<Packet, kSize> rows;
    for (int i = 0; i < kSize; ++i) {
      rows.packet[i] =
          Eigen::internal::ploadu<Packet>(reinterpret_cast<const Scalar*>(from + i * from_pitch));
    }
    Eigen::internal::ptranspose(rows);
    for (int i = 0; i < kSize; ++i) {
      Eigen::internal::pstoreu(reinterpret_cast<Scalar*>(to + i * to_pitch), rows.packet[i]);
    }
  }
};

template <typename E>
E& Unit(char* base, int64_t offset) {
  return *reinterpret_cast<E*>(base + offset);
}
template <typename E>
const E& Unit(const char* base, int64_t offset) {
  return *reinterpret_cast<const E*>(base + offset);
}

constexpr double kNanosecondsPerByte = 0.05;
constexpr double kNanosecondsPerUnit = 0.6;  // of a copy that is not contiguous

}  // namespace

// The inner two loops, for each pattern of strides.
struct PlaneKernels {
  using Loop = StridedCopy::Loop;

  // Columns are neighbours on both sides.
  template <typename E>
  static void Runs(const Loop& rows, const Loop& columns, const char* from, char* to) {
    for (int64_t r = 0; r < rows.count; ++r, from += rows.from, to += rows.to) {
      if constexpr (std::is_trivially_copyable_v<E>) {
        std::memcpy(to, from, static_cast<size_t>(columns.count) * sizeof(E));
      } else {
        std::copy_n(&Unit<E>(from, 0), columns.count, &Unit<E>(to, 0));
      }
    }
  }

  // Any strides.
  template <typename E>
  static void Strided(const Loop& rows, const Loop& columns, const char* from, char* to) {
    constexpr int64_t kNarrow = 8, kBlock = 512;
    if (columns.count < kNarrow &&
        rows.count > columns.count) {  // the longer loop inside, in cached pieces
      for (int64_t r = 0; r < rows.count; r += kBlock) {
        const int64_t n = std::min(kBlock, rows.count - r);
        for (int64_t c = 0; c < columns.count; ++c) {
          const char* f = from + r * rows.from + c * columns.from;
          char* t = to + r * rows.to + c * columns.to;
          for (int64_t i = 0; i < n; ++i) Unit<E>(t, i * rows.to) = Unit<E>(f, i * rows.from);
        }
      }
      return;
    }
    for (int64_t r = 0; r < rows.count; ++r, from += rows.from, to += rows.to) {
      if (columns.to == sizeof(E) && columns.from == 0) {
        std::fill_n(&Unit<E>(to, 0), columns.count, Unit<E>(from, 0));
      } else {
        for (int64_t c = 0; c < columns.count; ++c) {
          Unit<E>(to, c * columns.to) = Unit<E>(from, c * columns.from);
        }
      }
    }
  }

  // Rows are neighbours in `from`, columns in `to`.
  template <typename E>
  static void Transposed(const Loop& rows, const Loop& columns, const char* from, char* to) {
    using Scalar = typename PacketScalar<E>::type;
    if constexpr (std::is_void_v<Scalar>) {
      TransposedInBlocks<E>(rows, columns, from, to);
    } else {
      TransposedInTiles<E, Scalar>(rows, columns, from, to);
    }
  }

  // Through a small square that stays in the cache whatever the strides are.
  template <typename E>
  static void TransposedInBlocks(const Loop& rows, const Loop& columns, const char* from,
                                 char* to) {
    constexpr int64_t kBlock = 16;
    E square[kBlock][kBlock];
    for (int64_t c0 = 0; c0 < columns.count; c0 += kBlock) {
      const int64_t width = std::min(kBlock, columns.count - c0);
      for (int64_t r0 = 0; r0 < rows.count; r0 += kBlock) {
        const int64_t height = std::min(kBlock, rows.count - r0);
        for (int64_t c = 0; c < width; ++c) {
          std::copy_n(&Unit<E>(from, r0 * rows.from + (c0 + c) * columns.from), height, square[c]);
        }
        for (int64_t r = 0; r < height; ++r) {
          E* target = &Unit<E>(to, (r0 + r) * rows.to + c0 * columns.to);
          for (int64_t c = 0; c < width; ++c) target[c] = square[c][r];
        }
      }
    }
  }

  // Square tiles in registers. The inner loop walks `from` forwards, over a strip short enough that
  // the lines of `to` that one pass opens are still cached when the next pass writes beside them.
  template <typename E, typename Scalar>
  static void TransposedInTiles(const Loop& rows, const Loop& columns, const char* from, char* to) {
    constexpr int64_t kTile = RegisterTile<Scalar>::kSize;
    constexpr int64_t kStrip = 256;
    const int64_t whole_rows = rows.count / kTile * kTile;
    const int64_t whole_columns = columns.count / kTile * kTile;
    for (int64_t r0 = 0; r0 < whole_rows; r0 += kStrip) {
      const int64_t r1 = std::min(r0 + kStrip, whole_rows);
      for (int64_t c = 0; c < whole_columns; c += kTile) {
        for (int64_t r = r0; r < r1; r += kTile) {
          RegisterTile<Scalar>::Transpose(from + r * rows.from + c * columns.from, columns.from,
                                          to + r * rows.to + c * columns.to, rows.to);
        }
      }
    }
    const Loop right{columns.count - whole_columns, columns.from, columns.to};
    TransposedInBlocks<E>({whole_rows, rows.from, rows.to}, right,
                          from + whole_columns * columns.from, to + whole_columns * columns.to);
    TransposedInBlocks<E>({rows.count - whole_rows, rows.from, rows.to}, columns,
                          from + whole_rows * rows.from, to + whole_rows * rows.to);
  }
};

Dims RowMajorStrides(absl::Span<const int64_t> dims) {
  Dims strides(dims.size());
  int64_t stride = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<int64_t>(dims[i], 1);
  }
  return strides;
}

StridedCopy::StridedCopy(DType dtype, absl::Span<const int64_t> dims, Layout from, Layout to)
    : size_(static_cast<int64_t>(SizeOf(dtype))),
      trivial_(IsTriviallyCopyable(dtype)),
      dtype_(dtype) {
  CHECK(dims.size() == from.strides.size() && dims.size() == to.strides.size());
  CHECK_GT(size_, 0) << DTypeName(dtype);
  from_first_ = from.first * size_;
  to_first_ = to.first * size_;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0) return;
    if (dims[i] > 1) outer_.push_back({dims[i], from.strides[i] * size_, to.strides[i] * size_});
  }
  Normalize();
  Widen();
  PickPlane();
}

// Orders the loops by the destination's strides and merges those that continue one another.
void StridedCopy::Normalize() {
  const auto wider = [](const Loop& a, const Loop& b) { return std::abs(a.to) > std::abs(b.to); };
  for (size_t i = 1; i < outer_.size();
       ++i) {  // insertion sort: stable, a handful of items, usually in order
    for (size_t k = i; k > 0 && wider(outer_[k], outer_[k - 1]); --k) {
      std::swap(outer_[k], outer_[k - 1]);
    }
  }
  size_t kept = 0;
  for (size_t i = 1; i < outer_.size(); ++i) {
    const Loop& inner = outer_[i];
    Loop& last = outer_[kept];
    if (last.from == inner.from * inner.count && last.to == inner.to * inner.count) {
      last = {last.count * inner.count, inner.from, inner.to};
    } else {
      outer_[++kept] = inner;
    }
  }
  if (!outer_.empty()) outer_.resize(kept + 1);
}

// A short innermost run of 2^k bytes becomes the unit that is moved: pairs of floats are moved as
// doubles.
void StridedCopy::Widen() {
  if (!trivial_ || outer_.size() < 2) return;
  const Loop& run = outer_.back();
  const int64_t bytes = run.count * size_;
  if (run.from != size_ || run.to != size_ || bytes > 16 || (bytes & (bytes - 1)) != 0) return;
  size_ = bytes;
  outer_.pop_back();
}

void StridedCopy::PickPlane() {
  constexpr int64_t kWorthTransposing = 4;
  if (!outer_.empty()) {
    columns_ = outer_.back();
    outer_.pop_back();
  } else {
    columns_ = {1, size_, size_};
  }
  const bool run = columns_.from == size_ && columns_.to == size_;
  bool transposed = false;
  if (!outer_.empty()) {
    auto row = outer_.end() - 1;
    if (!run && columns_.to == size_ && columns_.from != 0 && columns_.count >= kWorthTransposing) {
      const auto contiguous = std::find_if(outer_.begin(), outer_.end(), [&](const Loop& loop) {
        return loop.from == size_ && loop.count >= kWorthTransposing;
      });
      transposed = contiguous != outer_.end();
      if (transposed) row = contiguous;
    }
    rows_ = *row;
    outer_.erase(row);
  }
  outer_count_ = 1;
  for (const Loop& loop : outer_) outer_count_ *= loop.count;
  row_cost_ = columns_.count * (run ? size_ * kNanosecondsPerByte : kNanosecondsPerUnit) + 1;
  DispatchUnit(dtype_, size_, [&](auto tag) {
    using E = typename decltype(tag)::type;
    plane_ = run          ? &PlaneKernels::Runs<E>
             : transposed ? &PlaneKernels::Transposed<E>
                          : &PlaneKernels::Strided<E>;
  });
}

void StridedCopy::Run(const void* from, void* to) const {
  if (plane_ == nullptr) return;
  const char* source = static_cast<const char*>(from) + from_first_;
  char* target = static_cast<char*>(to) + to_first_;
  const int64_t total_rows = outer_count_ * rows_.count;
  constexpr int64_t kFewRows = 16;
  const double column_cost = row_cost_ / static_cast<double>(columns_.count);
  if (total_rows < kFewRows && columns_.count >= 2 * GrainFor(column_cost)) {
    for (int64_t row = 0; row < total_rows; ++row) {
      // A row that is worth several threads: its columns are cut.
      ParallelFor(columns_.count, GrainFor(column_cost), [&](int64_t begin, int64_t end) {
        StridedCopy piece = *this;
        piece.columns_.count = end - begin;
        piece.RunRows(row, row + 1, source + begin * columns_.from, target + begin * columns_.to);
      });
    }
    return;
  }
  ParallelFor(total_rows, GrainFor(row_cost_),
              [&](int64_t begin, int64_t end) { RunRows(begin, end, source, target); });
}

// Rows [begin, end) of the planes laid end to end.
void StridedCopy::RunRows(int64_t begin, int64_t end, const char* from, char* to) const {
  absl::InlinedVector<int64_t, 6> index(outer_.size());
  int64_t rest = begin / rows_.count;
  for (size_t k = outer_.size(); k-- > 0;) {
    index[k] = rest % outer_[k].count;
    rest /= outer_[k].count;
    from += index[k] * outer_[k].from;
    to += index[k] * outer_[k].to;
  }
  int64_t row = begin % rows_.count;
  while (begin < end) {
    const int64_t count = std::min(rows_.count - row, end - begin);
    plane_({count, rows_.from, rows_.to}, columns_, from + row * rows_.from, to + row * rows_.to);
    begin += count;
    row = 0;
    for (size_t k = outer_.size(); k-- > 0;) {
      from += outer_[k].from;
      to += outer_[k].to;
      if (++index[k] < outer_[k].count) break;
      from -= index[k] * outer_[k].from;
      to -= index[k] * outer_[k].to;
      index[k] = 0;
    }
  }
}

void CopyElements(DType dtype, const void* from, void* to, int64_t count) {
  if (count == 0 || from == to) return;
  constexpr int64_t kSmallBytes = 64 * 1024;
  const int64_t bytes = count * static_cast<int64_t>(SizeOf(dtype));
  if (bytes <= kSmallBytes && IsTriviallyCopyable(dtype)) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
    return;
  }
  StridedCopy(dtype, {count}, {0, {1}}, {0, {1}}).Run(from, to);
}

void FillElements(DType dtype, const void* value, void* to, int64_t count) {
  StridedCopy(dtype, {count}, {0, {0}}, {0, {1}}).Run(value, to);
}

void ZeroElements(DType dtype, void* to, int64_t count) {
  if (IsTriviallyCopyable(dtype)) {
    const auto size = static_cast<int64_t>(SizeOf(dtype));
    ParallelFor(count, GrainFor(kNanosecondsPerByte * static_cast<double>(size)),
                [&](int64_t begin, int64_t end) {
                  std::memset(static_cast<char*>(to) + begin * size, 0,
                              static_cast<size_t>((end - begin) * size));
                });
  } else if (dtype == DType::kString) {
    std::fill_n(static_cast<std::string*>(to), count, std::string());
  } else {
    std::fill_n(static_cast<ResourceRef*>(to), count, ResourceRef());
  }
}

}  // namespace sluice::ops
