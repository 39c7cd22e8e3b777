// Split: a tensor cut into pieces. Unpack: into its slices of one index.
#ifndef SLUICE_OPS_SPLIT_H_
#define SLUICE_OPS_SPLIT_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// `value` cut along dimension `split_dim` into `num_split` pieces of equal size. Any dtype.
// InvalidArgument unless num_split divides the dimension. Gradient: the pieces' gradients joined.
Outputs Split(At at, Ints split_dim, Output value, int64_t num_split);

// The same with a size per piece. One size may be -1: what the others leave. InvalidArgument unless
// the sizes are >= 0 and add up.
Outputs SplitV(At at, Output value, Ints size_splits, Ints split_dim, int64_t num_split);

struct UnpackOptions {
  int64_t axis = 0;  // -rank <= axis < rank
};
// The `num` slices of `value` along `axis`, which has that size and goes away. (tf.unstack)
// Gradient: Pack of theirs.
Outputs Unpack(At at, Output value, int64_t num, const UnpackOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPLIT_H_
