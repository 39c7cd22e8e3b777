// Matrix products of float and double with Eigen.
#include <Eigen/Core>
#include <algorithm>

#include "core/threads.h"
#include "ops/kernels/matmul.h"

namespace sluice::kernels {
namespace {

template <typename T>
using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <typename T>
using ColMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;
using OuterStride = Eigen::OuterStride<>;

// A transposed row-major matrix is a column-major one.
template <typename T, bool kTransposed>
using Operand = Eigen::Map<const std::conditional_t<kTransposed, ColMajor<T>, RowMajor<T>>,
                           Eigen::Unaligned, OuterStride>;

// Rows [row, row + rows) and columns [column, column + columns) of one product.
struct Part {
  int64_t row = 0, rows = 0, column = 0, columns = 0;
};

template <typename T, bool kTransposeA, bool kTransposeB>
void Multiply(const MatMulGeometry& g, const Part& p, const T* a, const T* b, T* c) {
  const int64_t stride_a = kTransposeA ? g.m : g.k, stride_b = kTransposeB ? g.k : g.n;
  const T* from_a = a + (kTransposeA ? p.row : p.row * g.k);
  const T* from_b = b + (kTransposeB ? p.column * g.k : p.column);
  const Operand<T, kTransposeA> x(from_a, p.rows, g.k, OuterStride(stride_a));
  const Operand<T, kTransposeB> y(from_b, g.k, p.columns, OuterStride(stride_b));
  Eigen::Map<RowMajor<T>, Eigen::Unaligned, OuterStride> z(c + p.row * g.n + p.column, p.rows,
                                                           p.columns, OuterStride(g.n));
  z.noalias() = x * y;
}

template <typename T>
class EigenMatMul : public MatMul {
 public:
  EigenMatMul(const MatMulGeometry& geometry, const Epilogue& epilogue)
      : g_(geometry), batch_(geometry), epilogue_(epilogue) {
    multiply_ = g_.transpose_a
                    ? (g_.transpose_b ? Multiply<T, true, true> : Multiply<T, true, false>)
                    : (g_.transpose_b ? Multiply<T, false, true> : Multiply<T, false, false>);
    // Batches are shared out by matrix, single products by rows, or by columns when there are few
    // rows.
    constexpr int64_t kStrip = 16;
    if (batch_.count() == 1) {
      by_columns_ = g_.m < 2 * kStrip;
      strips_ = std::max<int64_t>(1, (by_columns_ ? g_.n : g_.m) / kStrip);
    }
  }

  absl::Status Run(const MatMulArgs& args) override {
    const T* x = static_cast<const T*>(args.a);
    const T* y = static_cast<const T*>(args.b);
    T* z = static_cast<T*>(args.c);
    if (batch_.count() == 1) {
      const int64_t side = by_columns_ ? g_.n : g_.m;
      ParallelFor(strips_, GrainFor(Cost() / static_cast<double>(strips_)),
                  [&](int64_t begin, int64_t end) {
                    const int64_t first = side * begin / strips_, last = side * end / strips_;
                    const Part part = by_columns_ ? Part{0, g_.m, first, last - first}
                                                  : Part{first, last - first, 0, g_.n};
                    multiply_(g_, part, x, y, z);
                    FinishPart(args, part, 0);
                  });
      return absl::OkStatus();
    }
    ParallelFor(batch_.count(), GrainFor(Cost()), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Part part = {0, g_.m, 0, g_.n};
        multiply_(g_, part, x + batch_.a(i) * g_.m * g_.k, y + batch_.b(i) * g_.k * g_.n,
                  z + i * g_.m * g_.n);
        FinishPart(args, part, i * g_.m * g_.n);
      }
    });
    return absl::OkStatus();
  }

 private:
  // `matrix`: where the part's matrix begins.
  void FinishPart(const MatMulArgs& args, const Part& p, int64_t matrix) const {
    if (epilogue_.empty()) return;
    const int64_t first = matrix + p.row * g_.n + p.column;
    const T *bias = static_cast<const T*>(args.bias), *more = static_cast<const T*>(args.residual);
    Finish<T>(epilogue_, {.c = static_cast<T*>(args.c) + first,
                          .rows = p.rows,
                          .columns = p.columns,
                          .stride = g_.n,
                          .bias = bias != nullptr ? bias + p.column : nullptr,
                          .residual = more != nullptr ? more + first : nullptr});
  }

  // Nanoseconds of one product, about.
  double Cost() const {
    return 50 + 0.015 * sizeof(T) / 4 * static_cast<double>(g_.m) * static_cast<double>(g_.k) *
                    static_cast<double>(g_.n);
  }

  const MatMulGeometry g_;
  const MatMulBatch batch_;
  const Epilogue epilogue_;
  void (*multiply_)(const MatMulGeometry&, const Part&, const T*, const T*, T*);
  bool by_columns_ = false;
  int64_t strips_ = 1;
};

}  // namespace

std::unique_ptr<MatMul> MakeEigenMatMul(DType dtype, const MatMulGeometry& geometry,
                                        const Epilogue& epilogue) {
  if (dtype == DType::kFloat) return std::make_unique<EigenMatMul<float>>(geometry, epilogue);
  return std::make_unique<EigenMatMul<double>>(geometry, epilogue);
}

}  // namespace sluice::kernels
