// What the ops on sparse tensors share: three tensors that belong together, and the checks of them.
#ifndef SLUICE_OPS_SPARSE_UTIL_H_
#define SLUICE_OPS_SPARSE_UTIL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "graph/shape_context.h"

namespace sluice::ops {

// A sparse tensor (tf.SparseTensor) as a kernel sees it: element values[i] lies at the coordinates
// row(i); everything else is zero. Points into the kernel's inputs.
struct SparseView {
  int64_t count = 0;
  int rank = 0;
  const int64_t* indices = nullptr;  // [count, rank]
  const Tensor* values = nullptr;    // [count]
  absl::Span<const int64_t> shape;   // [rank]

  const int64_t* row(int64_t i) const { return indices + i * rank; }
  TensorShape dense_shape() const { return TensorShape(shape); }
};

// The sparse tensor of three inputs (int64 indices and shape). InvalidArgument when they do not
// belong together, or the shape has negative dimensions.
absl::StatusOr<SparseView> ReadSparse(const KernelContext& c, int indices, int values, int shape);
absl::StatusOr<SparseView> SparseOf(const Tensor& indices, const Tensor& values,
                                    const Tensor& shape);

// <0, 0, >0: which coordinates come first in row-major order.
int CompareRows(const int64_t* a, const int64_t* b, int rank);

// InvalidArgument "indices[3] = [1,7] is out of bounds: need 0 <= index < [2,5]".
absl::Status CheckBounds(const SparseView& sparse);
// The same, and "... is out of order", "... is repeated" unless the rows increase strictly.
absl::Status CheckSorted(const SparseView& sparse);

// The positions 0 .. count-1 in the order of their coordinates; equal ones stay in order.
std::vector<int64_t> SortedOrder(const SparseView& sparse);

// to[k] = from[order[k]], of any dtype. REQUIRES: room for them.
void PickElements(const Tensor& from, const std::vector<int64_t>& order, Tensor& to);

// The words that TensorFlow uses: "indices[3] = [1,7]".
std::string RowText(int64_t i, absl::Span<const int64_t> row);

// For shape functions: inputs indices, values, shape have ranks 2, 1, 1 and agree in what is known.
absl::Status CheckSparseRanks(const ShapeContext& c, int indices, int values, int shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_UTIL_H_
