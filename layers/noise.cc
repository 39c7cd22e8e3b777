#include "layers/noise.h"

#include <cmath>

#include "core/status.h"
#include "layers/shape_from.h"
#include "layers/when_training.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/random.h"
#include "ops/shape.h"

namespace sluice::layers {
namespace {

absl::Status CheckRate(float rate) {
  if (rate >= 0 && rate < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("rate must be a float in the range [0, 1), got ", rate));
}

absl::Status CheckFloating(DType dtype) {
  if (IsFloating(dtype)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Input must be floating, got ", DTypeName(dtype)));
}

Output Number(At at, const char* name, const Output& like, double value) {
  return ops::ConstOf(at.Named(name), like.dtype(), value);
}

Output DropChannels(At at, const Output& x, float rate, int sizes, DataFormat format) {
  std::vector<int64_t> noise_shape(sizes, 1);
  noise_shape.insert(format == DataFormat::kChannelsFirst ? noise_shape.begin() : noise_shape.end(),
                     -1);
  noise_shape.insert(noise_shape.begin(), -1);
  return ops::Dropout(at, x, {.rate = rate, .noise_shape = noise_shape});
}

// Normal numbers of x's shape.
Output Normal(At at, const Output& x, double mean, double stddev) {
  const At inside = at.Sub("random_normal");
  const Output normal =
      ops::RandomStandardNormal(inside, ops::ShapeTensor(inside, x), {.dtype = x.dtype()});
  const Output scaled =
      inside.Named("mul").Node("Mul", {normal, Number(inside, "stddev", x, stddev)});
  return inside.AsScope().Node("AddV2", {scaled, Number(inside, "mean", x, mean)});
}

}  // namespace

// --- SpatialDropout ---

void SpatialDropout1DOptions::Fields(ConfigFields& f) {
  f("rate", rate);
  f("training", training);
  f("name", name);
}

void SpatialDropoutOptions::Fields(ConfigFields& f) {
  f("rate", rate);
  f("data_format", data_format);
  f("training", training);
  f("name", name);
}

SpatialDropout1DLayer::SpatialDropout1DLayer(SpatialDropout1DOptions options, LayerKind kind)
    : LayerOf(kind, "SpatialDropout1D", std::move(options)) {
  supports_masking_ = true;
  input_spec_ = {{.ndim = 3}};
}

absl::Status SpatialDropout1DLayer::Build(At, const TensorShape&) {
  return CheckRate(options_.rate);
}

Output SpatialDropout1DLayer::Call(At at, const Output& input, const CallOptions& call) {
  return WhenTraining(
      at, "SpatialDropout1D", call.training.value_or(options_.training), input,
      [&] { return DropChannels(at, input, options_.rate, 1, DataFormat::kChannelsLast); });
}

SpatialDropout::SpatialDropout(const char* class_name, int sizes, SpatialDropoutOptions options,
                               LayerKind kind)
    : LayerOf(kind, class_name, std::move(options)), sizes_(sizes) {
  supports_masking_ = true;
  input_spec_ = {{.ndim = sizes + 2}};
}

absl::Status SpatialDropout::Build(At, const TensorShape&) { return CheckRate(options_.rate); }

Output SpatialDropout::Call(At at, const Output& input, const CallOptions& call) {
  return WhenTraining(at, "SpatialDropout", call.training.value_or(options_.training), input, [&] {
    return DropChannels(at, input, options_.rate, sizes_, options_.data_format);
  });
}

Output SpatialDropout1D(At at, Output inputs, SpatialDropout1DOptions options) {
  return ApplyOnce<SpatialDropout1DLayer>(at, inputs, std::move(options));
}
Output SpatialDropout2D(At at, Output inputs, SpatialDropoutOptions options) {
  return ApplyOnce<SpatialDropout2DLayer>(at, inputs, std::move(options));
}
Output SpatialDropout3D(At at, Output inputs, SpatialDropoutOptions options) {
  return ApplyOnce<SpatialDropout3DLayer>(at, inputs, std::move(options));
}

// --- AlphaDropout ---

void AlphaDropoutOptions::Fields(ConfigFields& f) {
  f("rate", rate);
  f("noise_shape", noise_shape);
  f("seed", seed);
  f("training", training);
  f("name", name);
}

AlphaDropoutLayer::AlphaDropoutLayer(AlphaDropoutOptions options, LayerKind kind)
    : LayerOf(kind, "AlphaDropout", std::move(options)) {
  supports_masking_ = true;
}

absl::Status AlphaDropoutLayer::Build(At, const TensorShape& input) {
  SLUICE_RETURN_IF_ERROR(CheckRate(options_.rate));
  SLUICE_RETURN_IF_ERROR(CheckFloating(dtype()));
  const std::vector<int64_t>& noise = options_.noise_shape;
  const bool fits =
      noise.empty() || (input.rank_known() && input.rank() == static_cast<int>(noise.size()));
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "noise_shape has ", noise.size(), " entries, the input has shape ", input.ToString()));
}

