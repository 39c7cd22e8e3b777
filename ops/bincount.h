// Bincount: how often each small number occurs.
#ifndef SLUICE_OPS_BINCOUNT_H_
#define SLUICE_OPS_BINCOUNT_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// bins[v] = number of elements of `arr` (int32) that are v, or the sum of their weights, for v <
// size; larger elements are ignored. `weights` has arr's shape, or no elements: then each counts 1.
// int32, int64, float, double, the dtype of the result. InvalidArgument for negative elements and a
// negative size. No gradient passes.
Output Bincount(At at, Output arr, Ints size, Output weights);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BINCOUNT_H_
