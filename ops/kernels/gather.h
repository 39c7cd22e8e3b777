// Rows copied from (and elements added to) places given by indices.
#ifndef SLUICE_OPS_KERNELS_GATHER_H_
#define SLUICE_OPS_KERNELS_GATHER_H_

#include <cstdint>

#include "absl/types/span.h"
#include "core/dtype.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {

// params is [batch, outer, axis_size, inner], indices [batch, count], the result [batch, outer,
// count, inner].
struct GatherLayout {
  int64_t batch = 1, outer = 1, axis_size = 1, count = 1, inner = 1;
};

// The position of the first index that is not in [0, limit); -1 when all are.
template <typename Index>
int64_t FirstOutside(absl::Span<const Index> indices, int64_t limit);

// to[b, o, j, :] = params[b, o, indices[b, j], :]. REQUIRES: every index is in [0, axis_size).
// Index: int32_t, int64_t.
template <typename Index>
void GatherRows(DType dtype, const GatherLayout& layout, const void* params, const Index* indices,
                void* to);

// Tuples of `depth` numbers that index into an array: tuple t speaks of the `slice` elements that
// begin at sum(tuple[k] * strides[k]).
struct TupleLayout {
  int64_t count = 1, slice = 1;
  Dims sizes, strides;  // of the indexed dimensions
};

// For an array of dimensions `array` and an index tensor of dimensions `indices`, the last of which
// is the tuples' length. REQUIRES: that length is at most the array's rank.
TupleLayout TupleLayoutOf(absl::Span<const int64_t> array, absl::Span<const int64_t> indices);

// The first tuple that points outside the array; -1 when none does.
template <typename Index>
int64_t FirstOutside(const TupleLayout& layout, const Index* tuples);

// Where tuple t points: the first element of its slice.
template <typename Index>
int64_t SliceStart(const TupleLayout& layout, const Index* tuples, int64_t t) {
  const auto depth = static_cast<int64_t>(layout.sizes.size());
  int64_t start = 0;
  for (int64_t k = 0; k < depth; ++k) start += tuples[t * depth + k] * layout.strides[k];
  return start;
}

// to[t, :] = params[tuple t, :]. REQUIRES: every tuple points inside.
template <typename Index>
void GatherTuples(DType dtype, const TupleLayout& layout, const void* params, const Index* tuples,
                  void* to);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_KERNELS_GATHER_H_