Output AlphaDropoutLayer::Call(At at, const Output& input, const CallOptions& call) {
  constexpr double kFloor = -1.0507009873554805 * 1.6732632423543772;
  const double rate = options_.rate;
  const double a = 1 / std::sqrt((1 - rate) * (1 + rate * kFloor * kFloor));
  const double b = -a * kFloor * rate;
  return WhenTraining(at, "AlphaDropout", call.training.value_or(options_.training), input, [&] {
    const std::vector<int64_t>& noise = options_.noise_shape;
    std::vector<Dim> dims;
    for (size_t i = 0; i < noise.size(); ++i)
      dims.push_back(noise[i] < 0 ? Dim::Of(static_cast<int>(i)) : noise[i]);
    const Output shape = noise.empty() ? ops::ShapeTensor(at, input) : ShapeFrom(at, input, dims);
    const Output uniform = ops::RandomUniform(at.Named("random_uniform"), shape,
                                              {.dtype = input.dtype(), .seed = options_.seed});
    const Output kept = ops::Cast(
        at, at.Node("GreaterEqual", {uniform, Number(at, "rate", input, rate)}), input.dtype());
    const Output dropped = at.Node("Mul", {Number(at, "floor", input, kFloor),
                                           at.Node("Sub", {Number(at, "one", input, 1), kept})});
    const Output x = at.Node("AddV2", {at.Node("Mul", {input, kept}), dropped});
    const Output scaled = at.Node("Mul", {Number(at, "a", input, a), x});
    return at.Node("AddV2", {scaled, Number(at, "b", input, b)});
  });
}

Output AlphaDropout(At at, Output inputs, AlphaDropoutOptions options) {
  return ApplyOnce<AlphaDropoutLayer>(at, inputs, std::move(options));
}

// --- GaussianNoise ---

void GaussianNoiseOptions::Fields(ConfigFields& f) {
  f("stddev", stddev);
  f("training", training);
  f("name", name);
}

GaussianNoiseLayer::GaussianNoiseLayer(GaussianNoiseOptions options, LayerKind kind)
    : LayerOf(kind, "GaussianNoise", std::move(options)) {
  supports_masking_ = true;
}

absl::Status GaussianNoiseLayer::Build(At, const TensorShape&) {
  SLUICE_RETURN_IF_ERROR(CheckFloating(dtype()));
  if (options_.stddev >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("The `stddev` argument must be >= 0. Received: ", options_.stddev));
}

Output GaussianNoiseLayer::Call(At at, const Output& input, const CallOptions& call) {
  return WhenTraining(at, "GaussianNoise", call.training.value_or(options_.training), input, [&] {
    return at.Node("AddV2", {input, Normal(at, input, 0, options_.stddev)});
  });
}

Output GaussianNoise(At at, Output inputs, GaussianNoiseOptions options) {
  return ApplyOnce<GaussianNoiseLayer>(at, inputs, std::move(options));
}

// --- GaussianDropout ---

void GaussianDropoutOptions::Fields(ConfigFields& f) {
  f("rate", rate);
  f("training", training);
  f("name", name);
}

GaussianDropoutLayer::GaussianDropoutLayer(GaussianDropoutOptions options, LayerKind kind)
    : LayerOf(kind, "GaussianDropout", std::move(options)) {
  supports_masking_ = true;
}

absl::Status GaussianDropoutLayer::Build(At, const TensorShape&) {
  SLUICE_RETURN_IF_ERROR(CheckRate(options_.rate));
  return CheckFloating(dtype());
}

Output GaussianDropoutLayer::Call(At at, const Output& input, const CallOptions& call) {
  const double stddev = std::sqrt(options_.rate / (1 - options_.rate));
  return WhenTraining(at, "GaussianDropout", call.training.value_or(options_.training), input, [&] {
    return at.Node("Mul", {input, Normal(at, input, 1, stddev)});
  });
}

Output GaussianDropout(At at, Output inputs, GaussianDropoutOptions options) {
  return ApplyOnce<GaussianDropoutLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
