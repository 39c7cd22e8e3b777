// Initial values of variables (tf.*_initializer). An Initializer is a function (At, shape, dtype)
// -> tensor; these make them. All random ones take an op seed; without one the graph's seed decides
// (tf.set_random_seed, rule IN-9). Each has a config (graph/initializer.h), from which
// layers::InitializerFromConfig makes an equal one.
//
// Errors come when a variable is made, and are kept on the graph: those below; "Expected floating
// point type, got int32." for all random ones but RandomUniform.
#ifndef SLUICE_LAYERS_INITIALIZERS_H_
#define SLUICE_LAYERS_INITIALIZERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/scope.h"

namespace sluice::initializers {

using Seed = std::optional<int64_t>;

Initializer Zeros();
Initializer Ones();
// tf.constant_initializer: one value for all elements, or values in row-major order, of which the
// last fills the rest. InvalidArgument ("Too many elements provided. Needed at most 6, but received
// 8") on the graph when there are too many.
// A tensor with a shape of its own: the values' dimensions, by default a vector (a scalar, where
// one value was given). Only verify_shape looks at it: InvalidArgument ("Expected Tensor's shape:
// (3, 4), got (8,).") unless it is the variable's.
struct ConstantOptions {
  bool verify_shape = false;
  std::optional<std::vector<int64_t>> shape = {};
};
Initializer Constant(double value, ConstantOptions options = {});
Initializer Constant(std::vector<double> values, ConstantOptions options = {});
// tf.random_uniform_initializer: [minval, maxval). Without maxval: 1; integer dtypes (int32, int64)
// need one ("Must specify maxval for integer dtype int32").
Initializer RandomUniform(double minval = 0, std::optional<double> maxval = {}, Seed seed = {});
Initializer RandomNormal(double mean = 0, double stddev = 1, Seed seed = {});
// Normal, redrawn outside two standard deviations.
Initializer TruncatedNormal(double mean = 0, double stddev = 1, Seed seed = {});

enum class FanMode { kFanIn, kFanOut, kFanAvg };
enum class Distribution {
  kTruncatedNormal,
  kUntruncatedNormal,
  kUniform,
  kNormal = kTruncatedNormal,  // the older name
};
struct VarianceScalingOptions {
  double scale = 1;  // > 0
  FanMode mode = FanMode::kFanIn;
  Distribution distribution = Distribution::kTruncatedNormal;
  Seed seed = {};
};
// tf.variance_scaling_initializer, n the fan (rule IN-1), s = scale / max(1, n): truncated normal
// of standard deviation sqrt(s) / 0.87962566103423978 (which makes it sqrt(s) after truncation),
// normal sqrt(s), or uniform in +-sqrt(3 s). "`scale` must be positive float", "Invalid `mode`
// argument", "Invalid `distribution` argument".
Initializer VarianceScaling(VarianceScalingOptions options = {});

Initializer GlorotUniform(
    Seed seed = {});  // Glorot and Bengio 2010: (1, fan average, uniform), +-sqrt(6 / (in + out))
Initializer GlorotNormal(Seed seed = {});
Initializer HeUniform(Seed seed = {});  // He et al. 2015: (2, fan in)
Initializer HeNormal(Seed seed = {});
Initializer LecunUniform(Seed seed = {});  // LeCun et al. 1998: (1, fan in)
Initializer LecunNormal(Seed seed = {});

// tf.orthogonal_initializer: gain times a uniformly distributed matrix of product(shape[:-1]) rows
// and shape[-1] columns, whose columns (or rows, where these are fewer) are orthonormal. "The
// tensor to initialize must be at least two-dimensional". float32 and float64.
Initializer Orthogonal(double gain = 1, Seed seed = {});
// tf.contrib / tf.keras' ConvolutionDeltaOrthogonal (Xiao et al. 2018): a kernel [..., in, out] of
// 1 to 3 spatial dimensions that is zero but for its centre, gain times orthonormal rows: it keeps
// norms up to the gain (TensorFlow 1.15; 1.12 took the root of the gain). "In_filters cannot be
// greater than out_filters."
Initializer DeltaOrthogonal(double gain = 1, Seed seed = {});
// gain times the identity, of any numeric dtype. "Identity matrix initializer can only be used for
// 2D matrices."
Initializer Identity(double gain = 1);

// tf.uniform_unit_scaling_initializer: +-factor sqrt(3 / product(shape[:-1])).
Initializer UniformUnitScaling(double factor = 1, Seed seed = {});
// tf.contrib.layers.variance_scaling_initializer, rule IN-4: uniform in +-sqrt(3 factor / n), or
// truncated normal of standard deviation sqrt(1.3 factor / n); both fans of a vector are its
// length. Of a partitioned variable the fans of each part. "Cannot create initializer for
// non-floating point type."
struct ContribVarianceScalingOptions {
  double factor = 2;
  FanMode mode = FanMode::kFanIn;
  bool uniform = false;
  Seed seed = {};
};
Initializer ContribVarianceScaling(ContribVarianceScalingOptions options = {});
// tf.contrib.layers.xavier_initializer: (1, fan average): +-sqrt(6 / (in + out)).
Initializer Xavier(bool uniform = true, Seed seed = {});

// tf.keras.initializers.get: by class or function name ("GlorotUniform", "glorot_uniform"), with
// Keras's defaults, which are not always those above: "random_uniform" and "uniform" are +-0.05,
// "random_normal", "normal" and "truncated_normal" have standard deviation 0.05. InvalidArgument
// "Unknown initializer: x".
absl::StatusOr<Initializer> Get(absl::string_view name);

}  // namespace sluice::initializers

#endif  // SLUICE_LAYERS_INITIALIZERS_H_
