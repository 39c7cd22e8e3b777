#include "layers/dense.h"

#include "core/status.h"
#include "layers/reshaping.h"

namespace sluice::layers {

void DenseOptions::Fields(ConfigFields& f) {
  f("units", units);
  f("activation", activation);
  f("use_bias", use_bias);
  f("kernel_initializer", kernel_initializer);
  f("bias_initializer", bias_initializer);
  f("kernel_regularizer", kernel_regularizer);
  f("bias_regularizer", bias_regularizer);
  f("activity_regularizer", activity_regularizer);
  f("kernel_constraint", kernel_constraint);
  f("bias_constraint", bias_constraint);
  f("trainable", trainable);
  f("name", name);
}

DenseLayer::DenseLayer(DenseOptions options, LayerKind kind)
    : LayerOf(kind, "Dense", std::move(options)) {
  input_spec_ = {{.min_ndim = 2}};
  supports_masking_ = true;
}

absl::Status DenseLayer::Build(At at, const TensorShape& input) {
  const DenseOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckPositive("units", o.units));
  if (!input.rank_known() || input.rank() < 1 || input.dim(-1) < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("The last dimension of the inputs to `Dense` should be defined. Found `None`. "
                     "The innermost "
                     "dimension of input_shape must be defined, but saw: ",
                     input.ToString()));
  }
  const int64_t depth = input.dim(-1);
  input_spec_ = {{.min_ndim = 2, .axes = {{-1, depth}}}};
  kernel_ = AddKernel(at, o, {depth, o.units});
  bias_ = AddBias(at, o, {o.units});
  return absl::OkStatus();
}

Output DenseLayer::Call(At at, const Output& input, const CallOptions&) {
  Output x;
  if (input.shape().rank() == 2) {
    x = at.Node("MatMul", {input, kernel_});
  } else {
    const At inside = at.Sub("Tensordot");
    TensorShape leading = input.shape();
    leading.RemoveDim(leading.rank() - 1);
    const Output rows = ReshapeTo(inside, input, {leading.num_elements(), input.shape().dim(-1)});
    x = WithLeadingDims(inside, inside.Node("MatMul", {rows, kernel_}), input, options_.units);
  }
  if (options_.use_bias) x = at.Node("BiasAdd", {x, bias_});
  return options_.activation(at, x);
}

Output Dense(At at, Output inputs, DenseOptions options) {
  return ApplyOnce<DenseLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
