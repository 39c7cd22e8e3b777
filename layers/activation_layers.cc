#include "layers/activation_layers.h"

#include "core/status.h"
#include "layers/activations.h"
#include "layers/reshaping.h"
#include "layers/shape_from.h"
#include "ops/array_util.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/relu.h"

namespace sluice::layers {

// --- Activation ---

void ActivationOptions::Fields(ConfigFields& f) {
  f("activation", activation);
  f("name", name);
}

ActivationLayer::ActivationLayer(ActivationOptions options, LayerKind kind)
    : LayerOf(kind, "Activation", std::move(options)) {
  supports_masking_ = true;
}

Output ActivationLayer::Call(At at, const Output& input, const CallOptions&) {
  return options_.activation(at, input);
}

Output Activate(At at, Output inputs, ActivationOptions options) {
  return ApplyOnce<ActivationLayer>(at, inputs, std::move(options));
}

// --- ReLU ---

void ReLUOptions::Fields(ConfigFields& f) {
  f("max_value", max_value);
  f("negative_slope", negative_slope);
  f("threshold", threshold);
  f("name", name);
}

ReLULayer::ReLULayer(ReLUOptions options, LayerKind kind)
    : LayerOf(kind, "ReLU", std::move(options)) {
  supports_masking_ = true;
}

absl::Status ReLULayer::Build(At, const TensorShape&) {
  const double max_value = options_.max_value.value_or(0);
  if (!(max_value >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_value of Relu layer cannot be negative value: ", max_value));
  }
  if (options_.negative_slope >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "negative_slope of Relu layer cannot be negative value: ", options_.negative_slope));
}

Output ReLULayer::Call(At at, const Output& input, const CallOptions&) {
  return activations::Relu(at, input,
                           {.alpha = options_.negative_slope,
                            .max_value = options_.max_value,
                            .threshold = options_.threshold});
}

Output ReLU(At at, Output inputs, ReLUOptions options) {
  return ApplyOnce<ReLULayer>(at, inputs, std::move(options));
}

// --- LeakyReLU ---

void LeakyReLUOptions::Fields(ConfigFields& f) {
  f("alpha", alpha);
  f("name", name);
}

LeakyReLULayer::LeakyReLULayer(LeakyReLUOptions options, LayerKind kind)
    : LayerOf(kind, "LeakyReLU", std::move(options)) {
  supports_masking_ = true;
}

Output LeakyReLULayer::Call(At at, const Output& input, const CallOptions&) {
  return ops::LeakyRelu(at, input, {.alpha = static_cast<float>(options_.alpha)});
}

Output LeakyReLU(At at, Output inputs, LeakyReLUOptions options) {
  return ApplyOnce<LeakyReLULayer>(at, inputs, std::move(options));
}

// --- PReLU ---

void PReLUOptions::Fields(ConfigFields& f) {
  f("alpha_initializer", alpha_initializer);
  f("alpha_regularizer", alpha_regularizer);
  f("alpha_constraint", alpha_constraint);
  f("shared_axes", shared_axes);
  f("trainable", trainable);
  f("name", name);
}

PReLULayer::PReLULayer(PReLUOptions options, LayerKind kind)
    : LayerOf(kind, "PReLU", std::move(options)) {
  supports_masking_ = true;
  input_spec_ = {{.min_ndim = 1}};
}

absl::Status PReLULayer::Build(At at, const TensorShape& input) {
  const PReLUOptions& o = options_;
  if (!input.rank_known()) return absl::InvalidArgumentError("Input has undefined rank");
  std::vector<int64_t> dims(input.dims().begin() + 1, input.dims().end());
  InputSpec spec = {.ndim = input.rank()};
  for (const int64_t axis : o.shared_axes) {
    if (axis < 1 || axis >= input.rank()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Invalid shared axis: ", axis, " for an input of shape ", input.ToString()));
    }
    dims[axis - 1] = 1;
  }
  for (int axis = 1; axis < input.rank(); ++axis) {
    const bool shared = dims[axis - 1] == 1 && input.dim(axis) != 1;
    if (!shared) spec.axes[axis] = input.dim(axis);
    if (dims[axis - 1] >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("dimension ", axis,
                     " of the inputs to `PReLU` should be defined or shared. "
                     "Found `None`. (input ",
                     input.ToString(), ")"));
  }
  input_spec_ = {spec};
  alpha_ = AddVariable(at, "alpha",
                       {.shape = TensorShape(absl::Span<const int64_t>(dims)),
                        .initializer = o.alpha_initializer,
                        .regularizer = o.alpha_regularizer,
                        .constraint = o.alpha_constraint});
  return absl::OkStatus();
}

Output PReLULayer::Call(At at, const Output& input, const CallOptions&) {
  const Output above = at.Node("Relu", {input});
  const Output slope = at.Node("Neg", {alpha_});
  const Output below = at.Node("Relu", {at.Node("Neg", {input})});
  return at.Node("AddV2", {above, at.Node("Mul", {slope, below})});
}

Output PReLU(At at, Output inputs, PReLUOptions options) {
  return ApplyOnce<PReLULayer>(at, inputs, std::move(options));
}

// --- ELU ---

void ELUOptions::Fields(ConfigFields& f) {
  f("alpha", alpha);
  f("name", name);
}

ELULayer::ELULayer(ELUOptions options, LayerKind kind) : LayerOf(kind, "ELU", std::move(options)) {
  supports_masking_ = true;
}

Output ELULayer::Call(At at, const Output& input, const CallOptions&) {
  return activations::Elu(at, input, {.alpha = options_.alpha});
}

Output ELU(At at, Output inputs, ELUOptions options) {
  return ApplyOnce<ELULayer>(at, inputs, std::move(options));
}

// --- ThresholdedReLU ---

void ThresholdedReLUOptions::Fields(ConfigFields& f) {
  f("theta", theta);
  f("name", name);
}

ThresholdedReLULayer::ThresholdedReLULayer(ThresholdedReLUOptions options, LayerKind kind)
    : LayerOf(kind, "ThresholdedReLU", std::move(options)) {
  supports_masking_ = true;
}

Output ThresholdedReLULayer::Call(At at, const Output& input, const CallOptions&) {
  const Output theta = ops::ConstOf(at.Named("theta"), input.dtype(), options_.theta);
  const Output above = at.Node("Greater", {input, theta});
  return at.Node("Mul", {input, ops::Cast(at, above, input.dtype())});
}

Output ThresholdedReLU(At at, Output inputs, ThresholdedReLUOptions options) {
  return ApplyOnce<ThresholdedReLULayer>(at, inputs, std::move(options));
}

// --- Softmax ---

void SoftmaxOptions::Fields(ConfigFields& f) {
  f("axis", axis);
  f("name", name);
}

SoftmaxLayer::SoftmaxLayer(SoftmaxOptions options, LayerKind kind)
    : LayerOf(kind, "Softmax", std::move(options)) {
  supports_masking_ = true;
}

Output SoftmaxLayer::Call(At at, const Output& input, const CallOptions&) {
  return activations::Softmax(at, input, {.axis = options_.axis});
}

Output Softmax(At at, Output inputs, SoftmaxOptions options) {
  return ApplyOnce<SoftmaxLayer>(at, inputs, std::move(options));
}

// --- MaxOut ---

void MaxOutOptions::Fields(ConfigFields& f) {
  f("num_units", num_units);
  f("axis", axis);
  f("name", name);
}

MaxOutLayer::MaxOutLayer(MaxOutOptions options, LayerKind kind)
    : LayerOf(kind, "MaxOut", std::move(options)) {
  input_spec_ = {{.min_ndim = 1}};
}

absl::Status MaxOutLayer::Build(At, const TensorShape& input) {
  SLUICE_RETURN_IF_ERROR(CheckPositive("num_units", options_.num_units));
  if (!input.rank_known()) return absl::InvalidArgumentError("Input has undefined rank");
  SLUICE_ASSIGN_OR_RETURN(const int axis, ops::CanonicalAxis(options_.axis, input.rank()));
  const int64_t features = input.dim(axis);
  if (features >= 0 && features % options_.num_units == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("number of features(", features < 0 ? "None" : absl::StrCat(features),
                   ") is not a multiple of num_units(", options_.num_units, ")"));
}

Output MaxOutLayer::Call(At at, const Output& input, const CallOptions&) {
  const int rank = input.shape().rank();
  const int axis = static_cast<int>(options_.axis < 0 ? options_.axis + rank : options_.axis);
  std::vector<Dim> dims;
  for (int i = 0; i < rank; ++i) {
    if (i != axis) {
      dims.push_back(Dim::Of(i));
      continue;
    }
    dims.push_back(options_.num_units);
    dims.push_back(input.shape().dim(axis) / options_.num_units);
  }
  const Output grouped = ReshapeFrom(at, input, dims);
  return at.Node("Max", {grouped, DimsConst(at, "reduction_indices", {axis + 1})});
}

Output Maxout(At at, Output inputs, MaxOutOptions options) {
  return ApplyOnce<MaxOutLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
