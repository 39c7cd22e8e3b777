// Layers without variables: Flatten and Dropout (tf.layers.flatten, tf.layers.dropout).
#ifndef SLUICE_LAYERS_CORE_LAYERS_H_
#define SLUICE_LAYERS_CORE_LAYERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/at.h"
#include "layers/layer.h"

namespace sluice::layers {

struct FlattenOptions {
  LayerName name = {};  // empty: "flatten", "flatten_1", ...

  void Fields(ConfigFields& f);
};
// [n, a, b, ...] -> [n, a * b * ...]; rank >= 2. The product is static where a, b, ... are known
// (rule LY-5).
class FlattenLayer : public LayerOf<FlattenOptions> {
 public:
  explicit FlattenLayer(FlattenOptions options, LayerKind kind = LayerKind::kObject);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output Flatten(At at, Output inputs, FlattenOptions options = {});

// Fields in the order of tf.layers.dropout's keyword arguments.
struct DropoutOptions {
  float rate = 0.5f;                      // in [0, 1): the share of elements set to 0
  std::vector<int64_t> noise_shape = {};  // empty: the input's; -1 entries are the input's
                                          // dimension; 1 shares a mask along that dimension
  std::optional<int64_t> seed = {};
  Training training = false;
  LayerName name = {};  // empty: "dropout", "dropout_1", ...

  void Fields(ConfigFields& f);
};
// In training: every element is kept with probability 1 - rate and scaled by 1 / (1 - rate), else 0
// (Srivastava et al., JMLR 2014). Otherwise: the input. `training` as a tensor that is not constant
// computes both and selects. Floating dtypes only.
class DropoutLayer : public LayerOf<DropoutOptions> {
 public:
  explicit DropoutLayer(DropoutOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output Dropout(At at, Output inputs, DropoutOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CORE_LAYERS_H_
