// Layers that make one tensor of several (tf.keras.layers.Add, Concatenate, Dot, ...).
#ifndef SLUICE_LAYERS_MERGE_H_
#define SLUICE_LAYERS_MERGE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "layers/layer.h"

namespace sluice::layers {

struct MergeOptions {
  LayerName name = {};  // empty: "add", "add_1", ...

  void Fields(ConfigFields& f);
};

// Elementwise, of two or more tensors [batch, ...] with numpy's broadcasting after the batch; one
// of a lower rank gets dimensions of 1 after the batch: [n, 3] and [n, 2, 3] make [n, 2, 3].
// InvalidArgument: "A merge layer should be called on a list of at least 2 inputs", "Can not merge
// tensors with different batch sizes", "Operands could not be broadcast together with shapes"; an
// unknown rank. Masks are combined: true where all are.
class Merge : public LayerOf<MergeOptions, Layer> {
 protected:
  // The nodes are called `node` and made by `op`.
  Merge(const char* class_name, const char* op, const char* node, MergeOptions options,
        LayerKind kind);

  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
  Outputs ComputeMask(At at, const Outputs& inputs, const Outputs& masks) override;

 private:
  const char* op_;
  const char* node_;
};

class AddLayer : public Merge {
 public:
  explicit AddLayer(MergeOptions options, LayerKind kind = LayerKind::kObject)
      : Merge("Add", "AddV2", "add", std::move(options), kind) {}
};
// The first minus the second: exactly two inputs.
class SubtractLayer : public Merge {
 public:
  explicit SubtractLayer(MergeOptions options, LayerKind kind = LayerKind::kObject)
      : Merge("Subtract", "Sub", "sub", std::move(options), kind) {}

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
};
class MultiplyLayer : public Merge {
 public:
  explicit MultiplyLayer(MergeOptions options, LayerKind kind = LayerKind::kObject)
      : Merge("Multiply", "Mul", "mul", std::move(options), kind) {}
};
// The sum divided by the number of inputs.
class AverageLayer : public Merge {
 public:
  explicit AverageLayer(MergeOptions options, LayerKind kind = LayerKind::kObject)
      : Merge("Average", "AddV2", "add", std::move(options), kind) {}

 private:
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
};
class MaximumLayer : public Merge {
 public:
  explicit MaximumLayer(MergeOptions options, LayerKind kind = LayerKind::kObject)
      : Merge("Maximum", "Maximum", "Maximum", std::move(options), kind) {}
};
class MinimumLayer : public Merge {
 public:
  explicit MinimumLayer(MergeOptions options, LayerKind kind = LayerKind::kObject)
      : Merge("Minimum", "Minimum", "Minimum", std::move(options), kind) {}
};

Output Add(At at, const Outputs& inputs, MergeOptions options = {});
Output Subtract(At at, const Outputs& inputs, MergeOptions options = {});
Output Multiply(At at, const Outputs& inputs, MergeOptions options = {});
Output Average(At at, const Outputs& inputs, MergeOptions options = {});
Output Maximum(At at, const Outputs& inputs, MergeOptions options = {});
Output Minimum(At at, const Outputs& inputs, MergeOptions options = {});

struct ConcatenateOptions {
  int64_t axis = -1;
  LayerName name = {};  // empty: "concatenate", ...

  void Fields(ConfigFields& f);
};
// Two or more tensors side by side along `axis`. InvalidArgument ~ "A `Concatenate` layer requires
// inputs with matching shapes except for the concat axis".
class ConcatenateLayer : public LayerOf<ConcatenateOptions, Layer> {
 public:
  explicit ConcatenateLayer(ConcatenateOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
  Outputs ComputeMask(At at, const Outputs& inputs, const Outputs& masks) override;
};
Output Concatenate(At at, const Outputs& inputs, ConcatenateOptions options = {});

struct DotOptions {
  std::vector<int64_t> axes = {};  // required: one of each input, or one for both; not the batch
  bool normalize = false;          // to length 1 along these axes before: cosine proximity
  LayerName name = {};             // empty: "dot", ...

  void Fields(ConfigFields& f);
};
// Products of the samples of two tensors, summed along the axes: [n, a, k] and [n, b, k] with axes
// {2} make [n, a, b]; [n, k] and [n, k] make [n, 1]. InvalidArgument ~ "Dimension incompatibility".
class DotLayer : public LayerOf<DotOptions, Layer> {
 public:
  explicit DotLayer(DotOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
};
Output Dot(At at, const Outputs& inputs, DotOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_MERGE_H_
