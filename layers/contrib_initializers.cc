// The older ways of scaling: tf.uniform_unit_scaling_initializer, tf.contrib.layers.
#include <algorithm>
#include <cmath>

#include "graph/graph.h"
#include "graph/variable.h"
#include "layers/initializer_nodes.h"
#include "layers/initializers.h"

namespace sluice::initializers {
namespace {

struct UniformUnitScalingArgs {
  double factor = 1;
  Seed seed = {};
  void Fields(layers::ConfigFields& f) {
    f("factor", factor);
    f("seed", seed);
  }
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo* partition) const {
    const TensorShape& full = FullShape(shape, partition);
    double inputs = 1;
    for (int i = 0; i + 1 < full.rank(); ++i) inputs *= static_cast<double>(full.dim(i));
    const double limit = factor * std::sqrt(3 / std::max(inputs, 1.0));
    return UniformInitializerNodes(at, shape, dtype, -limit, limit, seed);
  }
};

// Rule IN-4. Unlike ComputeFans(), of the part, where a variable is partitioned.
double ContribFan(const TensorShape& shape, FanMode mode) {
  const int rank = shape.rank();
  if (rank == 0) return 1;
  double field = 1;
  for (int i = 0; i + 2 < rank; ++i) field *= static_cast<double>(shape.dim(i));
  const double fan_in = field * static_cast<double>(shape.dim(rank > 1 ? -2 : -1));
  const double fan_out = field * static_cast<double>(shape.dim(-1));
  if (mode == FanMode::kFanIn) return fan_in;
  return mode == FanMode::kFanOut ? fan_out : (fan_in + fan_out) / 2;
}

struct ContribVarianceScalingArgs {
  ContribVarianceScalingOptions o;
  void Fields(layers::ConfigFields& f) {
    f("factor", o.factor);
    f.Choice("mode", o.mode,
             {{"fan_in", FanMode::kFanIn},
              {"fan_out", FanMode::kFanOut},
              {"fan_avg", FanMode::kFanAvg}});
    f("uniform", o.uniform);
    f("seed", o.seed);
  }
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    if (!IsFloating(dtype)) {
      return FailInitializer(at, "variance_scaling",
                             "Cannot create initializer for non-floating point type.");
    }
    const double fan = ContribFan(shape, o.mode);
    const double variance = o.factor / (fan > 0 ? fan : 1);
    if (!o.uniform)
      return TruncatedNormalNodes(at, shape, dtype, 0, std::sqrt(1.3 * variance), o.seed);
    const double limit = std::sqrt(3 * variance);
    return UniformInitializerNodes(at, shape, dtype, -limit, limit, o.seed);
  }
};

}  // namespace

Initializer UniformUnitScaling(double factor, Seed seed) {
  return Make("UniformUnitScaling", UniformUnitScalingArgs{factor, seed});
}

Initializer ContribVarianceScaling(ContribVarianceScalingOptions options) {
  if (options.mode < FanMode::kFanIn || options.mode > FanMode::kFanAvg) {
    return [mode = options.mode](At at, const TensorShape&, DType) {
      return FailInitializer(
          at, "variance_scaling",
          absl::StrCat("Unknown mode ", static_cast<int>(mode), " [FAN_IN, FAN_OUT, FAN_AVG]"));
    };
  }
  return Make("ContribVarianceScaling", ContribVarianceScalingArgs{options});
}

Initializer Xavier(bool uniform, Seed seed) {
  return ContribVarianceScaling(
      {.factor = 1, .mode = FanMode::kFanAvg, .uniform = uniform, .seed = seed});
}

absl::StatusOr<Initializer> ReadUniformUnitScaling(const Config& c) {
  return Read<UniformUnitScalingArgs>(c);
}
absl::StatusOr<Initializer> ReadContribVarianceScaling(const Config& c) {
  return Read<ContribVarianceScalingArgs>(c);
}

}  // namespace sluice::initializers
