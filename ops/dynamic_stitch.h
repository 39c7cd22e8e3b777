// DynamicPartition: rows dealt out to several tensors. DynamicStitch: rows of several tensors put
// together again.
#ifndef SLUICE_OPS_DYNAMIC_STITCH_H_
#define SLUICE_OPS_DYNAMIC_STITCH_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// merged[indices[m][i...], ...] = data[m][i..., ...]. data[m].shape = indices[m].shape + rest, with
// the same rest for all m. `indices` are int32,
// >= 0; there are as many merged rows as the largest says. Of several rows for one index the last
// wins; rows that no index names are zero. Any dtype. Gradient: Gather of dy.
Output DynamicStitch(At at, const Outputs& indices, const Outputs& data);
// The same; TensorFlow's may write rows in any order.
Output ParallelDynamicStitch(At at, const Outputs& indices, const Outputs& data);

// outputs[k] = the rows data[i..., ...] with partitions[i...] = k, in order. `partitions` are int32
// in [0, num_partitions) (InvalidArgument otherwise); their shape is a prefix of data's. Any dtype.
// Gradient: the rows' gradients stitched together.
Outputs DynamicPartition(At at, Output data, Output partitions, int64_t num_partitions);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_DYNAMIC_STITCH_H_
