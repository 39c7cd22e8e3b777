// Batch normalization (tf.layers.batch_normalization; Ioffe and Szegedy 2015).
#ifndef SLUICE_LAYERS_BATCH_NORM_H_
#define SLUICE_LAYERS_BATCH_NORM_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "graph/variable.h"
#include "layers/initializers.h"
#include "layers/layer.h"

namespace sluice::layers {

// One axis or several: `.axis = -1`, `.axis = {1, 2}`.
class Axes {
 public:
  Axes(int axis) : values_{axis} {}                              // NOLINT: implicit
  Axes(int64_t axis) : values_{axis} {}                          // NOLINT: implicit
  Axes(std::initializer_list<int64_t> axes) : values_(axes) {}   // NOLINT: implicit
  Axes(std::vector<int64_t> axes) : values_(std::move(axes)) {}  // NOLINT: implicit
  const std::vector<int64_t>& values() const { return values_; }
  friend bool operator==(const Axes& a, const Axes& b) = default;

 private:
  std::vector<int64_t> values_;
};
// The axes counted from the front. InvalidArgument ~ "Input has undefined rank", "Invalid axis",
// "Duplicate axis", and "Input has undefined `axis` dimension" where a size is not known.
absl::StatusOr<std::vector<int>> CanonicalAxes(const Axes& axes, const TensorShape& input);

// Bounds of the corrections of batch renormalization; empty: none.
struct RenormClipping {
  std::optional<double> rmin = {};
  std::optional<double> rmax = {};
  std::optional<double> dmax = {};
};

// Fields in the order of tf.layers.batch_normalization's keyword arguments.
struct BatchNormalizationOptions {
  Axes axis = -1;  // the dimensions whose entries are normalized apart; their sizes must be known
  double momentum = 0.99;
  double epsilon = 1e-3;
  bool center = true;  // add beta
  bool scale = true;   // multiply by gamma
  Initializer beta_initializer = initializers::Zeros();
  Initializer gamma_initializer = initializers::Ones();
  Initializer moving_mean_initializer = initializers::Zeros();
  Initializer moving_variance_initializer = initializers::Ones();
  Regularizer beta_regularizer = {};
  Regularizer gamma_regularizer = {};
  Constraint beta_constraint = {};
  Constraint gamma_constraint = {};
  Training training = false;
  bool trainable = true;
  LayerName name = {};  // empty: "batch_normalization", ...
  Reuse reuse = Reuse::kInherit;
  bool renorm = false;  // batch renormalization (Ioffe 2017)
  RenormClipping renorm_clipping = {};
  double renorm_momentum = 0.99;
  std::optional<bool> fused = {};  // empty: fused where it can be (rank 4, axis 1 or 3, float32,
                                   // half or bfloat16, none of the other extras)
  std::optional<int64_t> virtual_batch_size = {};  // > 0, divides the batch: moments of groups of
                                                   // so many samples ("ghost batches")
  // Called in training with the input's shape (int32); what it returns, (scale, bias) broadcast
  // against the input, changes x to x * scale + bias after it was normalized, before gamma and
  // beta. No config can hold it: configs leave it out.
  std::function<std::pair<Output, Output>(At at, Output shape)> adjustment = {};

  void Fields(ConfigFields& f);
};

// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the batch's moments in training
// and the moving ones otherwise (rule LY-3). Variables gamma, beta (trainable), moving_mean,
// moving_variance (not trainable), float32 for half and bfloat16 inputs. Their shape is [size of
// the axis]; with several axes that of the input with 1 elsewhere, with virtual_batch_size a
// further 1 after the batch.
//
// In training the layer adds two updates, moving -= (moving - batch) * (1 - momentum), to the
// collection UPDATE_OPS. They cannot be forgotten: an optimizer's Minimize runs those that its loss
// depends on. The fused form feeds the unbiased variance (n / (n - 1)) to the moving one.
//
// renorm: in training the normalized x becomes x * r + d, with r = stddev / s, d = (mean - m) / s
// (no gradient passes through them), m and s the averages in renorm_mean and renorm_stddev, which
// are divided by renorm_mean_weight and renorm_stddev_weight and so without bias; they are updated
// with the moving moments, which then follow m and s.
//
// virtual_batch_size v: sample i of n belongs to group i mod (n / v), as in TensorFlow; without
// training the batch may have any size.
class BatchNormalizationLayer : public LayerOf<BatchNormalizationOptions> {
 public:
  explicit BatchNormalizationLayer(BatchNormalizationOptions options,
                                   LayerKind kind = LayerKind::kObject);

 private:
  absl::Status Build(At at, const TensorShape& input) override;
  Output Call(At at, const Output& input, const CallOptions& call) override;

  struct Moments {
    Output mean, variance;
  };
  // x * scale + offset; either may be empty.
  struct Transform {
    Output scale, offset;
  };
  absl::Status CheckOptions() const;
  absl::Status ChooseFused(const TensorShape& shape);
  DType ParamDType() const;
  std::vector<int64_t> ParamShape(const TensorShape& input) const;
  void AddVariables(At at, const TensorShape& shape);
  Variable AddMoving(At at, const char* name, const TensorShape& shape, const Initializer& initial);
  void AddRenormVariables(At at, const TensorShape& shape);

  // batch_norm_call.cc
  Output Fused(At at, const Output& input, const Training& training);
  Outputs FusedOp(At at, const Output& input, bool training) const;  // y, mean, variance
  Output VirtualBatches(At at, const Output& input, const Training& training);
  Output Plain(At at, const Output& input, const Training& training);
  Output Normalize(At at, const Output& input, const Moments& used, const Transform& then) const;
  Output Spread(At at, const Output& v, const Output& input) const;
  Moments BatchMoments(At at, const Output& x) const;
  Moments Chosen(At at, const Moments& batch, const Training& training) const;
  void Adjust(At at, const Output& input, const Training& training, Transform* then) const;
  void UpdateMoving(At at, const Output& input, const Moments& batch, const Moments& used);
  Output Update(At at, const Variable& moving, const Output& moment, const AttrValue& update_of);

  // batch_renorm.cc
  struct Renormed {
    Transform correction;  // r, d
    Moments moments;       // for the moving ones
    Outputs updates;
  };
  Renormed Renorm(At at, const Moments& moments, const Training& training) const;
  Output Follow(At at, const Variable& average, const Variable& weight, const Output& value,
                const Training& training, Outputs* updates) const;

  bool fused_ = false;
  std::vector<int> axes_;  // >= 0, of what Plain gets: behind the dimension of virtual batches
  Variable gamma_, beta_, moving_mean_, moving_variance_;
  Variable renorm_mean_, renorm_mean_weight_, renorm_stddev_, renorm_stddev_weight_;
};
Output BatchNormalization(At at, Output inputs, BatchNormalizationOptions options = {});

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_BATCH_NORM_H_
