// The update steps of optimizers. Resource forms (ResourceApplyAdam, ...) are what
// train/optimizer.h builds; reference forms (ApplyAdam, ...), which return the variable, come from
// imported graphs and have no builders.
//
// Each op locks the variable and its slots, makes them writable in place and updates them in one
// pass (ops/kernels/optimizer_updates.h has the formulas). float and double; half and bfloat16 are
// computed in float. Errors of rule OPT-13.
#ifndef SLUICE_OPS_TRAINING_H_
#define SLUICE_OPS_TRAINING_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Variables and slots are handles, hyper-parameters scalars of the variable's dtype. All are
// operations.
Output ResourceApplyGradientDescent(At at, Output var, Output alpha, Output delta,
                                    bool use_locking = false);

struct ResourceApplyMomentumOptions {
  bool use_locking = false;
  bool use_nesterov = false;
};
Output ResourceApplyMomentum(At at, Output var, Output accum, Output lr, Output grad,
                             Output momentum, ResourceApplyMomentumOptions options = {});
Output ResourceApplyKerasMomentum(At at, Output var, Output accum, Output lr, Output grad,
                                  Output momentum, ResourceApplyMomentumOptions options = {});

struct ResourceApplyAdamOptions {
  bool use_locking = false;
  bool use_nesterov = false;
};
// `beta1_power` and `beta2_power` are values (beta^t), not handles.
Output ResourceApplyAdam(At at, Output var, Output m, Output v, Output beta1_power,
                         Output beta2_power, Output lr, Output beta1, Output beta2, Output epsilon,
                         Output grad, ResourceApplyAdamOptions options = {});

struct ResourceApplyAdagradOptions {
  bool use_locking = false;
  bool update_slots = true;
};
Output ResourceApplyAdagrad(At at, Output var, Output accum, Output lr, Output grad,
                            ResourceApplyAdagradOptions options = {});

Output ResourceApplyRMSProp(At at, Output var, Output ms, Output mom, Output lr, Output rho,
                            Output momentum, Output epsilon, Output grad, bool use_locking = false);

// `global_step` is an int64 scalar.
Output ResourceApplyAdagradV2(At at, Output var, Output accum, Output lr, Output epsilon,
                              Output grad, ResourceApplyAdagradOptions options = {});
Output ResourceApplyAdagradDA(At at, Output var, Output gradient_accumulator,
                              Output gradient_squared_accumulator, Output grad, Output lr,
                              Output l1, Output l2, Output global_step, bool use_locking = false);
Output ResourceApplyAdadelta(At at, Output var, Output accum, Output accum_update, Output lr,
                             Output rho, Output epsilon, Output grad, bool use_locking = false);
Output ResourceApplyFtrl(At at, Output var, Output accum, Output linear, Output grad, Output lr,
                         Output l1, Output l2, Output lr_power, bool use_locking = false);
Output ResourceApplyProximalGradientDescent(At at, Output var, Output alpha, Output l1, Output l2,
                                            Output delta, bool use_locking = false);
Output ResourceApplyProximalAdagrad(At at, Output var, Output accum, Output lr, Output l1,
                                    Output l2, Output grad, bool use_locking = false);
Output ResourceApplyAddSign(At at, Output var, Output m, Output lr, Output alpha, Output sign_decay,
                            Output beta, Output grad, bool use_locking = false);
Output ResourceApplyPowerSign(At at, Output var, Output m, Output lr, Output logbase,
                              Output sign_decay, Output beta, Output grad,
                              bool use_locking = false);
Output ResourceApplyAdamWithAmsgrad(At at, Output var, Output m, Output v, Output vhat,
                                    Output beta1_power, Output beta2_power, Output lr, Output beta1,
                                    Output beta2, Output epsilon, Output grad,
                                    bool use_locking = false);
Output ResourceApplyAdaMax(At at, Output var, Output m, Output v, Output beta1_power, Output lr,
                           Output beta1, Output beta2, Output epsilon, Output grad,
                           bool use_locking = false);
Output ResourceApplyCenteredRMSProp(At at, Output var, Output mg, Output ms, Output mom, Output lr,
                                    Output rho, Output momentum, Output epsilon, Output grad,
                                    bool use_locking = false);
Output ResourceApplyFtrlV2(At at, Output var, Output accum, Output linear, Output grad, Output lr,
                           Output l1, Output l2, Output l2_shrinkage, Output lr_power,
                           bool use_locking = false);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TRAINING_H_
