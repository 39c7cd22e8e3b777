// Sums of products over labelled dimensions: the numeric core of ops/einsum.h.
#ifndef SLUICE_OPS_KERNELS_EINSUM_H_
#define SLUICE_OPS_KERNELS_EINSUM_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/memory.h"
#include "ops/kernels/matmul.h"

namespace sluice::kernels {

// A row-major operand: a label and a size per dimension. A label twice is a diagonal.
struct EinsumOperand {
  absl::InlinedVector<int, 6> labels;
  absl::InlinedVector<int64_t, 6> sizes;
};

// to[kept...] = the sum over the other dimensions of from.
struct SummedCopy {
  struct Dim {
    int64_t size = 1, from = 0, to = 0;  // strides in elements; to is 0 where summed
  };
  std::vector<Dim> kept, summed;
  bool clear = false;  // `to` has elements that nothing is written to: zeros
  int64_t to_size = 0;
};

// c = the sum of products of a and b (or of a alone) over the labels that c has not. Sizes of one
// label agree, but for labels < 0, which are in c and may be 1 in a or b.
class EinsumPlan {
 public:
  // As the types of MatMul::Make; Unimplemented for others.
  static absl::StatusOr<std::unique_ptr<EinsumPlan>> Make(
      DType dtype, const std::vector<EinsumOperand>& inputs, const EinsumOperand& output,
      const std::shared_ptr<MemoryBudget>& budget);
  int64_t scratch_bytes() const { return scratch_bytes_; }
  absl::Status Run(const void* a, const void* b, void* c, void* scratch) const;

 private:
  DType dtype_ = DType::kInvalid;
  std::vector<SummedCopy> gather_;  // per operand
  SummedCopy scatter_;
  std::shared_ptr<MatMul> product_;  // null: one operand
  std::vector<int64_t> offsets_;     // in scratch: operands, product, the product's own
  int64_t scratch_bytes_ = 0;
};

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_EINSUM_H_
