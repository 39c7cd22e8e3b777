// The update steps of optimizers for gradients that are slices (graph/indexed_slices.h): only the
// rows given change, by the formulas of ops/kernels/optimizer_updates.h. The reference forms
// (SparseApplyAdagrad, ...) are for reference variables; most have no builders.
//
// Each op locks the variable and its slots and updates rows one after another, so that an index may
// occur several times. float and double; half and bfloat16 are computed in float. InvalidArgument,
// before anything is written, for shapes that do not fit and for an index out of range ("Index 7 at
// offset 1 in indices is out of range [0, 3)"); FailedPrecondition for an uninitialized variable.
#ifndef SLUICE_OPS_SPARSE_TRAINING_H_
#define SLUICE_OPS_SPARSE_TRAINING_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Everywhere: `var` and slots are handles, the other inputs but grad and indices scalars of the
// variable's dtype; row indices[k] (int32 or int64) takes row k of `grad`. All are operations.

struct SparseApplyMomentumOptions {
  bool use_locking = false;
  bool use_nesterov = false;
};
Output ResourceSparseApplyMomentum(At at, Output var, Output accum, Output lr, Output grad,
                                   Output indices, Output momentum,
                                   SparseApplyMomentumOptions options = {});
Output ResourceSparseApplyKerasMomentum(At at, Output var, Output accum, Output lr, Output grad,
                                        Output indices, Output momentum,
                                        SparseApplyMomentumOptions options = {});
// The same on references; returns `var`.
Output SparseApplyMomentum(At at, Output var, Output accum, Output lr, Output grad, Output indices,
                           Output momentum, SparseApplyMomentumOptions options = {});

struct SparseApplyAdagradOptions {
  bool use_locking = false;
  bool update_slots = true;
};
Output ResourceSparseApplyAdagrad(At at, Output var, Output accum, Output lr, Output grad,
                                  Output indices, SparseApplyAdagradOptions options = {});
Output ResourceSparseApplyAdagradV2(At at, Output var, Output accum, Output lr, Output epsilon,
                                    Output grad, Output indices,
                                    SparseApplyAdagradOptions options = {});
// `global_step` is an int64 scalar.
Output ResourceSparseApplyAdagradDA(At at, Output var, Output gradient_accumulator,
                                    Output gradient_squared_accumulator, Output grad,
                                    Output indices, Output lr, Output l1, Output l2,
                                    Output global_step, bool use_locking = false);

Output ResourceSparseApplyAdadelta(At at, Output var, Output accum, Output accum_update, Output lr,
                                   Output rho, Output epsilon, Output grad, Output indices,
                                   bool use_locking = false);
Output ResourceSparseApplyRMSProp(At at, Output var, Output ms, Output mom, Output lr, Output rho,
                                  Output momentum, Output epsilon, Output grad, Output indices,
                                  bool use_locking = false);
Output ResourceSparseApplyCenteredRMSProp(At at, Output var, Output mg, Output ms, Output mom,
                                          Output lr, Output rho, Output momentum, Output epsilon,
                                          Output grad, Output indices, bool use_locking = false);
Output ResourceSparseApplyFtrl(At at, Output var, Output accum, Output linear, Output grad,
                               Output indices, Output lr, Output l1, Output l2, Output lr_power,
                               bool use_locking = false);
Output ResourceSparseApplyFtrlV2(At at, Output var, Output accum, Output linear, Output grad,
                                 Output indices, Output lr, Output l1, Output l2,
                                 Output l2_shrinkage, Output lr_power, bool use_locking = false);
Output ResourceSparseApplyProximalGradientDescent(At at, Output var, Output alpha, Output l1,
                                                  Output l2, Output grad, Output indices,
                                                  bool use_locking = false);
Output ResourceSparseApplyProximalAdagrad(At at, Output var, Output accum, Output lr, Output l1,
                                          Output l2, Output grad, Output indices,
                                          bool use_locking = false);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_TRAINING_H_
