#include "layers/initializers.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "core/status.h"
#include "graph/at.h"
#include "graph/graph.h"
#include "graph/variable.h"
#include "layers/config.h"
#include "layers/initializer_nodes.h"

namespace sluice::initializers {
namespace {

Output ConstNode(At at, const char* name, Tensor value) {
  const DType dtype = value.dtype();
  return at.Named(name).Node("Const", {}, {{"value", std::move(value)}, {"dtype", dtype}});
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
      return TruncatedNormalNodes(at, shape, dtype, 0, std::sqrt(variance) / kTruncatedStddev,
                                  options.seed);
    case Distribution::kUntruncatedNormal:
      return RandomNormalNodes(at, shape, dtype, 0, std::sqrt(variance), options.seed);
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

// --- the classes, each with its arguments ---

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

// "(3, 4)", "(8,)", "()": as Python prints a tuple.
std::string TupleText(absl::Span<const int64_t> dims) {
  return absl::StrCat("(", absl::StrJoin(dims, ", "), dims.size() == 1 ? ",)" : ")");
}

struct ConstantArgs {
  std::vector<double> value = {0};
  bool verify_shape = false;
  std::vector<int64_t> shape = {};  // of the value
  void Fields(layers::ConfigFields& f) {
    f("value", value);
    f("verify_shape", verify_shape);
    f("shape", shape);
  }
  Output Nodes(At at, const TensorShape& wanted, DType dtype, const PartitionInfo*) const {
    if (verify_shape && wanted.dims() != absl::Span<const int64_t>(shape)) {
      return FailInitializer(at, "Const",
                             absl::StrCat("Expected Tensor's shape: ", TupleText(wanted.dims()),
                                          ", got ", TupleText(shape), "."));
    }
    return ConstantNodes(at, wanted, dtype, value);
  }
};

struct RandomUniformArgs {
  double minval = 0;
  std::optional<double> maxval = {};
  Seed seed = {};
  void Fields(layers::ConfigFields& f) {
    f("minval", minval);
    f("maxval", maxval);
    f("seed", seed);
  }
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    if (dtype != DType::kInt32 && dtype != DType::kInt64)
      return UniformInitializerNodes(at, shape, dtype, minval, maxval.value_or(1), seed);
    if (!maxval.has_value()) {
      return FailInitializer(
          at, "random_uniform",
          absl::StrCat("Must specify maxval for integer dtype ", DTypeName(dtype)));
    }
    const At inside = at.Sub("random_uniform");
    const std::vector<int32_t> dims(shape.dims().begin(), shape.dims().end());
    const Output size =
        ConstNode(inside, "shape", Tensor::Of<int32_t>({static_cast<int64_t>(dims.size())}, dims));
    const Output low = ConstNode(inside, "min", NumberTensor(dtype, minval));
    const Output high = ConstNode(inside, "max", NumberTensor(dtype, *maxval));
    const auto [seed1, seed2] = at.graph().OpSeeds(seed);
    return inside.AsScope().Node("RandomUniformInt", {size, low, high},
                                 {{"seed", seed1}, {"seed2", seed2}});
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
    return RandomNormalNodes(at, shape, dtype, mean, stddev, seed);
  }
};
struct TruncatedNormalArgs : NormalArgs {
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo*) const {
    return TruncatedNormalNodes(at, shape, dtype, mean, stddev, seed);
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
             {{"normal", Distribution::kNormal},  // the later of two names is written
              {"truncated_normal", Distribution::kTruncatedNormal},
              {"untruncated_normal", Distribution::kUntruncatedNormal},
              {"uniform", Distribution::kUniform}});
    f("seed", o.seed);
  }
  // The fans of a part of a partitioned variable are those of the whole.
  Output Nodes(At at, const TensorShape& shape, DType dtype, const PartitionInfo* partition) const {
    return ScaledNodes(at, shape, dtype, FullShape(shape, partition), o);
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
    {"Orthogonal", ReadOrthogonal},
    {"ConvolutionDeltaOrthogonal", ReadDeltaOrthogonal},
    {"Identity", ReadIdentity},
    {"UniformUnitScaling", ReadUniformUnitScaling},
    {"ContribVarianceScaling", ReadContribVarianceScaling},
};

// Those that Keras has as classes of their own, with no argument but the seed.
struct NamedClass {
  const char* name;  // in lower case, without underscores
  Initializer (*make)(Seed seed);
};
constexpr NamedClass kNamed[] = {
    {"glorotuniform", GlorotUniform},
    {"glorotnormal", GlorotNormal},
    {"heuniform", HeUniform},
    {"henormal", HeNormal},
    {"lecununiform", LecunUniform},
    {"lecunnormal", LecunNormal},
    // What Keras's defaults are.
    {"zero", [](Seed) { return Zeros(); }},
    {"zeros", [](Seed) { return Zeros(); }},
    {"one", [](Seed) { return Ones(); }},
    {"ones", [](Seed) { return Ones(); }},
    {"constant", [](Seed) { return Constant(0); }},
    {"uniform", [](Seed seed) { return RandomUniform(-0.05, 0.05, seed); }},
    {"randomuniform", [](Seed seed) { return RandomUniform(-0.05, 0.05, seed); }},
    {"normal", [](Seed seed) { return RandomNormal(0, 0.05, seed); }},
    {"randomnormal", [](Seed seed) { return RandomNormal(0, 0.05, seed); }},
    {"truncatednormal", [](Seed seed) { return TruncatedNormal(0, 0.05, seed); }},
    {"variancescaling", [](Seed seed) { return VarianceScaling({.seed = seed}); }},
    {"orthogonal", [](Seed seed) { return Orthogonal(1, seed); }},
    {"identity", [](Seed) { return Identity(); }},
};
const NamedClass* FindNamed(absl::string_view name) {
  const std::string plain = absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", ""}});
  for (const NamedClass& one : kNamed) {
    if (plain == one.name) return &one;
  }
  return nullptr;
}
absl::Status Unknown(absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat("Unknown initializer: ", Printable(name)));
}

