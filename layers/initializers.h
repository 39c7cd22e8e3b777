// Initial values of variables (tf.*_initializer). An Initializer is a function (At, shape, dtype)
// -> tensor; these make them. All random ones take an op seed; without one the graph's seed decides
// (tf.set_random_seed, rule IN-9).
#ifndef SLUICE_LAYERS_INITIALIZERS_H_
#define SLUICE_LAYERS_INITIALIZERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/scope.h"

namespace sluice::initializers {

using Seed = std::optional<int64_t>;

Initializer Zeros();
Initializer Ones();
// tf.constant_initializer: one value for all elements, or values in row-major order, of which the
// last fills the rest. InvalidArgument ("Too many elements provided. Needed at most 6, but received
// 8") on the graph when there are too many.
Initializer Constant(double value);
Initializer Constant(std::vector<double> values);
// tf.random_uniform_initializer: [low, high). Floating dtypes only, as all that follow.
Initializer RandomUniform(double low = -0.05, double high = 0.05, Seed seed = {});
Initializer RandomNormal(double mean = 0, double stddev = 1, Seed seed = {});
// Normal, redrawn outside two standard deviations.
Initializer TruncatedNormal(double mean = 0, double stddev = 1, Seed seed = {});

enum class FanMode { kFanIn, kFanOut, kFanAvg };
enum class Distribution { kTruncatedNormal, kUntruncatedNormal, kUniform };
struct VarianceScalingOptions {
  double scale = 1;  // > 0
  FanMode mode = FanMode::kFanIn;
  Distribution distribution = Distribution::kTruncatedNormal;
  Seed seed = {};
};
// tf.variance_scaling_initializer, n the fan (rule IN-1), s = scale / max(1, n): truncated normal
// of standard deviation sqrt(s) / 0.87962566103423978 (which makes it sqrt(s) after truncation),
// normal sqrt(s), or uniform in +-sqrt(3 s).
Initializer VarianceScaling(VarianceScalingOptions options = {});

Initializer GlorotUniform(
    Seed seed = {});  // Glorot and Bengio 2010: (1, fan average, uniform), +-sqrt(6 / (in + out))
Initializer GlorotNormal(Seed seed = {});
Initializer HeUniform(Seed seed = {});  // He et al. 2015: (2, fan in)
Initializer HeNormal(Seed seed = {});
Initializer LecunUniform(Seed seed = {});  // LeCun et al. 1998: (1, fan in)
Initializer LecunNormal(Seed seed = {});

}  // namespace sluice::initializers

#endif  // SLUICE_LAYERS_INITIALIZERS_H_
