// Layers without variables: Flatten and Dropout (tf.layers.flatten, tf.layers.dropout).
#ifndef SLUICE_LAYERS_CORE_LAYERS_H_
#define SLUICE_LAYERS_CORE_LAYERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/at.h"
#include "layers/layer.h"

namespace sluice::layers {

struct FlattenOptions {
  std::string name = {};  // of the op scope; empty: "flatten"
};
// [n, a, b, ...] -> [n, a * b * ...]; rank >= 2. The product is static where a, b, ... are known
// (rule LY-5).
Output Flatten(At at, Output inputs, FlattenOptions options = {});

// Fields in the order of tf.layers.dropout's keyword arguments.
struct DropoutOptions {
  float rate = 0.5f;                      // in [0, 1): the share of elements set to 0
  std::vector<int64_t> noise_shape = {};  // empty: the input's; -1 entries are the input's
                                          // dimension; 1 shares a mask along that dimension
  std::optional<int64_t> seed = {};
  Training training = false;
  std::string name = {};  // of the op scope; empty: "dropout"
};
// In training: every element is kept with probability 1 - rate and scaled by 1 / (1 - rate), else 0
// (Srivastava et al., JMLR 2014). Otherwise: the input. `training` as a tensor that is not constant
// computes both and selects. Floating dtypes only.
Output Dropout(At at, Output inputs, DropoutOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CORE_LAYERS_H_
