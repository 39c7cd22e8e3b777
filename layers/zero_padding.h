// Zeros around sequences, images and volumes (tf.keras.layers.ZeroPadding1D, ...).
#ifndef SLUICE_LAYERS_ZERO_PADDING_H_
#define SLUICE_LAYERS_ZERO_PADDING_H_

#include <utility>

#include "layers/data_format.h"
#include "layers/layer.h"
#include "layers/margins.h"

namespace sluice::layers {

// Sequences have one format: channels last.
struct ZeroPadding1DOptions {
  Margin padding = 1;   // 2; {1, 2}: before, after
  LayerName name = {};  // empty: "zero_padding1d", ...

  void Fields(ConfigFields& f);
};
struct ZeroPadding2DOptions {
  Margin2 padding = 1;  // 2; {1, 2}: height, width; {{top, bottom}, {left, right}}
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "zero_padding2d", ...

  void Fields(ConfigFields& f);
};
struct ZeroPadding3DOptions {
  Margin3 padding = 1;  // 2; {1, 2, 3}: depth, height, width; a pair for each
  DataFormat data_format = DataFormat::kChannelsLast;
  LayerName name = {};  // empty: "zero_padding3d", ...

  void Fields(ConfigFields& f);
};

// Zeros before and after the dimensions of [batch, sizes..., channels] (kChannelsFirst: [batch,
// channels, sizes...]); rank 3, 4 and 5 for 1D, 2D and 3D. InvalidArgument for negative ones.
template <typename OptionsT>
class ZeroPadding : public LayerOf<OptionsT> {
 protected:
  ZeroPadding(const char* class_name, OptionsT options, LayerKind kind);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
extern template class ZeroPadding<ZeroPadding1DOptions>;
extern template class ZeroPadding<ZeroPadding2DOptions>;
extern template class ZeroPadding<ZeroPadding3DOptions>;

class ZeroPadding1DLayer : public ZeroPadding<ZeroPadding1DOptions> {
 public:
  explicit ZeroPadding1DLayer(ZeroPadding1DOptions options, LayerKind kind = LayerKind::kObject)
      : ZeroPadding("ZeroPadding1D", std::move(options), kind) {}
};
class ZeroPadding2DLayer : public ZeroPadding<ZeroPadding2DOptions> {
 public:
  explicit ZeroPadding2DLayer(ZeroPadding2DOptions options, LayerKind kind = LayerKind::kObject)
      : ZeroPadding("ZeroPadding2D", std::move(options), kind) {}
};
class ZeroPadding3DLayer : public ZeroPadding<ZeroPadding3DOptions> {
 public:
  explicit ZeroPadding3DLayer(ZeroPadding3DOptions options, LayerKind kind = LayerKind::kObject)
      : ZeroPadding("ZeroPadding3D", std::move(options), kind) {}
};
Output ZeroPadding1D(At at, Output inputs, ZeroPadding1DOptions options = {});
Output ZeroPadding2D(At at, Output inputs, ZeroPadding2DOptions options = {});
Output ZeroPadding3D(At at, Output inputs, ZeroPadding3DOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_ZERO_PADDING_H_
