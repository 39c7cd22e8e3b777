// Matrix products of integers and complex numbers in plain loops.
#include <algorithm>
#include <complex>
#include <type_traits>

#include "core/threads.h"
#include "ops/kernels/matmul.h"

namespace sluice::kernels {
namespace {

template <typename T>
T Conj(T x, bool conjugate) {
  if constexpr (std::is_integral_v<T>) {
    return x;
  } else {
    return conjugate ? std::conj(x) : x;
  }
}

template <typename T>
class PlainMatMul : public MatMul {
 public:
  explicit PlainMatMul(const MatMulGeometry& geometry) : g_(geometry), batch_(geometry) {}

  absl::Status Run(const MatMulArgs& args) override {
    const double row_cost = 1.0 * static_cast<double>(g_.k) * static_cast<double>(g_.n);
    ParallelFor(batch_.count() * g_.m, GrainFor(row_cost), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t i = row / g_.m;
        RunRow(static_cast<const T*>(args.a) + batch_.a(i) * g_.m * g_.k,
               static_cast<const T*>(args.b) + batch_.b(i) * g_.k * g_.n, row % g_.m,
               static_cast<T*>(args.c) + row * g_.n);
      }
    });
    return absl::OkStatus();
  }

 private:
  void RunRow(const T* a, const T* b, int64_t row, T* c) const {
    const bool conjugate_a = g_.conjugate && g_.transpose_a;
    const bool conjugate_b = g_.conjugate && g_.transpose_b;
    std::fill(c, c + g_.n, T{});
    for (int64_t l = 0; l < g_.k; ++l) {
      const T x = Conj(g_.transpose_a ? a[l * g_.m + row] : a[row * g_.k + l], conjugate_a);
      for (int64_t j = 0; j < g_.n; ++j)
        c[j] += x * Conj(g_.transpose_b ? b[j * g_.k + l] : b[l * g_.n + j], conjugate_b);
    }
  }

  const MatMulGeometry g_;
  const MatMulBatch batch_;
};

}  // namespace

std::unique_ptr<MatMul> MakePlainMatMul(DType dtype, const MatMulGeometry& g) {
  switch (dtype) {
    case DType::kInt32:
      return std::make_unique<PlainMatMul<uint32_t>>(g);
    case DType::kInt64:
      return std::make_unique<PlainMatMul<uint64_t>>(g);
    case DType::kComplex64:
      return std::make_unique<PlainMatMul<std::complex<float>>>(g);
    case DType::kComplex128:
      return std::make_unique<PlainMatMul<std::complex<double>>>(g);
    default:
      return nullptr;
  }
}

}  // namespace sluice::kernels
