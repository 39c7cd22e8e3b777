// RandomShuffle: rows in random order.
#ifndef SLUICE_OPS_RANDOM_SHUFFLE_H_
#define SLUICE_OPS_RANDOM_SHUFFLE_H_

#include <cstdint>
#include <optional>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// The slices of `value` along dimension 0 in random order, every order equally likely. Any dtype; a
// scalar is returned as it is. Not differentiable, as in TensorFlow.
Output RandomShuffle(At at, Output value, std::optional<int64_t> seed = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RANDOM_SHUFFLE_H_
