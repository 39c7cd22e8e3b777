// Products with a vector: bound by the one matrix that is read (or, for k = 1, written), so it goes
// by once, in the order of memory, shared out among the threads.
#include <Eigen/Core>
#include <algorithm>

#include "core/threads.h"
#include "ops/kernels/indexed_product.h"
#include "ops/kernels/matmul.h"

namespace sluice::kernels {
namespace {

using Eigen::internal::packet_traits;
using Eigen::internal::padd;
using Eigen::internal::ploadu;
using Eigen::internal::pmadd;
using Eigen::internal::predux;
using Eigen::internal::pset1;

// Shorter chunks than core/threads.h asks for: memory is what two cores have twice of.
int64_t Grain(double cost) { return GrainFor(4 * cost); }
constexpr double kByteCost = 0.012;  // nanoseconds

// y[j] += sum over l < count of x[l] * lines[l * pitch + j]: four lines at a time, which is as many
// as the prefetchers follow well.
template <typename T>
void AddLines(const T* x, const T* lines, int64_t count, int64_t pitch, int64_t n, T* y) {
  int64_t l = 0;
  for (; l + 4 <= count; l += 4) {
    const T f0 = x[l], f1 = x[l + 1], f2 = x[l + 2], f3 = x[l + 3];
    const T *b0 = lines + l * pitch, *b1 = b0 + pitch, *b2 = b1 + pitch, *b3 = b2 + pitch;
#pragma GCC ivdep
    for (int64_t j = 0; j < n; ++j) y[j] += f0 * b0[j] + f1 * b1[j] + f2 * b2[j] + f3 * b3[j];
  }
  for (; l < count; ++l) {
    const T f = x[l];
    const T* const b = lines + l * pitch;
#pragma GCC ivdep
    for (int64_t j = 0; j < n; ++j) y[j] += f * b[j];
  }
}

// A vector by a matrix in rows: y [columns] = x [lines] times [lines, columns].
template <typename T>
class LinesByVector : public MatMul {
 public:
  LinesByVector(int64_t lines, int64_t columns, bool vector_is_a, const MatMulGeometry& g,
                const Epilogue& epilogue)
      : lines_(lines),
        columns_(columns),
        vector_is_a_(vector_is_a),
        rows_{.rows = g.m, .columns = g.n, .stride = g.n},
        epilogue_(epilogue) {
    // Pieces of memory that one thread reads without a stop; their sums are added up at the end.
    constexpr int64_t kColumns = 4096, kPieceBytes = 1 << 18, kPieces = 16;
    blocks_ = (columns + kColumns - 1) / kColumns;
    const int64_t bytes = lines * columns * static_cast<int64_t>(sizeof(T));
    pieces_ = std::clamp<int64_t>(bytes / kPieceBytes / blocks_, 1, std::min(kPieces, lines));
    if (pieces_ > 1) scratch_bytes_ = (pieces_ - 1) * columns * static_cast<int64_t>(sizeof(T));
  }

  absl::Status Run(const MatMulArgs& args) override {
    const T* const x = static_cast<const T*>(vector_is_a_ ? args.a : args.b);
    const T* const matrix = static_cast<const T*>(vector_is_a_ ? args.b : args.a);
    T* const y = static_cast<T*>(args.c);
    T* const sums = static_cast<T*>(args.scratch);
    const int64_t tasks = pieces_ * blocks_;
    const double bytes = static_cast<double>(lines_ * columns_) * sizeof(T);
    ParallelFor(tasks, Grain(kByteCost * bytes / static_cast<double>(tasks)),
                [&](int64_t begin, int64_t end) {
                  for (int64_t i = begin; i < end; ++i) {
                    const int64_t piece = i / blocks_, block = i % blocks_;
                    const int64_t first = lines_ * piece / pieces_;
                    const int64_t last = lines_ * (piece + 1) / pieces_;
                    const int64_t from = columns_ * block / blocks_;
                    const int64_t to = columns_ * (block + 1) / blocks_;
                    T* const part = (piece == 0 ? y : sums + (piece - 1) * columns_) + from;
                    std::fill_n(part, to - from, T(0));
                    AddLines(x + first, matrix + first * columns_ + from, last - first, columns_,
                             to - from, part);
                  }
                });
    for (int64_t piece = 1; piece < pieces_; ++piece) {
      const T* const more = sums + (piece - 1) * columns_;
      for (int64_t j = 0; j < columns_; ++j) y[j] += more[j];
    }
    EpilogueRows<T> rows = rows_;
    rows.c = y;
    rows.bias = static_cast<const T*>(args.bias);
    rows.residual = static_cast<const T*>(args.residual);
    Finish(epilogue_, rows);
    return absl::OkStatus();
  }

