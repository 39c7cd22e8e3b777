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
#include "ops/kernels/epilogue.h"

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

struct MatMulOptions {
  // The elements of b when they never change (kept only in packed form, where that pays).
  const void* constant_b = nullptr;
  // b changes rarely, and MatMulArgs::b_version tells when: a packed copy is kept where that pays.
  bool stable_b = false;
  Epilogue epilogue;  // float and double
  std::shared_ptr<MemoryBudget> budget = MemoryBudget::Process();
};

struct MatMulArgs {
  const void* a = nullptr;
  const void* b = nullptr;
  void* c = nullptr;  // apart from all others
  void* scratch = nullptr;
  // Equal nonzero versions: equal b. 0: b may have changed. (Tensor::version())
  uint64_t b_version = 0;
  const void* bias = nullptr;      // [n], where the epilogue asks for it
  const void* residual = nullptr;  // as c, likewise
};

// One product of fixed sizes. Large float ones are oneDNN's, with b packed when it seldom changes;
// tiny ones, vectors and double are ours and Eigen's; integers (which wrap) and complex numbers
// plain loops; half and bfloat16 are computed in float.
class MatMul {
 public:
  virtual ~MatMul() = default;
  // float, double, half, bfloat16, int32, int64, complex64, complex128; Unimplemented for others,
  // and for an epilogue on other types than float and double. The sizes are those of tensors that
  // exist.
  static absl::StatusOr<std::unique_ptr<MatMul>> Make(DType dtype, const MatMulGeometry& geometry,
                                                      const MatMulOptions& options);
  int64_t scratch_bytes() const { return scratch_bytes_; }
  // Not by two threads at once. Sums over k = 0 are zeros.
  virtual absl::Status Run(const MatMulArgs& args) = 0;

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

// --- the parts, made in files of their own; `geometry` has neither m, n nor k = 0 ---

// float, through oneDNN; Internal where it fails.
absl::StatusOr<std::unique_ptr<MatMul>> MakeDnnlMatMul(const MatMulGeometry& geometry,
                                                       const MatMulOptions& options);
// float and double. The general one, with Eigen.
std::unique_ptr<MatMul> MakeEigenMatMul(DType dtype, const MatMulGeometry& geometry,
                                        const Epilogue& epilogue);
// float and double: one product with m, n or k = 1, at the speed of memory. Results do not depend
// on the number of threads.
std::unique_ptr<MatMul> MakeVectorMatMul(DType dtype, const MatMulGeometry& geometry,
                                         const Epilogue& epilogue);
// float and double: products of a few nanoseconds, without transpose_b. On the calling thread.
std::unique_ptr<MatMul> MakeTinyMatMul(DType dtype, const MatMulGeometry& geometry,
                                       const Epilogue& epilogue);
// Integers, complex; null for others.
std::unique_ptr<MatMul> MakePlainMatMul(DType dtype, const MatMulGeometry& geometry);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_MATMUL_H_
