// Shapes and kernels of batch normalization, for its ops and for those that do more in one pass
// (ops/fused_batch_norm_ex.h). The arithmetic: ops/kernels/batch_norm.h.
#ifndef SLUICE_OPS_FUSED_BATCH_NORM_KERNELS_H_
#define SLUICE_OPS_FUSED_BATCH_NORM_KERNELS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/kernel.h"
#include "graph/shape_context.h"

namespace sluice::ops {

// Inputs x, scale, offset, mean, variance, then as many residuals of x's shape as the attr
// num_side_inputs says (0 without that attr). Outputs y, batch_mean, batch_variance,
// reserve_space_1 and 2, and perhaps a scalar. Attr activation_mode, where there is one, is
// "Identity", "Relu" or "Relu6".
absl::Status FusedBatchNormShape(ShapeContext& c);
absl::StatusOr<KernelRun> PrepareFusedBatchNorm(PrepareContext& p);

// Inputs y_backprop, x, scale, reserve_space_1 and 2, and perhaps reserve_space_3, offset, y, then
// num_more_backprops tensors which, added to y_backprop, make the gradient of y. Outputs
// x_backprop, scale_backprop, offset_backprop, two empty vectors, and num_side_inputs times the
// residual's gradient.
absl::Status FusedBatchNormGradShape(ShapeContext& c);
absl::StatusOr<KernelRun> PrepareFusedBatchNormGrad(PrepareContext& p);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FUSED_BATCH_NORM_KERNELS_H_
