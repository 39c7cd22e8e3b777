// Random tensors, and dropout. Counter-based: the numbers of an op are a function of its seeds and
// of the session's count of random runs, whatever the threads.
#ifndef SLUICE_OPS_RANDOM_H_
#define SLUICE_OPS_RANDOM_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct RandomOptions {
  DType dtype = DType::kFloat;  // half, bfloat16, float32 or float64
  std::optional<int64_t> seed =
      {};  // of the op; with the graph's seed by rule IN-9. Neither: other numbers in every session
};
Output RandomUniform(At at, Ints shape, RandomOptions options = {});  // [0, 1)
Output RandomStandardNormal(At at, Ints shape,
                            RandomOptions options = {});  // mean 0, standard deviation 1
Output TruncatedNormal(At at, Ints shape,
                       RandomOptions options = {});  // the same, redrawn outside of +-2
// Integers of minval's dtype (int32, int64) in [minval, maxval). InvalidArgument when it runs
// unless minval < maxval.
Output RandomUniformInt(At at, Ints shape, Output minval, Output maxval,
                        std::optional<int64_t> seed = {});

struct DropoutOptions {
  float rate = 0.5f;                      // in [0, 1): the share of elements set to 0
  std::vector<int64_t> noise_shape = {};  // of the mask; empty: x's; -1: x's dimension
  std::optional<int64_t> seed = {};
};
// tf.nn.dropout (rule LY-2): x / (1 - rate) where a uniform number is >= rate, else 0; x itself for
// rate 0. Floating dtypes. Scope "dropout".
Output Dropout(At at, Output x, DropoutOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RANDOM_H_
