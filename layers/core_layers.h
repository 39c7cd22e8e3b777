// Small layers without variables: Flatten and Dropout (tf.layers.flatten, tf.layers.dropout),
// Masking and ActivityRegularization (tf.keras.layers).
#ifndef SLUICE_LAYERS_CORE_LAYERS_H_
#define SLUICE_LAYERS_CORE_LAYERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/at.h"
#include "layers/data_format.h"
#include "layers/layer.h"

namespace sluice::layers {

// Fields in the order of tf.layers.flatten's keyword arguments.
struct FlattenOptions {
  LayerName name = {};  // empty: "flatten", "flatten_1", ...
  DataFormat data_format = DataFormat::kChannelsLast;

  void Fields(ConfigFields& f);
};
// [n, a, b, ...] -> [n, a * b * ...]; rank >= 2. The product is static where a, b, ... are known
// (rule LY-5). kChannelsFirst: the channels of [n, channels, sizes...] are moved to the end before,
// so that the order is that of kChannelsLast.
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

struct MaskingOptions {
  double mask_value = 0;
  LayerName name = {};  // empty: "masking", ...

  void Fields(ConfigFields& f);
};
// A step of [batch, steps, features...] whose features (the last dimension) all equal mask_value is
// masked: set to 0, and false in the output's mask, bool without the last dimension.
class MaskingLayer : public LayerOf<MaskingOptions> {
 public:
  explicit MaskingLayer(MaskingOptions options, LayerKind kind = LayerKind::kObject);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
  Outputs ComputeMask(At at, const Outputs& inputs, const Outputs& masks) override;
};
Output Masking(At at, Output inputs, MaskingOptions options = {});

struct ActivityRegularizationOptions {
  double l1 = 0;
  double l2 = 0;
  LayerName name = {};  // empty: "activity_regularization", ...

  void Fields(ConfigFields& f);
};
// The input, and the loss sum(l1 * |x| + l2 * x^2) (Keras's l1_l2: no half), which is conditional
// on it.
class ActivityRegularizationLayer : public LayerOf<ActivityRegularizationOptions> {
 public:
  explicit ActivityRegularizationLayer(ActivityRegularizationOptions options,
                                       LayerKind kind = LayerKind::kObject);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output ActivityRegularization(At at, Output inputs, ActivityRegularizationOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CORE_LAYERS_H_