 private:
  const int64_t lines_, columns_;
  const bool vector_is_a_;
  const EpilogueRows<T> rows_;
  const Epilogue epilogue_;
  int64_t pieces_ = 1, blocks_ = 1;
};

template <typename T>
T Dot(const T* a, const T* b, int64_t n) {
  using Packet = typename packet_traits<T>::type;
  constexpr int64_t kSize = packet_traits<T>::size;
  Packet sum[4] = {pset1<Packet>(T(0)), pset1<Packet>(T(0)), pset1<Packet>(T(0)),
                   pset1<Packet>(T(0))};
  int64_t i = 0;
  for (; i + 4 * kSize <= n; i += 4 * kSize) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      sum[v] = pmadd(ploadu<Packet>(a + i + v * kSize), ploadu<Packet>(b + i + v * kSize), sum[v]);
    }
  }
  for (; i + kSize <= n; i += kSize) {
    sum[0] = pmadd(ploadu<Packet>(a + i), ploadu<Packet>(b + i), sum[0]);
  }
  T rest = 0;
  for (; i < n; ++i) rest += a[i] * b[i];
  return predux(padd(padd(sum[0], sum[1]), padd(sum[2], sum[3]))) + rest;
}

// A matrix in rows by a vector: y [lines] = [lines, columns] times x [columns].
template <typename T>
class DotsWithVector : public MatMul {
 public:
  DotsWithVector(int64_t lines, int64_t columns, bool vector_is_a, const MatMulGeometry& g,
                 const Epilogue& epilogue)
      : lines_(lines),
        columns_(columns),
        vector_is_a_(vector_is_a),
        rows_{.rows = g.m, .columns = g.n, .stride = g.n},
        epilogue_(epilogue) {}

  absl::Status Run(const MatMulArgs& args) override {
    const T* const x = static_cast<const T*>(vector_is_a_ ? args.a : args.b);
    const T* const matrix = static_cast<const T*>(vector_is_a_ ? args.b : args.a);
    T* const y = static_cast<T*>(args.c);
    const double cost = 1 + kByteCost * sizeof(T) * static_cast<double>(columns_);
    ParallelFor(lines_, Grain(cost),
                [&](int64_t begin, int64_t end) { Dots(matrix, x, begin, end, y); });
    EpilogueRows<T> rows = rows_;
    rows.c = y;
    rows.bias = static_cast<const T*>(args.bias);
    rows.residual = static_cast<const T*>(args.residual);
    Finish(epilogue_, rows);
    return absl::OkStatus();
  }

 private:
  void Dots(const T* matrix, const T* x, int64_t begin, int64_t end, T* y) const {
    constexpr int64_t kShort = 64;
    if (columns_ >= kShort) {
      for (int64_t i = begin; i < end; ++i) y[i] = Dot(matrix + i * columns_, x, columns_);
      return;
    }
    for (int64_t i = begin; i < end; ++i) {
      const T* const line = matrix + i * columns_;
      T sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int64_t j = 0; j < columns_; ++j) sum += line[j] * x[j];
      y[i] = sum;
    }
  }

  const int64_t lines_, columns_;
  const bool vector_is_a_;
  const EpilogueRows<T> rows_;
  const Epilogue epilogue_;
};

// c [m, n] = a [m] times b [n].
template <typename T>
class OuterProduct : public MatMul {
 public:
  OuterProduct(const MatMulGeometry& g, const Epilogue& epilogue)
      : m_(g.m), n_(g.n), epilogue_(epilogue) {}

  absl::Status Run(const MatMulArgs& args) override {
    const T *const a = static_cast<const T*>(args.a), *const b = static_cast<const T*>(args.b);
    T* const c = static_cast<T*>(args.c);
    const auto* residual = static_cast<const T*>(args.residual);
    ParallelFor(m_, Grain(kByteCost * sizeof(T) * static_cast<double>(n_)),
                [&](int64_t begin, int64_t end) {
                  for (int64_t i = begin; i < end; ++i) {
                    const T f = a[i];
                    T* const line = c + i * n_;
                    for (int64_t j = 0; j < n_; ++j) line[j] = f * b[j];
                    if (epilogue_.empty()) continue;
                    Finish<T>(epilogue_, {.c = line,
                                          .rows = 1,
                                          .columns = n_,
                                          .stride = n_,
                                          .bias = static_cast<const T*>(args.bias),
                                          .residual = residual ? residual + i * n_ : nullptr});
                  }
                });
    return absl::OkStatus();
  }

 private:
  const int64_t m_, n_;
  const Epilogue epilogue_;
};

template <typename T>
std::unique_ptr<MatMul> MakeVector(const MatMulGeometry& g, const Epilogue& epilogue) {
  if (g.m == 1 && !g.transpose_b) {
    return std::make_unique<LinesByVector<T>>(g.k, g.n, true, g, epilogue);
  }
  if (g.m == 1) return std::make_unique<DotsWithVector<T>>(g.n, g.k, true, g, epilogue);
  if (g.n == 1 && g.transpose_a) {
    return std::make_unique<LinesByVector<T>>(g.k, g.m, false, g, epilogue);
  }
  if (g.n == 1) return std::make_unique<DotsWithVector<T>>(g.m, g.k, false, g, epilogue);
  return std::make_unique<OuterProduct<T>>(g, epilogue);
}

}  // namespace

std::unique_ptr<MatMul> MakeVectorMatMul(DType dtype, const MatMulGeometry& g,
                                         const Epilogue& epilogue) {
  if (dtype == DType::kFloat) return MakeVector<float>(g, epilogue);
  return MakeVector<double>(g, epilogue);
}

}  // namespace sluice::kernels
