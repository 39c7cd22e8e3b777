// Normalization of each sample by itself: instance normalization (Ulyanov et al. 2016) and group
// normalization (Wu and He 2018), as tf.contrib.layers.instance_norm and group_norm.
#ifndef SLUICE_LAYERS_GROUP_NORM_H_
#define SLUICE_LAYERS_GROUP_NORM_H_

#include <cstdint>
#include <vector>

#include "graph/variable.h"
#include "layers/data_format.h"
#include "layers/initializers.h"
#include "layers/layer.h"

namespace sluice::layers {

// Fields in the order of tf.contrib.layers.instance_norm's keyword arguments.
struct InstanceNormOptions {
  bool center = true;  // add beta
  bool scale = true;   // multiply by gamma
  double epsilon = 1e-6;
  Activation activation_fn = {};
  Initializer beta_initializer = initializers::Zeros();
  Initializer gamma_initializer = initializers::Ones();
  bool trainable = true;
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "instance_norm", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};
// activation_fn((x - mean) / sqrt(variance + epsilon) * gamma + beta), mean and (biased) variance
// of each channel of each sample. Rank >= 3, known channels. Variables beta, gamma [channels].
class InstanceNormLayer : public LayerOf<InstanceNormOptions> {
 public:
  explicit InstanceNormLayer(InstanceNormOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable beta_, gamma_;
};
Output InstanceNorm(At at, Output inputs, InstanceNormOptions options = {});

// Fields in the order of tf.contrib.layers.group_norm's keyword arguments.
struct GroupNormOptions {
  int64_t groups = 32;  // > 0, divides the channels
  int64_t channels_axis = -1;
  std::vector<int64_t> reduction_axes = {-3, -2};  // of each mean and variance, with the channels
                                                   // of a group; not channels_axis
  bool center = true;                              // add beta
  bool scale = true;                               // multiply by gamma
  double epsilon = 1e-6;
  Activation activation_fn = {};
  Initializer beta_initializer = initializers::Zeros();
  Initializer gamma_initializer = initializers::Ones();
  bool trainable = true;
  LayerName name = {};  // empty: "group_norm", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};
// The same, mean and variance of each group of neighbouring channels of each sample. Variables
// beta, gamma [channels].
class GroupNormLayer : public LayerOf<GroupNormOptions> {
 public:
  explicit GroupNormLayer(GroupNormOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  int channels_axis_ = 0;            // >= 0
  std::vector<int> reduction_axes_;  // >= 0
  Variable beta_, gamma_;
};
Output GroupNorm(At at, Output inputs, GroupNormOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_GROUP_NORM_H_
