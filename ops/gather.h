// Gather: slices of a tensor picked by index. GatherNd: by index tuples.
#ifndef SLUICE_OPS_GATHER_H_
#define SLUICE_OPS_GATHER_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/indexed_slices.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// y[j...] = params[indices[j...]]: slices along dimension 0, in a result of shape indices.shape +
// params.shape[1:]. Indices are int32 or int64; one outside [0, params.dim(0)) fails the run:
// InvalidArgument ~ "indices[2] = 7 is not in [0, 5)". Any dtype of params. Gradient to params:
// IndexedSlices (graph/indexed_slices.h).
Output Gather(At at, Output params, Output indices);

struct GatherV2Options {
  int64_t batch_dims =
      0;  // leading dimensions that params and indices share; negative: counted from indices' rank
};
// Slices along dimension `axis` (a scalar; -rank <= axis < rank, >= batch_dims):
//   y[b..., o..., j..., i...] = params[b..., o..., indices[b..., j...], i...]
// with b the batch dimensions, o those between them and the axis, i those after it. The rest as
// Gather, but the gradient is dense unless axis and batch_dims are 0.
Output GatherV2(At at, Output params, Output indices, Ints axis,
                const GatherV2Options& options = {});

// y[j..., i...] = params[indices[j..., 0], ..., indices[j..., k-1], i...]: the last dimension of
// `indices` holds tuples of k <= rank numbers. InvalidArgument ~ "indices[1] = [2, 7] does not
// index into params of shape [3,5]". Gradient to params: ScatterNd.
Output GatherNd(At at, Output params, Output indices);

// The gradient of rows gathered from something of shape `params_shape` (int32): the rows of `dy`
// belong to `indices`. Any number of indices dimensions, which become one.
IndexedSlices GatheredSlices(At at, Output dy, Output indices, Output params_shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_GATHER_H_
