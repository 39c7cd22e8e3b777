// The update steps of optimizers for gradients that are slices (graph/indexed_slices.h): only the
// rows given change. The reference forms (SparseApplyMomentum) are for reference variables.
//
// Each op locks the variable and its slots and updates rows one after another, so that an index may
// occur several times. float and double. InvalidArgument, before anything is written, for shapes
// that do not fit and for an index out of range; FailedPrecondition for an uninitialized variable.
#ifndef SLUICE_OPS_SPARSE_TRAINING_H_
#define SLUICE_OPS_SPARSE_TRAINING_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct SparseApplyMomentumOptions {
  bool use_locking = false;
  bool use_nesterov = false;
};
// `var` and `accum` are handles; row indices[k] (int32 or int64) takes row k of `grad`. An
// operation.
Output ResourceSparseApplyMomentum(At at, Output var, Output accum, Output lr, Output grad,
                                   Output indices, Output momentum,
                                   SparseApplyMomentumOptions options = {});
// The same on references; returns `var`.
Output SparseApplyMomentum(At at, Output var, Output accum, Output lr, Output grad, Output indices,
                           Output momentum, SparseApplyMomentumOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_TRAINING_H_
