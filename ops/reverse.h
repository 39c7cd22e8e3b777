// Elements in the opposite order along dimensions.
#ifndef SLUICE_OPS_REVERSE_H_
#define SLUICE_OPS_REVERSE_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// `tensor` reversed along the dimensions listed in `axis` (int32 or int64 vector; negative ones
// count from the end; each once). Gradient: dy reversed.
Output ReverseV2(At at, Output tensor, Ints axis);

// The same with a bool per dimension, as old graphs write it.
Output Reverse(At at, Output tensor, Output dims);

struct ReverseSequenceOptions {
  int64_t batch_dim = 0;
};
// For every index b of dimension batch_dim: the first seq_lengths[b] elements along seq_dim
// reversed, the others as they are. `seq_lengths` is an int32 or int64 vector, 0 <= seq_lengths[b]
// <= the size of seq_dim (InvalidArgument otherwise). Any dtype. Gradient: dy reversed likewise.
Output ReverseSequence(At at, Output input, Output seq_lengths, int64_t seq_dim,
                       const ReverseSequenceOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_REVERSE_H_
