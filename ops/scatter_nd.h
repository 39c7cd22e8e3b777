// ScatterNd: values added to places of a new tensor.
#ifndef SLUICE_OPS_SCATTER_ND_H_
#define SLUICE_OPS_SCATTER_ND_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// Zeros of shape `shape` to which updates[j..., i...] is added at [indices[j..., 0], ...,
// indices[j..., k-1], i...]: repeated indices add up, in order. `indices` and `shape` are int32 or
// int64, of one dtype; updates.shape = indices.shape[:-1] + shape[k:], of rank 1 at least. Numbers,
// bools (added: or) and strings (added: joined). InvalidArgument for other shapes, for updates
// without indices, and ~ "indices[1] = [4] does not index into shape [4]". Gradient to updates:
// GatherNd.
Output ScatterNd(At at, Output indices, Output updates, Ints shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SCATTER_ND_H_
