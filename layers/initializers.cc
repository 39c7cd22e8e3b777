#include "layers/initializers.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/status.h"
#include "graph/at.h"
#include "graph/graph.h"
#include "graph/variable.h"
#include "layers/config.h"

namespace sluice::initializers {
namespace {

Output ConstNode(At at, const char* name, Tensor value) {
  const DType dtype = value.dtype();
  return at.Named(name).Node("Const", {}, {{"value", std::move(value)}, {"dtype", dtype}});
}

// The nodes of tf.random_normal and tf.truncated_normal: `<name>/{shape,mean,stddev,<op>,mul}` and
// `<name>` (rule VAR-2).
Output NormalNodes(At at, const TensorShape& shape, DType dtype, double mean, double stddev,
                   Seed seed, const char* op, const char* name) {
  if (!IsFloating(dtype)) {
    return at.Fail(name, absl::InvalidArgumentError(absl::StrCat(
                             "Expected floating point type, got ", DTypeName(dtype), ".")));
  }
  const At inside = at.Sub(name);
  const std::vector<int32_t> dims(shape.dims().begin(), shape.dims().end());
  const Output size =
      ConstNode(inside, "shape", Tensor::Of<int32_t>({static_cast<int64_t>(dims.size())}, dims));
  const Output mean_node = ConstNode(inside, "mean", NumberTensor(dtype, mean));
  const Output stddev_node = ConstNode(inside, "stddev", NumberTensor(dtype, stddev));
  const auto [seed1, seed2] = at.graph().OpSeeds(seed);
  const Output unit =
      inside.Node(op, {size}, {{"dtype", dtype}, {"seed", seed1}, {"seed2", seed2}});
  const Output scaled = inside.Named("mul").Node("Mul", {unit, stddev_node});
  return inside.AsScope().Node("Add", {scaled, mean_node});
}

Output ScaledNodes(At at, const TensorShape& shape, DType dtype, const TensorShape& fan_shape,
                   const VarianceScalingOptions& options) {
  if (!(options.scale > 0)) {
    return at.Fail("variance_scaling", absl::InvalidArgumentError(absl::StrCat(
                                           "`scale` must be positive float, got ", options.scale)));
  }
  const auto [fan_in, fan_out] = ComputeFans(fan_shape);
  const double fan = options.mode == FanMode::kFanIn    ? fan_in
                     : options.mode == FanMode::kFanOut ? fan_out
                                                        : (fan_in + fan_out) / 2;
  const double variance = options.scale / std::max(1.0, fan);
  // Standard deviation of a standard normal distribution truncated at +-2.
  constexpr double kTruncatedStddev = 0.87962566103423978;
  switch (options.distribution) {
    case Distribution::kTruncatedNormal:
      return NormalNodes(at, shape, dtype, 0, std::sqrt(variance) / kTruncatedStddev, options.seed,
                         "TruncatedNormal", "truncated_normal");
    case Distribution::kUntruncatedNormal:
      return NormalNodes(at, shape, dtype, 0, std::sqrt(variance), options.seed,
                         "RandomStandardNormal", "random_normal");
    case Distribution::kUniform:
      break;
  }
  const double limit = std::sqrt(3 * variance);
  return UniformInitializerNodes(at, shape, dtype, -limit, limit, options.seed);
}

Output ConstantNodes(At at, const TensorShape& shape, DType dtype,
                     const std::vector<double>& values) {
  const int64_t needed = shape.num_elements();
  if (values.empty() || static_cast<int64_t>(values.size()) > std::max<int64_t>(needed, 1)) {
    return at.Fail("Const",
                   absl::InvalidArgumentError(absl::StrCat(
                       values.empty() ? "No elements provided. " : "Too many elements provided. ",
                       "Needed at most ", needed, ", but received ", values.size())));
  }
  absl::StatusOr<Tensor> tensor = Tensor::Make(dtype, shape);
  if (!tensor.ok()) return at.Fail("Const", tensor.status());
  if (!IsNumeric(dtype))
    return at.Fail("Const", absl::InvalidArgumentError(
                                absl::StrCat("expected a numeric dtype, got ", DTypeName(dtype))));
  const size_t size = SizeOf(dtype);
  char* out = static_cast<char*>(tensor->mutable_raw());
  Tensor element;
  for (int64_t i = 0; i < needed; ++i) {
    if (i < static_cast<int64_t>(values.size())) element = NumberTensor(dtype, values[i]);
    std::copy_n(static_cast<const char*>(element.raw()), size, out + i * size);
  }
  return ConstNode(at, "Const", *std::move(tensor));
}

// --- the classes of Keras's names, each with its arguments ---

// Arguments, how they build the value, and what Config they give.
template <typename Args>
Initializer Make(const char* class_name, Args args) {
  return Initializer(
      layers::ConfigOf(class_name, args),
      [args](At at, const TensorShape& shape, DType dtype, const PartitionInfo* partition) {
        return args.Nodes(at, shape, dtype, partition);
      });
}
template <typename Args>
absl::StatusOr<Initializer> Read(const Config& config) {
  Args args;
  SLUICE_RETURN_IF_ERROR(layers::ReadConfig(config, &args));
  return Make(config.class_name.c_str(), args);
}

struct ZerosArgs {
  void Fields(layers::ConfigFields&) {}
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    return ZerosInitializer(at, shape, dtype);
  }
};

struct OnesArgs {
  void Fields(layers::ConfigFields&) {}
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    return OnesInitializer(at, shape, dtype);
  }
};

