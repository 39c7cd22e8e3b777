#include "layers/dense.h"

#include "core/status.h"
#include "layers/reshaping.h"

namespace sluice::layers {

DenseLayer::DenseLayer(DenseOptions options, Kind kind)
    : Layer(kind, {.name = options.name,
                   .default_name = "dense",
                   .reuse = options.reuse,
                   .trainable = options.trainable}),
      options_(std::move(options)) {}

absl::Status DenseLayer::Build(At at, const Output& inputs) {
  const DenseOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckPositive("units", o.units));
  const TensorShape& shape = inputs.shape();
  if (shape.rank_known() && shape.rank() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input is incompatible with the layer: expected min_ndim=2, found ndim=", shape.rank(),
        ". Full shape received: ", shape.ToString()));
  }
  if (!shape.rank_known() || shape.dim(-1) < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The last dimension of the inputs to `Dense` should be defined. Found `None`. (input ",
        shape.ToString(), ")"));
  }
  kernel_ = AddKernel(at, o, inputs.dtype(), {shape.dim(-1), o.units});
  bias_ = AddBias(at, o, inputs.dtype(), o.units);
  return absl::OkStatus();
}

Output DenseLayer::Call(At at, const Output& inputs) {
  Output x;
  if (inputs.shape().rank() == 2) {
    x = at.Node("MatMul", {inputs, kernel_});
  } else {
    const At inside = at.Sub("Tensordot");
    TensorShape leading = inputs.shape();
    leading.RemoveDim(leading.rank() - 1);
    const Output rows = ReshapeTo(inside, inputs, {leading.num_elements(), inputs.shape().dim(-1)});
    x = WithLeadingDims(inside, inside.Node("MatMul", {rows, kernel_}), inputs, options_.units);
  }
  if (options_.use_bias) x = at.Node("BiasAdd", {x, bias_});
  return options_.activation(at, x);
}

Output Dense(At at, Output inputs, DenseOptions options) {
  return DenseLayer(std::move(options), DenseLayer::Kind::kFunction)(at, inputs);
}

}  // namespace sluice::layers
