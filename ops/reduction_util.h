// What reductions over axes share: reading axes, the shape function, the kernel.
#ifndef SLUICE_OPS_REDUCTION_UTIL_H_
#define SLUICE_OPS_REDUCTION_UTIL_H_

#include "absl/status/statusor.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "graph/shape_context.h"
#include "ops/kernels/reduce.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {

// The axes in `indices` (int32 or int64, rank 0 or 1) of an input of that rank, counted from the
// front. InvalidArgument for an axis out of range or given twice.
absl::StatusOr<Dims> ReadAxes(const Tensor& indices, int rank);

// `shape` without those axes, or with 1 there.
TensorShape ReducedShape(const TensorShape& shape, const Dims& axes, bool keep_dims);

// Input 0 reduced over the axes in input 1; attr keep_dims.
absl::Status ReductionShape(ShapeContext& c);

// The kernel that goes with it.
KernelPrepare ReductionKernel(kernels::ReduceFunction function);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_REDUCTION_UTIL_H_
