// Moving elements about: the one loop behind Transpose, Slice, Pad, Tile, Concat, Reverse,
// SpaceToBatch and their kin. Element types matter only by their size; strings and resources are
// copied by assignment.
#ifndef SLUICE_OPS_KERNELS_STRIDED_COPY_H_
#define SLUICE_OPS_KERNELS_STRIDED_COPY_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "core/dtype.h"

namespace sluice::ops {

// Sizes, positions or strides, one per dimension. No heap up to 8 dimensions.
using Dims = absl::InlinedVector<int64_t, 8>;

// Elements between neighbours along each dimension of a dense row-major array: {12, 4, 1} for {2,
// 3, 4}.
Dims RowMajorStrides(absl::Span<const int64_t> dims);

// A prepared copy of a box of elements from one strided layout to another:
//   to[to.first + sum(i[k] * to.strides[k])] = from[from.first + sum(i[k] * from.strides[k])]   for
//   all 0 <= i[k] < dims[k].
// Strides count elements and may be negative; a stride of 0 in `from` repeats the element. The work
// is planned by the constructor: neighbouring dimensions that can be walked as one are merged, the
// rest ordered by the destination; runs become memcpy, planes whose contiguous directions differ
// are transposed in register-sized tiles.
class StridedCopy {
 public:
  StridedCopy() = default;  // copies nothing
  // Element {0, 0, ...} lies `first` elements after the pointer that Run() gets.
  struct Layout {
    int64_t first;
    absl::Span<const int64_t> strides;
  };
  // REQUIRES: a stride per dimension on both sides; every dim >= 0; distinct indices have distinct
  // destinations.
  StridedCopy(DType dtype, absl::Span<const int64_t> dims, Layout from, Layout to);

  // `from` and `to` point to the arrays; the two boxes do not overlap. Uses ParallelFor when that
  // pays.
  void Run(const void* from, void* to) const;

 private:
  // One loop: `count` steps of so many bytes in either array.
  struct Loop {
    int64_t count = 1;
    int64_t from = 0;
    int64_t to = 0;
  };
  using Plane = void (*)(const Loop& rows, const Loop& columns, const char* from, char* to);
  friend struct PlaneKernels;

  void Normalize();
  void Widen();
  void PickPlane();
  void RunRows(int64_t begin, int64_t end, const char* from, char* to) const;

  absl::InlinedVector<Loop, 6> outer_;  // outermost first
  Loop rows_, columns_;
  Plane plane_ = nullptr;  // null: nothing to copy
  int64_t outer_count_ = 0;
  int64_t from_first_ = 0, to_first_ = 0;  // bytes
  int64_t size_ = 0;     // bytes of the unit that is moved: an element, or a few that stay together
  double row_cost_ = 0;  // nanoseconds, about
  bool trivial_ = true;
  DType dtype_ = DType::kInvalid;
};

// `count` neighbouring elements. `from` and `to` do not overlap.
void CopyElements(DType dtype, const void* from, void* to, int64_t count);
// `count` times the element at `value`.
void FillElements(DType dtype, const void* value, void* to, int64_t count);
// Zeros, false, empty strings, null resources.
void ZeroElements(DType dtype, void* to, int64_t count);

// The element `index` places after `base`.
inline const void* ElementAt(const void* base, int64_t index, DType dtype) {
  return static_cast<const char*>(base) + index * static_cast<int64_t>(SizeOf(dtype));
}
inline void* ElementAt(void* base, int64_t index, DType dtype) {
  return static_cast<char*>(base) + index * static_cast<int64_t>(SizeOf(dtype));
}

}  // namespace sluice::ops

#endif  // SLUICE_OPS_KERNELS_STRIDED_COPY_H_
