// Slices of variables written: x[a:b:c, ..., i] = value. StridedSliceAssign, the form for reference
// variables, is for imported graphs and has no builder.
#ifndef SLUICE_OPS_STRIDED_SLICE_ASSIGN_H_
#define SLUICE_OPS_STRIDED_SLICE_ASSIGN_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"
#include "ops/strided_slice.h"

namespace sluice::ops {

// An operation: `value` goes to the elements of the variable that StridedSlice
// (ops/strided_slice.h) would read; its shape is exactly that of the slice. Any dtype.
// InvalidArgument for another shape
// ("sliced l-value shape [2] does not match r-value shape [3]. ...") and for entries that do not
// fit; FailedPrecondition when the variable has no value yet.
Output ResourceStridedSliceAssign(At at, Output ref, Ints begin, Ints end, Ints strides,
                                  Output value, const StridedSliceOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRIDED_SLICE_ASSIGN_H_
