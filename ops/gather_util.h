// What gathers from tensors and from variables share.
#ifndef SLUICE_OPS_GATHER_UTIL_H_
#define SLUICE_OPS_GATHER_UTIL_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/indexed_slices.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// The axis that is gathered along, and the number of batch dimensions before it.
struct GatherAxes {
  int batch = 0, axis = 0;
};

// Both counted from the front. InvalidArgument where they do not fit the shapes (REQUIRES: known
// ranks), or where a batch dimension differs.
absl::StatusOr<GatherAxes> ResolveAxes(const TensorShape& params, const TensorShape& indices,
                                       int64_t axis, int64_t batch_dims);
// params.shape[:axis] + indices.shape[batch:] + params.shape[axis + 1:]
TensorShape GatheredShape(const TensorShape& params, const TensorShape& indices,
                          const GatherAxes& axes);
// Gathers to `out`, which has that shape. InvalidArgument for an index out of range.
absl::Status GatherAlong(const GatherAxes& axes, const Tensor& params, const Tensor& indices,
                         Tensor& out);

// indices.shape[:-1] + params.shape[k:] with k = indices.shape[-1]; unknown rank where k or a rank
// is not known. InvalidArgument for k greater than params' rank.
absl::StatusOr<TensorShape> GatheredTuplesShape(const TensorShape& params,
                                                const TensorShape& indices);
// Gathers to `out`, which has that shape. InvalidArgument for a tuple that points outside.
absl::Status GatherTuplesTo(const Tensor& params, const Tensor& indices, Tensor& out);

// The gradient with respect to `params`, dense: dy[b, o, j, i] added up per index along `axis`.
// `batch_dims` and `axis` are scalars, not negative. Of `params` only the shape matters.
Output GatheredGradient(At at, const Output& params, const Output& indices, const Ints& batch_dims,
                        const Ints& axis, Output dy);

// The gradient of tuples gathered from something of shape `params_shape`: rows where the tuples
// are single numbers, else dense.
TensorOrSlices GatheredTuplesGradient(At at, Output dy, const Output& indices,
                                      const Output& params_shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_GATHER_UTIL_H_
