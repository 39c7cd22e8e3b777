// Rows (slices along dimension 0) of variables, read and updated by index. The reference forms
// (ScatterAdd, ...) are for imported graphs and have no builders.
#ifndef SLUICE_OPS_VARIABLE_ROWS_H_
#define SLUICE_OPS_VARIABLE_ROWS_H_

#include <cstdint>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct ResourceGatherOptions {
  int64_t batch_dims = 0;  // leading dimensions that the variable and `indices` share
};
// Slices `indices` along dimension batch_dims of the variable, as GatherV2 (ops/gather.h) does of
// a tensor: without batch dimensions, shape indices.shape + variable.shape[1:]. InvalidArgument for
// an index out of range.
Output ResourceGather(At at, Output resource, Output indices, DType dtype,
                      const ResourceGatherOptions& options = {});
// Slices at index tuples, as GatherNd.
Output ResourceGatherNd(At at, Output resource, Output indices, DType dtype);

// Operations: row indices[k] of the variable is combined with row k of `updates` (shape
// indices.shape + variable.shape[1:], or a scalar), one after another.
Output ResourceScatterUpdate(At at, Output resource, Output indices, Output updates);
Output ResourceScatterAdd(At at, Output resource, Output indices, Output updates);
Output ResourceScatterSub(At at, Output resource, Output indices, Output updates);
Output ResourceScatterMul(At at, Output resource, Output indices, Output updates);
Output ResourceScatterDiv(At at, Output resource, Output indices, Output updates);
Output ResourceScatterMin(At at, Output resource, Output indices, Output updates);
Output ResourceScatterMax(At at, Output resource, Output indices, Output updates);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_VARIABLE_ROWS_H_
