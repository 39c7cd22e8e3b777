// Layers that rearrange the elements of each sample (tf.keras.layers.Reshape, Permute,
// RepeatVector).
#ifndef SLUICE_LAYERS_RESHAPE_LAYERS_H_
#define SLUICE_LAYERS_RESHAPE_LAYERS_H_

#include <cstdint>
#include <vector>

#include "layers/layer.h"

namespace sluice::layers {

struct ReshapeOptions {
  std::vector<int64_t> target_shape = {};  // without the batch; one entry may be -1: what is left
  LayerName name = {};                     // empty: "reshape", ...

  void Fields(ConfigFields& f);
};
// [n, ...] -> [n, target_shape...], row by row. InvalidArgument: "Can only specify one unknown
// dimension.", and "total size of new array must be unchanged" where the sizes are known and do not
// fit.
class ReshapeLayer : public LayerOf<ReshapeOptions> {
 public:
  explicit ReshapeLayer(ReshapeOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output Reshape(At at, Output inputs, ReshapeOptions options);

struct PermuteOptions {
  std::vector<int64_t> dims = {};  // required: 1 .. rank - 1 in the new order; 1 is the first
                                   // dimension after the batch
  LayerName name = {};             // empty: "permute", ...

  void Fields(ConfigFields& f);
};
// Dimensions after the batch in another order: {2, 1} makes [n, a, b] to [n, b, a].
class PermuteLayer : public LayerOf<PermuteOptions> {
 public:
  explicit PermuteLayer(PermuteOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output Permute(At at, Output inputs, PermuteOptions options);

struct RepeatVectorOptions {
  int64_t n = 0;        // required, > 0
  LayerName name = {};  // empty: "repeat_vector", ...

  void Fields(ConfigFields& f);
};
// [batch, features] -> [batch, n, features].
class RepeatVectorLayer : public LayerOf<RepeatVectorOptions> {
 public:
  explicit RepeatVectorLayer(RepeatVectorOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output RepeatVector(At at, Output inputs, RepeatVectorOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_RESHAPE_LAYERS_H_
