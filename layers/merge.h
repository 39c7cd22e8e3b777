// Layers that join several inputs to one output (tf.keras.layers.Add, Concatenate, Dot, ...). No
// variables.
#ifndef SLUICE_LAYERS_MERGE_H_
#define SLUICE_LAYERS_MERGE_H_

#include <cstdint>
#include <vector>

#include "layers/layer.h"

namespace sluice::layers {

struct MergeOptions {
  LayerName name = {};  // empty: "add", "add_1", ...; "subtract", ...

  void Fields(ConfigFields& f);
};

// Element by element, with broadcasting; where ranks differ, the smaller ones get dimensions of 1
// behind the batch. InvalidArgument for fewer than two inputs, different batch sizes, or shapes
// that do not broadcast ("Operands could not be broadcast together").
class ElementwiseMerge : public LayerOf<MergeOptions, Layer> {
 protected:
  // Joins the result so far with the next input.
  using Join = Output (*)(At at, const Output& x, const Output& y);
  ElementwiseMerge(const char* class_name, Join join, MergeOptions options, LayerKind kind);

  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;

 private:
  Join join_;
};

class AddLayer : public ElementwiseMerge {
 public:
  explicit AddLayer(MergeOptions options, LayerKind kind = LayerKind::kObject);
};
// The first input minus the second: exactly two.
class SubtractLayer : public ElementwiseMerge {
 public:
  explicit SubtractLayer(MergeOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
};
class MultiplyLayer : public ElementwiseMerge {
 public:
  explicit MultiplyLayer(MergeOptions options, LayerKind kind = LayerKind::kObject);
};
class AverageLayer : public ElementwiseMerge {
 public:
  explicit AverageLayer(MergeOptions options, LayerKind kind = LayerKind::kObject);

 private:
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
};
class MaximumLayer : public ElementwiseMerge {
 public:
  explicit MaximumLayer(MergeOptions options, LayerKind kind = LayerKind::kObject);
};
class MinimumLayer : public ElementwiseMerge {
 public:
  explicit MinimumLayer(MergeOptions options, LayerKind kind = LayerKind::kObject);
};
Output Add(At at, const Outputs& inputs, MergeOptions options = {});
Output Subtract(At at, const Outputs& inputs, MergeOptions options = {});
Output Multiply(At at, const Outputs& inputs, MergeOptions options = {});
Output Average(At at, const Outputs& inputs, MergeOptions options = {});
Output Maximum(At at, const Outputs& inputs, MergeOptions options = {});
Output Minimum(At at, const Outputs& inputs, MergeOptions options = {});

struct ConcatenateOptions {
  int64_t axis = -1;    // not the batch's
  LayerName name = {};  // empty: "concatenate", ...

  void Fields(ConfigFields& f);
};
// Side by side along `axis`. InvalidArgument for fewer than two inputs or other dimensions that
// differ.
class ConcatenateLayer : public LayerOf<ConcatenateOptions, Layer> {
 public:
  explicit ConcatenateLayer(ConcatenateOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;
};
Output Concatenate(At at, const Outputs& inputs, ConcatenateOptions options = {});

struct DotOptions {
  std::vector<int64_t> axes = {-1};  // one for both inputs, or one each; not the batch's
  bool normalize = false;            // to unit length along the axes first: cosine proximity
  LayerName name = {};               // empty: "dot", ...

  void Fields(ConfigFields& f);
};
// Per sample, the sum of products over one axis of each of two inputs of rank 2 or 3: the other
// axes of the first, then those of the second remain ([batch, 1] when none does).
class DotLayer : public LayerOf<DotOptions, Layer> {
 public:
  explicit DotLayer(DotOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) override;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) override;

  int axes_[2] = {};  // >= 1
};
Output Dot(At at, const Outputs& inputs, DotOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_MERGE_H_
