#include "layers/core_layers.h"

#include "core/status.h"
#include "graph/graph.h"
#include "layers/reshaping.h"
#include "ops/random.h"

namespace sluice::layers {

Output Flatten(At at, Output inputs, FlattenOptions options) {
  if (!at.ok() || inputs.empty()) return {};
  const std::string name = options.name.empty() ? "flatten" : options.name;
  const TensorShape& shape = inputs.shape();
  if (!shape.rank_known() || shape.rank() < 2) {
    return at.Fail(
        name, absl::InvalidArgumentError(absl::StrCat(
                  "input is incompatible with the layer: expected min_ndim=2, found ",
                  shape.rank_known() ? absl::StrCat("ndim=", shape.rank()) : "an unknown rank")));
  }
  const At inside = at.Sub(name);
  TensorShape row = shape;
  row.RemoveDim(0);
  const int64_t width = row.num_elements();
  if (width > 0) return ReshapeTo(inside, inputs, {-1, width});
  if (shape.dim(0) >= 0) return ReshapeTo(inside, inputs, {shape.dim(0), width == 0 ? 0 : -1});
  const auto vector = [&](const char* const_name, int32_t value) {
    return DimsConst(inside, const_name, {value});
  };
  const Output batch =
      inside.Node("Slice", {inside.Node("Shape", {inputs}), vector("begin", 0), vector("size", 1)});
  const Output axis = inside.Named("axis").Node(
      "Const", {}, {{"value", Tensor::Scalar<int32_t>(0)}, {"dtype", DType::kInt32}});
  const Output flat = inside.Node("ConcatV2", {batch, vector("rest", width == 0 ? 0 : -1), axis});
  return inside.Node("Reshape", {inputs, flat});
}

Output Dropout(At at, Output inputs, DropoutOptions options) {
  if (!at.ok() || inputs.empty()) return {};
  const std::string name = options.name.empty() ? "dropout" : options.name;
  absl::Status status = options.training.Check(at.graph());
  if (!(options.rate >= 0 && options.rate < 1)) {
    status = absl::InvalidArgumentError(
        absl::StrCat("rate must be a float in the range [0, 1), got ", options.rate));
  }
  if (!status.ok()) return at.Fail(name, status);
  const At inside = at.Sub(name);
  const std::optional<bool> training = options.training.Known();
  if (training == false) return inside.Node("Identity", {inputs});
  const Output dropped = ops::Dropout(
      inside, inputs,
      {.rate = options.rate, .noise_shape = options.noise_shape, .seed = options.seed});
  if (training == true) return dropped;
  return inside.Node("Select", {options.training.tensor(), dropped, inputs});
}

}  // namespace sluice::layers