struct ConstantArgs {
  std::vector<double> value = {0};
  void Fields(layers::ConfigFields& f) { f("value", value); }
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    return ConstantNodes(at, shape, dtype, value);
  }
};

struct RandomUniformArgs {
  double minval = -0.05, maxval = 0.05;
  Seed seed = {};
  void Fields(layers::ConfigFields& f) {
    f("minval", minval);
    f("maxval", maxval);
    f("seed", seed);
  }
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    return UniformInitializerNodes(at, shape, dtype, minval, maxval, seed);
  }
};

struct NormalArgs {
  double mean = 0, stddev = 1;
  Seed seed = {};
  void Fields(layers::ConfigFields& f) {
    f("mean", mean);
    f("stddev", stddev);
    f("seed", seed);
  }
};
struct RandomNormalArgs : NormalArgs {
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    return NormalNodes(at, shape, dtype, mean, stddev, seed, "RandomStandardNormal",
                       "random_normal");
  }
};
struct TruncatedNormalArgs : NormalArgs {
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    return NormalNodes(at, shape, dtype, mean, stddev, seed, "TruncatedNormal", "truncated_normal");
  }
};

struct VarianceScalingArgs {
  VarianceScalingOptions o;
  void Fields(layers::ConfigFields& f) {
    f("scale", o.scale);
    f.Choice("mode", o.mode,
             {{"fan_in", FanMode::kFanIn},
              {"fan_out", FanMode::kFanOut},
              {"fan_avg", FanMode::kFanAvg}});
    f.Choice("distribution", o.distribution,
             {{"truncated_normal", Distribution::kTruncatedNormal},
              {"untruncated_normal", Distribution::kUntruncatedNormal},
              {"uniform", Distribution::kUniform}});
    f("seed", o.seed);
  }
  // The fans of a part of a partitioned variable are those of the whole.
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo* partition) const {
    return ScaledNodes(at, shape, dtype, partition == nullptr ? shape : partition->full_shape, o);
  }
};

Initializer Scaled(double scale, FanMode mode, Distribution distribution, Seed seed) {
  return VarianceScaling(
      {.scale = scale, .mode = mode, .distribution = distribution, .seed = seed});
}

// What InitializerFromConfig knows.
struct InitializerClass {
  const char* name;
  absl::StatusOr<Initializer> (*read)(const Config&);
};
constexpr InitializerClass kClasses[] = {
    {"Zeros", Read<ZerosArgs>},
    {"Ones", Read<OnesArgs>},
    {"Constant", Read<ConstantArgs>},
    {"RandomUniform", Read<RandomUniformArgs>},
    {"RandomNormal", Read<RandomNormalArgs>},
    {"TruncatedNormal", Read<TruncatedNormalArgs>},
    {"VarianceScaling", Read<VarianceScalingArgs>},
};

}  // namespace

Initializer Zeros() { return Make("Zeros", ZerosArgs{}); }
Initializer Ones() { return Make("Ones", OnesArgs{}); }
Initializer Constant(double value) { return Constant(std::vector<double>{value}); }
Initializer Constant(std::vector<double> values) {
  return Make("Constant", ConstantArgs{std::move(values)});
}
Initializer RandomUniform(double low, double high, Seed seed) {
  return Make("RandomUniform", RandomUniformArgs{low, high, seed});
}
Initializer RandomNormal(double mean, double stddev, Seed seed) {
  return Make("RandomNormal", RandomNormalArgs{{mean, stddev, seed}});
}
Initializer TruncatedNormal(double mean, double stddev, Seed seed) {
  return Make("TruncatedNormal", TruncatedNormalArgs{{mean, stddev, seed}});
}
Initializer VarianceScaling(VarianceScalingOptions options) {
  return Make("VarianceScaling", VarianceScalingArgs{options});
}

Initializer GlorotUniform(Seed seed) {
  return Scaled(1, FanMode::kFanAvg, Distribution::kUniform, seed);
}
Initializer GlorotNormal(Seed seed) {
  return Scaled(1, FanMode::kFanAvg, Distribution::kTruncatedNormal, seed);
}
Initializer HeUniform(Seed seed) {
  return Scaled(2, FanMode::kFanIn, Distribution::kUniform, seed);
}
Initializer HeNormal(Seed seed) {
  return Scaled(2, FanMode::kFanIn, Distribution::kTruncatedNormal, seed);
}
Initializer LecunUniform(Seed seed) {
  return Scaled(1, FanMode::kFanIn, Distribution::kUniform, seed);
}
Initializer LecunNormal(Seed seed) {
  return Scaled(1, FanMode::kFanIn, Distribution::kTruncatedNormal, seed);
}

}  // namespace sluice::initializers

namespace sluice::layers {

absl::StatusOr<Initializer> InitializerFromConfig(const Config& config) {
  for (const initializers::InitializerClass& one : initializers::kClasses) {
    if (one.name == config.class_name) return one.read(config);
  }
  return absl::InvalidArgumentError(absl::StrCat("Unknown initializer: ", config.class_name));
}

}  // namespace sluice::layers
