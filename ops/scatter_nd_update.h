// Slices of tensors and variables updated at index tuples. The reference forms (ScatterNdAdd, ...)
// are for imported graphs and have no builders.
//
// Everywhere updates[j..., i...] goes to the elements [indices[j..., 0], ..., indices[j..., k-1],
// i...], one slice after another: `indices` (int32 or int64) holds tuples of k numbers along its
// last dimension, updates.shape = indices.shape[:-1] + shape[k:], of rank 1 at least.
// InvalidArgument, before anything is written, for other shapes, for updates without indices, and
// ~ "indices[1] = [4] does not index into shape [4]".
#ifndef SLUICE_OPS_SCATTER_ND_UPDATE_H_
#define SLUICE_OPS_SCATTER_ND_UPDATE_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// A copy of `tensor` with slices replaced (where a place is given twice, the last update stays),
// with updates added, with updates subtracted. Numbers; TensorScatterUpdate takes bools and strings
// too. Gradients to tensor and updates.
Output TensorScatterUpdate(At at, Output tensor, Output indices, Output updates);
Output TensorScatterAdd(At at, Output tensor, Output indices, Output updates);
Output TensorScatterSub(At at, Output tensor, Output indices, Output updates);
// As TensorScatterAdd; bools too (or).
Output ScatterNdNonAliasingAdd(At at, Output input, Output indices, Output updates);

// Operations: the same in place, on the variable that `ref` names. FailedPrecondition when it has
// no value yet.
Output ResourceScatterNdUpdate(At at, Output ref, Output indices, Output updates,
                               bool use_locking = true);
Output ResourceScatterNdAdd(At at, Output ref, Output indices, Output updates,
                            bool use_locking = true);
Output ResourceScatterNdSub(At at, Output ref, Output indices, Output updates,
                            bool use_locking = true);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SCATTER_ND_UPDATE_H_
