// Products of matrices, one or many at once.
#ifndef SLUICE_OPS_KERNELS_MATMUL_H_
#define SLUICE_OPS_KERNELS_MATMUL_H_

#include <cstdint>
#include <memory>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace sluice::kernels {

// c[i] = op(a[i]) op(b[i]) for every matrix i of the batch: [m, k] x [k, n], row-major. Batch
// dimensions are broadcast.
struct MatMulGeometry {
  int64_t m = 0, k = 0, n = 0;
  bool transpose_a = false, transpose_b = false;  // a is stored [k, m], b [n, k]
  bool conjugate = false;  // what is transposed is conjugated too (complex types)
  // Leading dimensions of a and b, of equal length, and of c; a 1 is repeated. Empty: one product.
  absl::InlinedVector<int64_t, 4> batch_a, batch_b, batch_c;
};

// One product of fixed sizes. Large float ones are oneDNN's, with b packed once when it is
// constant; tiny ones, single rows and double are Eigen's; integers (which wrap) and complex
// numbers plain loops; half and bfloat16 are computed in float.
class MatMul {
 public:
  virtual ~MatMul() = default;
  // float, double, half, bfloat16, int32, int64, complex64, complex128; Unimplemented for others.
  // `constant_b`: the elements of b when they never change (kept only in packed form), else null.
  // The sizes are those of tensors that exist.
  static absl::StatusOr<std::unique_ptr<MatMul>> Make(DType dtype, const MatMulGeometry& geometry,
                                                      const void* constant_b,
                                                      const std::shared_ptr<MemoryBudget>& budget);
  int64_t scratch_bytes() const { return scratch_bytes_; }
  // Not by two threads at once. c is apart from a and b. Sums over k = 0 are zeros.
  virtual absl::Status Run(const void* a, const void* b, void* c, void* scratch) = 0;

 protected:
  int64_t scratch_bytes_ = 0;
};

// The matrices of a batch: where matrix i of each operand begins, in matrices.
class MatMulBatch {
 public:
  explicit MatMulBatch(const MatMulGeometry& geometry);
  int64_t count() const { return count_; }
  int64_t a(int64_t i) const { return index_a_.empty() ? i : index_a_[i]; }
  int64_t b(int64_t i) const { return index_b_.empty() ? i : index_b_[i]; }

 private:
  int64_t count_ = 1;
  absl::InlinedVector<int64_t, 1> index_a_, index_b_;  // empty: nothing is repeated
};

// The parts that are made in files of their own.
std::unique_ptr<MatMul> MakeEigenMatMul(DType dtype,
                                        const MatMulGeometry& geometry);  // float, double
std::unique_ptr<MatMul> MakePlainMatMul(
    DType dtype, const MatMulGeometry& geometry);  // integers, complex; null for others

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_MATMUL_H_
