#include "layers/rnn_basic.h"

#include "core/status.h"
#include "layers/rnn_nodes.h"
#include "ops/unary.h"

namespace sluice::layers {

void BasicRNNCellOptions::Fields(ConfigFields& f) {
  f("num_units", num_units);
  f("activation", activation);
  f("name", name);
  f("dtype", dtype);
  f("trainable", trainable);
}

BasicRNNCell::BasicRNNCell(BasicRNNCellOptions options, LayerKind kind)
    : LayerOf(kind, "BasicRNNCell", std::move(options)) {
  ExpectMatrices();
}

absl::Status BasicRNNCell::Build(At at, const std::vector<TensorShape>& inputs) {
  const int64_t n = options_.num_units;
  SLUICE_RETURN_IF_ERROR(CheckPositive("num_units", n));
  SLUICE_ASSIGN_OR_RETURN(const int64_t depth, InputDepth(inputs));
  kernel_ = AddVariable(at, "kernel", {.shape = {depth + n, n}});
  bias_ = AddVariable(at, "bias", {.shape = {n}, .initializer = initializers::Zeros()});
  return absl::OkStatus();
}

Outputs BasicRNNCell::Call(At at, const Outputs& inputs, const CallOptions&) {
  const Output h = options_.activation(at, rnn::Affine(at, inputs[0], inputs[1], kernel_, bias_));
  return {h, h};
}

void GRUCellOptions::Fields(ConfigFields& f) {
  f("num_units", num_units);
  f("activation", activation);
  f("kernel_initializer", kernel_initializer);
  f("bias_initializer", bias_initializer);
  f("name", name);
  f("dtype", dtype);
  f("trainable", trainable);
}

GRUCell::GRUCell(GRUCellOptions options, LayerKind kind)
    : LayerOf(kind, "GRUCell", std::move(options)) {
  ExpectMatrices();
}

absl::Status GRUCell::Build(At at, const std::vector<TensorShape>& inputs) {
  const GRUCellOptions& o = options_;
  const int64_t n = o.num_units;
  SLUICE_RETURN_IF_ERROR(CheckPositive("num_units", n));
  SLUICE_ASSIGN_OR_RETURN(const int64_t depth, InputDepth(inputs));
  const auto bias = [&](const Initializer& otherwise) {
    return o.bias_initializer ? o.bias_initializer : otherwise;
  };
  gate_kernel_ = AddVariable(at, "gates/kernel",
                             {.shape = {depth + n, 2 * n}, .initializer = o.kernel_initializer});
  gate_bias_ = AddVariable(at, "gates/bias",
                           {.shape = {2 * n}, .initializer = bias(initializers::Constant(1))});
  candidate_kernel_ = AddVariable(at, "candidate/kernel",
                                  {.shape = {depth + n, n}, .initializer = o.kernel_initializer});
  candidate_bias_ =
      AddVariable(at, "candidate/bias", {.shape = {n}, .initializer = bias(initializers::Zeros())});
  return absl::OkStatus();
}

Outputs GRUCell::Call(At at, const Outputs& inputs, const CallOptions&) {
  const Output &x = inputs[0], &state = inputs[1];
  const Output gates = ops::Sigmoid(at, rnn::Affine(at, x, state, gate_kernel_, gate_bias_));
  const Outputs split = rnn::Split(at, gates, 2);
  const Output &r = split[0], &u = split[1];
  const Output reset = rnn::Mul(at, r, state);
  const Output c =
      options_.activation(at, rnn::Affine(at, x, reset, candidate_kernel_, candidate_bias_));
  const Output kept = rnn::Mul(at, u, state);
  const Output h = rnn::Add(at, kept, rnn::Mul(at, rnn::NumberMinus(at, 1, u), c));
  return {h, h};
}

}  // namespace sluice::layers
