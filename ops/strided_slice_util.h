// What StridedSlice, its gradient and its assignment form share: begin, end, strides and the five
// masks resolved to one (begin, stride, size) per dimension of the sliced array.
#ifndef SLUICE_OPS_STRIDED_SLICE_UTIL_H_
#define SLUICE_OPS_STRIDED_SLICE_UTIL_H_

#include <cstdint>
#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/op_spec.h"
#include "graph/shape_context.h"
#include "ops/kernels/strided_copy.h"
#include "ops/strided_slice.h"

namespace sluice::ops {

struct SliceMasks {
  int64_t begin, end, ellipsis, new_axis, shrink;
};
SliceMasks MasksOf(const AttrMap& attrs);

// Declares the attrs T, Index and the masks, in TensorFlow's order.
OpSpec& AddSliceMasks(OpSpec& spec);
AttrMap MaskAttrs(const StridedSliceOptions& options);

// The part of one dimension that is taken. size -1: not known.
struct SliceRange {
  int64_t begin = 0, stride = 1, size = -1;
};

struct SliceRegion {
  absl::InlinedVector<SliceRange, 8> ranges;  // per dimension of the sliced array
  TensorShape taken;                          // sizes of the ranges
  TensorShape output;                         // after shrinking and adding dimensions
};

// What is known of the region while shapes are inferred: begin, end and strides are inputs first,
// first + 1 and first + 2. nullopt when the rank of `sliced` or the number of entries is not known.
// InvalidArgument for entries that do not fit.
absl::StatusOr<std::optional<SliceRegion>> KnownRegion(ShapeContext& c, int first,
                                                       const TensorShape& sliced);

// The region that concrete tensors ask for. InvalidArgument for entries that do not fit.
absl::StatusOr<SliceRegion> RegionOf(const TensorShape& shape, const Tensor& begin,
                                     const Tensor& end, const Tensor& strides,
                                     const SliceMasks& masks);

// The copy from the sliced array to the dense slice, or back. REQUIRES: everything is known.
StridedCopy PlanRegion(DType dtype, const TensorShape& shape, const SliceRegion& region,
                       bool to_slice);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRIDED_SLICE_UTIL_H_