struct SeedArgs {
  Seed seed = {};
  void Fields(layers::ConfigFields& f) { f("seed", seed); }
};

}  // namespace

bool IsFloatingOrFail(At at, const char* name, DType dtype) {
  if (IsFloating(dtype)) return true;
  FailInitializer(at, name,
                  absl::StrCat("Expected floating point type, got ", DTypeName(dtype), "."));
  return false;
}

Output FailInitializer(At at, const char* name, const std::string& why) {
  return at.Fail(name, absl::InvalidArgumentError(why));
}

Output NormalNodes(At at, const TensorShape& shape, DType dtype, double mean, double stddev,
                   Seed seed, const char* op, const char* name) {
  if (!IsFloatingOrFail(at, name, dtype)) return {};
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

Output RandomNormalNodes(At at, const TensorShape& shape, DType dtype, double mean, double stddev,
                         Seed seed) {
  return NormalNodes(at, shape, dtype, mean, stddev, seed, "RandomStandardNormal", "random_normal");
}
Output TruncatedNormalNodes(At at, const TensorShape& shape, DType dtype, double mean,
                            double stddev, Seed seed) {
  return NormalNodes(at, shape, dtype, mean, stddev, seed, "TruncatedNormal", "truncated_normal");
}

Initializer Zeros() { return Make("Zeros", ZerosArgs{}); }
Initializer Ones() { return Make("Ones", OnesArgs{}); }
Initializer Constant(double value, ConstantOptions options) {
  return Make(
      "Constant",
      ConstantArgs{{value}, options.verify_shape, options.shape.value_or(std::vector<int64_t>{})});
}
Initializer Constant(std::vector<double> values, ConstantOptions options) {
  const std::vector<int64_t> vector = {static_cast<int64_t>(values.size())};
  return Make("Constant", ConstantArgs{std::move(values), options.verify_shape,
                                       options.shape.value_or(vector)});
}
Initializer RandomUniform(double minval, std::optional<double> maxval, Seed seed) {
  return Make("RandomUniform", RandomUniformArgs{minval, maxval, seed});
}
Initializer RandomNormal(double mean, double stddev, Seed seed) {
  return Make("RandomNormal", RandomNormalArgs{{mean, stddev, seed}});
}
Initializer TruncatedNormal(double mean, double stddev, Seed seed) {
  return Make("TruncatedNormal", TruncatedNormalArgs{{mean, stddev, seed}});
}
Initializer VarianceScaling(VarianceScalingOptions options) {
  const bool mode_ok = options.mode >= FanMode::kFanIn && options.mode <= FanMode::kFanAvg;
  const bool distribution_ok = options.distribution >= Distribution::kTruncatedNormal &&
                               options.distribution <= Distribution::kUniform;
  if (!mode_ok || !distribution_ok) {
    return [what = mode_ok ? "distribution" : "mode"](At at, const TensorShape&, DType) {
      return FailInitializer(at, "variance_scaling", absl::StrCat("Invalid `", what, "` argument"));
    };
  }
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

absl::StatusOr<Initializer> Get(absl::string_view name) {
  const NamedClass* const found = FindNamed(name);
  if (found != nullptr) return found->make({});
  return Unknown(name);
}

absl::StatusOr<Initializer> FromConfig(const Config& config) {
  for (const InitializerClass& one : kClasses) {
    if (one.name == config.class_name) return one.read(config);
  }
  const NamedClass* const found = FindNamed(config.class_name);
  if (found == nullptr) return Unknown(config.class_name);
  SeedArgs args;
  SLUICE_RETURN_IF_ERROR(layers::ReadConfig(config, &args));
  return found->make(args.seed);
}

}  // namespace sluice::initializers

namespace sluice::layers {

absl::StatusOr<Initializer> InitializerFromConfig(const Config& config) {
  return initializers::FromConfig(config);
}

}  // namespace sluice::layers
