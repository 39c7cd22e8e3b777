#include "layers/core_layers.h"

#include "core/status.h"
#include "layers/reshaping.h"
#include "layers/when_training.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/random.h"
#include "ops/reduction.h"
#include "ops/transpose.h"
#include "ops/unary.h"

namespace sluice::layers {

void FlattenOptions::Fields(ConfigFields& f) {
  f("name", name);
  f("data_format", data_format);
}

FlattenLayer::FlattenLayer(FlattenOptions options, LayerKind kind)
    : LayerOf(kind, "Flatten", std::move(options)) {
  input_spec_ = {{.min_ndim = 2}};
}

namespace {

// Channels to the end.
Output ChannelsLast(At at, const Output& x) {
  std::vector<int64_t> order = {0};
  for (int i = 2; i < x.shape().rank(); ++i) order.push_back(i);
  order.push_back(1);
  return ops::Transpose(at.Named("transpose"), x, order);
}

}  // namespace

Output FlattenLayer::Call(At at, const Output& given, const CallOptions&) {
  const bool move = options_.data_format == DataFormat::kChannelsFirst && given.shape().rank() > 2;
  const Output input = move ? ChannelsLast(at, given) : given;
  if (input.empty()) return input;
  const TensorShape& shape = input.shape();
  TensorShape row = shape;
  row.RemoveDim(0);
  const int64_t width = row.num_elements();
  if (width > 0) return ReshapeTo(at, input, {-1, width});
  if (shape.dim(0) >= 0) return ReshapeTo(at, input, {shape.dim(0), width == 0 ? 0 : -1});
  const auto vector = [&](const char* const_name, int32_t value) {
    return DimsConst(at, const_name, {value});
  };
  const Output batch =
      at.Node("Slice", {at.Node("Shape", {input}), vector("begin", 0), vector("size", 1)});
  const Output axis = at.Named("axis").Node(
      "Const", {}, {{"value", Tensor::Scalar<int32_t>(0)}, {"dtype", DType::kInt32}});
  const Output flat = at.Node("ConcatV2", {batch, vector("rest", width == 0 ? 0 : -1), axis});
  return at.Node("Reshape", {input, flat});
}

Output Flatten(At at, Output inputs, FlattenOptions options) {
  return ApplyOnce<FlattenLayer>(at, inputs, std::move(options));
}

void DropoutOptions::Fields(ConfigFields& f) {
  f("rate", rate);
  f("noise_shape", noise_shape);
  f("seed", seed);
  f("training", training);
  f("name", name);
}

DropoutLayer::DropoutLayer(DropoutOptions options, LayerKind kind)
    : LayerOf(kind, "Dropout", std::move(options)) {
  supports_masking_ = true;
}

absl::Status DropoutLayer::Build(At, const TensorShape&) {
  if (options_.rate >= 0 && options_.rate < 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("rate must be a float in the range [0, 1), got ", options_.rate));
}

Output DropoutLayer::Call(At at, const Output& input, const CallOptions& call) {
  return WhenTraining(at, "Dropout", call.training.value_or(options_.training), input, [&] {
    return ops::Dropout(
        at, input,
        {.rate = options_.rate, .noise_shape = options_.noise_shape, .seed = options_.seed});
  });
}

Output Dropout(At at, Output inputs, DropoutOptions options) {
  return ApplyOnce<DropoutLayer>(at, inputs, std::move(options));
}

// --- Masking ---

void MaskingOptions::Fields(ConfigFields& f) {
  f("mask_value", mask_value);
  f("name", name);
}

MaskingLayer::MaskingLayer(MaskingOptions options, LayerKind kind)
    : LayerOf(kind, "Masking", std::move(options)) {
  supports_masking_ = true;
  input_spec_ = {{.min_ndim = 1}};
}

namespace {

// Whether any feature of a step differs from `value`.
Output AnyOther(At at, const Output& x, double value, bool keep_dims) {
  const Output other =
      at.Node("NotEqual", {x, ops::ConstOf(at.Named("mask_value"), x.dtype(), value)});
  return ops::Any(at, other, {-1}, {.keep_dims = keep_dims});
}

}  // namespace

Output MaskingLayer::Call(At at, const Output& input, const CallOptions&) {
  const Output mask = AnyOther(at, input, options_.mask_value, true);
  return at.Node("Mul", {input, ops::Cast(at, mask, input.dtype())});
}

Outputs MaskingLayer::ComputeMask(At at, const Outputs& inputs, const Outputs&) {
  return {AnyOther(at, inputs[0], options_.mask_value, false)};
}

Output Masking(At at, Output inputs, MaskingOptions options) {
  return ApplyOnce<MaskingLayer>(at, inputs, std::move(options));
}

// --- ActivityRegularization ---

void ActivityRegularizationOptions::Fields(ConfigFields& f) {
  f("l1", l1);
  f("l2", l2);
  f("name", name);
}

ActivityRegularizationLayer::ActivityRegularizationLayer(ActivityRegularizationOptions options,
                                                         LayerKind kind)
    : LayerOf(kind, "ActivityRegularization", std::move(options)) {
  supports_masking_ = true;
}

Output ActivityRegularizationLayer::Call(At at, const Output& input, const CallOptions&) {
  const At inside = at.Sub("ActivityRegularizer");
  const auto term = [&](double factor, const Output& values) {
    const Output sum = ops::Sum(inside, values, ops::AllAxes(inside, values));
    return inside.Node("Mul", {ops::ConstOf(inside.Named("factor"), input.dtype(), factor), sum});
  };
  Output loss;
  if (options_.l1 != 0) loss = term(options_.l1, ops::Abs(inside, input));
  if (options_.l2 != 0) {
    const Output squares = term(options_.l2, ops::Square(inside, input));
    loss = loss.empty() ? squares : inside.Node("AddV2", {loss, squares});
  }
  if (!loss.empty()) AddLoss({loss}, {input});
  return input;
}

Output ActivityRegularization(At at, Output inputs, ActivityRegularizationOptions options) {
  return ApplyOnce<ActivityRegularizationLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
