// Convolutions whose every output position has weights of its own
// (tf.keras.layers.LocallyConnected1D, LocallyConnected2D).
#ifndef SLUICE_LAYERS_LOCALLY_CONNECTED_H_
#define SLUICE_LAYERS_LOCALLY_CONNECTED_H_

#include <utility>
#include <vector>

#include "graph/variable.h"
#include "layers/data_format.h"
#include "layers/initializers.h"
#include "layers/layer.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of the keyword arguments of the Keras classes, which differ in the number of
// sizes only: Window is Int1 or Int2.
template <typename Window>
struct LocallyConnectedOptions {
  int64_t filters = 0;                // required, > 0: output channels
  Window kernel_size = 0;             // required
  Window strides = 1;                 //
  Padding padding = Padding::kValid;  // kSame: implementations 2 and 3 only
  DataFormat data_format = DataFormat::kChannelsLast;
  Activation activation = {};
  bool use_bias = true;
  Initializer kernel_initializer = initializers::GlorotUniform();
  Initializer bias_initializer = initializers::Zeros();
  Regularizer kernel_regularizer = {};
  Regularizer bias_regularizer = {};
  Regularizer activity_regularizer = {};  // a penalty on the output
  Constraint kernel_constraint = {};
  Constraint bias_constraint = {};
  int64_t implementation = 1;  // 1, 2 or 3: see below
  bool trainable = true;
  LayerName name = {};  // empty: "locally_connected2d", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};
using LocallyConnected1DOptions = LocallyConnectedOptions<Int1>;
using LocallyConnected2DOptions = LocallyConnectedOptions<Int2>;

// Like a convolution, but no weight is shared (rule CV-26). x of rank 3 or 4; sizes and channels
// must be known, the batch need not be. With out the sizes of the output, P their product, in those
// of the input, C and F the channels and `filters`:
//   implementation 1: `kernel` [P, kernel cells * C, F], a patch in row-major order of (kernel...,
//     C), or of (C, kernel...) with channels first. One op for all positions.
//   implementation 2: `kernel` (in..., C, out..., F), or (C, in..., F, out...): dense, of which
//   only
//     the connected part counts and gets a gradient. One matrix product.
//   implementation 3: `kernel` [connections], only the connected weights, in the order of (index in
//     a flat output sample, index in a flat input sample). Computed as implementation 1.
// Output o of a dimension is connected with the cells [s * o, s * o + k) (kValid), or with those of
// [s * o - floor(k / 2), s * o - floor(k / 2) + k) that exist (kSame; another placement than that
// of convolutions where k is even or s > 1). `bias` [out..., F], per position; with channels first
// its elements are added in their order to [F, out...], as Keras does.
// The number of nodes does not depend on any size. InvalidArgument: options out of range; kSame
// with implementation 1 ("Invalid border mode for LocallyConnected2D (only "valid" is supported if
// implementation is 1)"); unknown sizes ("The spatial dimensions of the inputs to  a
// LocallyConnected2D layer should be fully-defined"); "Unrecognized implementation mode: 4.";
// another rank; a window larger than a kValid input.
template <typename Window>
class LocallyConnectedLayer : public LayerOf<LocallyConnectedOptions<Window>> {
 public:
  const Variable& kernel() const { return kernel_; }
  const Variable& bias() const { return bias_; }  // empty without use_bias

 protected:
  LocallyConnectedLayer(const char* class_name, LocallyConnectedOptions<Window> options,
                        LayerKind kind);

 private:
  absl::Status CheckOptions() const;
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable kernel_, bias_;
  TensorShape built_for_;
};
extern template struct LocallyConnectedOptions<Int1>;
extern template struct LocallyConnectedOptions<Int2>;
extern template class LocallyConnectedLayer<Int1>;
extern template class LocallyConnectedLayer<Int2>;

class LocallyConnected1DLayer : public LocallyConnectedLayer<Int1> {
 public:
  explicit LocallyConnected1DLayer(LocallyConnected1DOptions options,
                                   LayerKind kind = LayerKind::kObject)
      : LocallyConnectedLayer("LocallyConnected1D", std::move(options), kind) {}
};
class LocallyConnected2DLayer : public LocallyConnectedLayer<Int2> {
 public:
  explicit LocallyConnected2DLayer(LocallyConnected2DOptions options,
                                   LayerKind kind = LayerKind::kObject)
      : LocallyConnectedLayer("LocallyConnected2D", std::move(options), kind) {}
};
Output LocallyConnected1D(At at, Output inputs, LocallyConnected1DOptions options);
Output LocallyConnected2D(At at, Output inputs, LocallyConnected2DOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_LOCALLY_CONNECTED_H_
