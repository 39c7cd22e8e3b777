#include "layers/core_layers.h"

#include "core/status.h"
#include "graph/graph.h"
#include "layers/reshaping.h"
#include "ops/random.h"

namespace sluice::layers {

void FlattenOptions::Fields(ConfigFields& f) { f("name", name); }

FlattenLayer::FlattenLayer(FlattenOptions options, LayerKind kind)
    : LayerOf(kind, "Flatten", std::move(options)) {
  input_spec_ = {{.min_ndim = 2}};
}

Output FlattenLayer::Call(At at, const Output& input, const CallOptions&) {
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
  const Training training = call.training.value_or(options_.training);
  const absl::Status status = training.Check(at.graph());
  if (!status.ok()) return at.Fail(class_name(), status);
  const std::optional<bool> known = training.Known();
  if (known == false) return at.Node("Identity", {input});
  const Output dropped = ops::Dropout(
      at, input,
      {.rate = options_.rate, .noise_shape = options_.noise_shape, .seed = options_.seed});
  if (known == true) return dropped;
  return at.Node("Select", {training.tensor(), dropped, input});
}

Output Dropout(At at, Output inputs, DropoutOptions options) {
  return ApplyOnce<DropoutLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
