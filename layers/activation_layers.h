// Activations as layers (tf.keras.layers.Activation, ReLU, PReLU, ...; tf.contrib.layers.maxout).
#ifndef SLUICE_LAYERS_ACTIVATION_LAYERS_H_
#define SLUICE_LAYERS_ACTIVATION_LAYERS_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "graph/variable.h"
#include "layers/initializers.h"
#include "layers/layer.h"

namespace sluice::layers {

struct ActivationOptions {
  Activation activation = {};  // a name or a builder; empty: linear
  LayerName name = {};         // empty: "activation", ...

  void Fields(ConfigFields& f);
};
// Applies `activation`. The function is called Activate, for Activation is the type.
class ActivationLayer : public LayerOf<ActivationOptions> {
 public:
  explicit ActivationLayer(ActivationOptions options, LayerKind kind = LayerKind::kObject);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output Activate(At at, Output inputs, ActivationOptions options);

struct ReLUOptions {
  std::optional<double> max_value = {};  // >= 0; empty: no bound
  double negative_slope = 0;             // >= 0
  double threshold = 0;
  LayerName name = {};  // empty: "re_lu", ...

  void Fields(ConfigFields& f);
};
// max_value for x >= max_value, x for threshold <= x < max_value, negative_slope * (x - threshold)
// below.
class ReLULayer : public LayerOf<ReLUOptions> {
 public:
  explicit ReLULayer(ReLUOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output ReLU(At at, Output inputs, ReLUOptions options = {});

struct LeakyReLUOptions {
  double alpha = 0.3;
  LayerName name = {};  // empty: "leaky_re_lu", ...

  void Fields(ConfigFields& f);
};
// x for x >= 0, alpha * x below (Maas et al. 2013).
class LeakyReLULayer : public LayerOf<LeakyReLUOptions> {
 public:
  explicit LeakyReLULayer(LeakyReLUOptions options, LayerKind kind = LayerKind::kObject);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output LeakyReLU(At at, Output inputs, LeakyReLUOptions options = {});

struct PReLUOptions {
  Initializer alpha_initializer = initializers::Zeros();
  Regularizer alpha_regularizer = {};
  Constraint alpha_constraint = {};
  std::vector<int64_t> shared_axes = {};  // along which alpha has size 1; 1 is the first after the
                                          // batch: {1, 2} for one slope per channel of images
  bool trainable = true;
  LayerName name = {};  // empty: "p_re_lu", ...
  Reuse reuse = Reuse::kInherit;

  void Fields(ConfigFields& f);
};
// x for x >= 0, alpha * x below, alpha a variable of the input's shape without the batch (He et al.
// 2015). Dimensions of the input after the first must be known unless they are shared.
class PReLULayer : public LayerOf<PReLUOptions> {
 public:
  explicit PReLULayer(PReLUOptions options, LayerKind kind = LayerKind::kObject);
  const Variable& alpha() const { return alpha_; }

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  Variable alpha_;
};
Output PReLU(At at, Output inputs, PReLUOptions options = {});

struct ELUOptions {
  double alpha = 1;
  LayerName name = {};  // empty: "elu", ...

  void Fields(ConfigFields& f);
};
// x for x > 0, alpha * (e^x - 1) below (Clevert et al. 2015).
class ELULayer : public LayerOf<ELUOptions> {
 public:
  explicit ELULayer(ELUOptions options, LayerKind kind = LayerKind::kObject);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output ELU(At at, Output inputs, ELUOptions options = {});

struct ThresholdedReLUOptions {
  double theta = 1;
  LayerName name = {};  // empty: "thresholded_re_lu", ...

  void Fields(ConfigFields& f);
};
// x for x > theta, else 0 (Konda et al. 2014).
class ThresholdedReLULayer : public LayerOf<ThresholdedReLUOptions> {
 public:
  explicit ThresholdedReLULayer(ThresholdedReLUOptions options,
                                LayerKind kind = LayerKind::kObject);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output ThresholdedReLU(At at, Output inputs, ThresholdedReLUOptions options = {});

struct SoftmaxOptions {
  int64_t axis = -1;
  LayerName name = {};  // empty: "softmax", ...

  void Fields(ConfigFields& f);
};
// activations::Softmax along `axis`; rank >= 2.
class SoftmaxLayer : public LayerOf<SoftmaxOptions> {
 public:
  explicit SoftmaxLayer(SoftmaxOptions options, LayerKind kind = LayerKind::kObject);

 private:
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output Softmax(At at, Output inputs, SoftmaxOptions options = {});

struct MaxOutOptions {
  int64_t num_units = 0;  // required, > 0; divides the size of `axis`
  int64_t axis = -1;
  LayerName name = {};  // empty: "max_out", ...

  void Fields(ConfigFields& f);
};
// The largest of every size / num_units neighbours along `axis`, whose size must be known
// (Goodfellow et al. 2013). InvalidArgument ~ "number of features(7) is not a multiple of
// num_units(3)".
class MaxOutLayer : public LayerOf<MaxOutOptions> {
 public:
  explicit MaxOutLayer(MaxOutOptions options, LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;
};
Output Maxout(At at, Output inputs, MaxOutOptions options);
using MaxoutOptions = MaxOutOptions;
using MaxoutLayer = MaxOutLayer;

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_ACTIVATION_LAYERS_H_
