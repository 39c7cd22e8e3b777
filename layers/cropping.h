// Edges cut off sequences, images and volumes (tf.keras.layers.Cropping1D, ...).
#ifndef SLUICE_LAYERS_CROPPING_H_
#define SLUICE_LAYERS_CROPPING_H_

#include <utility>

#include "layers/data_format.h"
#include "layers/layer.h"
#include "layers/margins.h"

namespace sluice::layers {

// Sequences have one format: channels last.
struct Cropping1DOptions {
  Margin cropping = 1;  // 2; {1, 2}: before, after
  LayerName name = {};  // empty: "cropping1d", ...

  void Fields(ConfigFields& f);
};
struct Cropping2DOptions {
  Margin2 cropping = 0;  // 2; {1, 2}: height, width; {{top, bottom}, {left, right}}
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "cropping2d", ...

  void Fields(ConfigFields& f);
};
struct Cropping3DOptions {
  Margin3 cropping = 1;  // 2; {1, 2, 3}: depth, height, width; a pair for each
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "cropping3d", ...

  void Fields(ConfigFields& f);
};

// The dimensions of [batch, sizes..., channels] (kChannelsFirst: [batch, channels, sizes...])
// without so many elements at either end; rank 3, 4 and 5 for 1D, 2D and 3D. InvalidArgument for
// negative ones and where they are more than there is.
template <typename OptionsT>
class Cropping : public LayerOf<OptionsT> {
 protected:
  Cropping(const char* class_name, OptionsT options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
extern template class Cropping<Cropping1DOptions>;
extern template class Cropping<Cropping2DOptions>;
extern template class Cropping<Cropping3DOptions>;

class Cropping1DLayer : public Cropping<Cropping1DOptions> {
 public:
  explicit Cropping1DLayer(Cropping1DOptions options, LayerKind kind = LayerKind::kObject)
      : Cropping("Cropping1D", std::move(options), kind) {}
};
class Cropping2DLayer : public Cropping<Cropping2DOptions> {
 public:
  explicit Cropping2DLayer(Cropping2DOptions options, LayerKind kind = LayerKind::kObject)
      : Cropping("Cropping2D", std::move(options), kind) {}
};
class Cropping3DLayer : public Cropping<Cropping3DOptions> {
 public:
  explicit Cropping3DLayer(Cropping3DOptions options, LayerKind kind = LayerKind::kObject)
      : Cropping("Cropping3D", std::move(options), kind) {}
};
Output Cropping1D(At at, Output inputs, Cropping1DOptions options = {});
Output Cropping2D(At at, Output inputs, Cropping2DOptions options = {});
Output Cropping3D(At at, Output inputs, Cropping3DOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CROPPING_H_
