#include "layers/rnn_lstm.h"

#include "core/status.h"
#include "graph/partition.h"
#include "layers/rnn_nodes.h"
#include "ops/const.h"
#include "ops/slice.h"
#include "ops/split.h"
#include "ops/unary.h"

namespace sluice::layers {

void BasicLSTMCellOptions::Fields(ConfigFields& f) {
  f("num_units", num_units);
  f("forget_bias", forget_bias);
  f("state_is_tuple", state_is_tuple);
  f("activation", activation);
  f("name", name);
  f("dtype", dtype);
  f("trainable", trainable);
}

BasicLSTMCell::BasicLSTMCell(BasicLSTMCellOptions options, LayerKind kind)
    : BasicLSTMCell(kind, "BasicLSTMCell", std::move(options)) {}

BasicLSTMCell::BasicLSTMCell(LayerKind kind, const char* class_name, BasicLSTMCellOptions options)
    : LayerOf(kind, class_name, std::move(options)) {
  ExpectMatrices();
}

std::vector<int64_t> BasicLSTMCell::StateSize() const {
  const int64_t n = options_.num_units;
  return options_.state_is_tuple ? std::vector<int64_t>{n, n} : std::vector<int64_t>{2 * n};
}
std::vector<bool> BasicLSTMCell::IsMemory() const {
  return options_.state_is_tuple ? std::vector<bool>{true, false} : std::vector<bool>{false};
}

absl::Status BasicLSTMCell::Build(At at, const std::vector<TensorShape>& inputs) {
  const int64_t n = options_.num_units;
  SLUICE_RETURN_IF_ERROR(CheckPositive("num_units", n));
  SLUICE_ASSIGN_OR_RETURN(const int64_t depth, InputDepth(inputs));
  kernel_ = AddVariable(at, "kernel", {.shape = {depth + n, 4 * n}});
  bias_ = AddVariable(at, "bias", {.shape = {4 * n}, .initializer = initializers::Zeros()});
  return absl::OkStatus();
}

Output BasicLSTMCell::GateKernel(At) { return kernel_; }

// The names are those of TensorFlow's code, which makes its constants first and calls functions
// ("Add", "Mul") where LSTMCell has operators ("add", "mul").
Outputs BasicLSTMCell::Call(At at, const Outputs& inputs, const CallOptions&) {
  const auto mul = [&](const Output& a, const Output& b) { return at.Node("Mul", {a, b}); };
  const auto add = [&](const Output& a, const Output& b) { return at.Node("Add", {a, b}); };
  const Output one = ops::Const(at.Named("Const"), 1);
  const auto cut = [&](const Output& value, int64_t count) {
    Outputs parts = at.Named("split").Nodes("Split", {one, value}, {{"num_split", count}});
    parts.resize(count);
    return parts;
  };
  const Outputs state = options_.state_is_tuple ? Outputs{inputs[1], inputs[2]} : cut(inputs[1], 2);
  const Output sums = rnn::Affine(at, inputs[0], state[1], GateKernel(at), bias_);
  const Outputs gates = cut(sums, 4);
  const Output &i = gates[0], &j = gates[1], &f = gates[2], &o = gates[3];
  const Output forget_bias =
      ops::ConstOf(at.Named("Const"), inputs[0].dtype(), options_.forget_bias);
  const Output kept = mul(state[0], ops::Sigmoid(at, add(f, forget_bias)));
  const Output gate = ops::Sigmoid(at, i);
  const Output c = add(kept, mul(gate, options_.activation(at, j)));
  const Output shown = options_.activation(at, c);
  const Output h = mul(shown, ops::Sigmoid(at, o));
  if (options_.state_is_tuple) return {h, c, h};
  return {h, rnn::Join(at, {c, h})};
}

void LSTMCellOptions::Fields(ConfigFields& f) {
  f("num_units", num_units);
  f("use_peepholes", use_peepholes);
  f("cell_clip", cell_clip);
  f("initializer", initializer);
  f("num_proj", num_proj);
  f("proj_clip", proj_clip);
  f("num_unit_shards", num_unit_shards);
  f("num_proj_shards", num_proj_shards);
  f("forget_bias", forget_bias);
  f("state_is_tuple", state_is_tuple);
  f("activation", activation);
  f("name", name);
  f("dtype", dtype);
  f("trainable", trainable);
}

LSTMCell::LSTMCell(LSTMCellOptions options, LayerKind kind)
    : LSTMCell(kind, "LSTMCell", std::move(options)) {}

LSTMCell::LSTMCell(LayerKind kind, const char* class_name, LSTMCellOptions options)
    : LayerOf(kind, class_name, std::move(options)) {
  ExpectMatrices();
}

std::vector<int64_t> LSTMCell::StateSize() const {
  const int64_t n = options_.num_units, p = options_.num_proj.value_or(n);
  return options_.state_is_tuple ? std::vector<int64_t>{n, p} : std::vector<int64_t>{n + p};
}
std::vector<bool> LSTMCell::IsMemory() const {
  return options_.state_is_tuple ? std::vector<bool>{true, false} : std::vector<bool>{false};
}

absl::Status LSTMCell::Build(At at, const std::vector<TensorShape>& inputs) {
  const LSTMCellOptions& o = options_;
  const int64_t n = o.num_units, p = o.num_proj.value_or(n);
  SLUICE_RETURN_IF_ERROR(CheckPositive("num_units", n));
  SLUICE_RETURN_IF_ERROR(CheckPositive("num_proj", p));
  SLUICE_RETURN_IF_ERROR(CheckPositive("num_unit_shards", o.num_unit_shards.value_or(1)));
  SLUICE_RETURN_IF_ERROR(CheckPositive("num_proj_shards", o.num_proj_shards.value_or(1)));
  SLUICE_ASSIGN_OR_RETURN(const int64_t depth, InputDepth(inputs));
  const auto weight = [&](const char* name, const TensorShape& shape,
                          std::optional<int64_t> shards = {}) {
    VariableOptions options = {.shape = shape, .initializer = o.initializer};
    if (shards.has_value()) options.partitioner = FixedSizePartitioner(static_cast<int>(*shards));
    return AddVariable(at, name, std::move(options));
  };
  kernel_ = weight("kernel", {depth + p, 4 * n}, o.num_unit_shards);
  bias_ = AddVariable(at, "bias", {.shape = {4 * n}, .initializer = initializers::Zeros()});
  if (o.use_peepholes) {
    w_f_diag_ = weight("w_f_diag", {n});
    w_i_diag_ = weight("w_i_diag", {n});
    w_o_diag_ = weight("w_o_diag", {n});
  }
  if (o.num_proj.has_value()) projection_ = weight("projection/kernel", {n, p}, o.num_proj_shards);
  return absl::OkStatus();
}

Output LSTMCell::GateKernel(At) { return kernel_; }

Outputs LSTMCell::Unpacked(At at, const Outputs& inputs) const {
  if (options_.state_is_tuple) return {inputs[1], inputs[2]};
  const int64_t n = options_.num_units;
  const Output c = ops::Slice(at, inputs[1], {0, 0}, {-1, n});
  return {c, ops::Slice(at, inputs[1], {0, n}, {-1, OutputSize()})};
}

// `gates`: i, j, f, o.
Output LSTMCell::NextMemory(At at, const Outputs& gates, const Output& c) const {
  const LSTMCellOptions& o = options_;
  Output forget = rnn::AddNumber(at, gates[2], o.forget_bias);
  if (o.use_peepholes) forget = rnn::Add(at, forget, rnn::Mul(at, w_f_diag_, c));
  const Output kept = rnn::Mul(at, ops::Sigmoid(at, forget), c);
  Output input = gates[0];
  if (o.use_peepholes) input = rnn::Add(at, input, rnn::Mul(at, w_i_diag_, c));
  const Output open = ops::Sigmoid(at, input);
  const Output next = rnn::Add(at, kept, rnn::Mul(at, open, o.activation(at, gates[1])));
  return o.cell_clip.has_value() ? rnn::Clip(at, next, *o.cell_clip) : next;
}

Output LSTMCell::NextOutput(At at, const Output& o, const Output& c) const {
  const Output seen = options_.use_peepholes ? rnn::Add(at, o, rnn::Mul(at, w_o_diag_, c)) : o;
  const Output open = ops::Sigmoid(at, seen);
  const Output h = rnn::Mul(at, open, options_.activation(at, c));
  if (!options_.num_proj.has_value()) return h;
  const Output projected = at.Node("MatMul", {h, projection_});
  return options_.proj_clip.has_value() ? rnn::Clip(at, projected, *options_.proj_clip) : projected;
}

Outputs LSTMCell::Call(At at, const Outputs& inputs, const CallOptions&) {
  const Outputs state = Unpacked(at, inputs);
  const Output sums = rnn::Affine(at, inputs[0], state[1], GateKernel(at), bias_);
  const Outputs gates = rnn::Split(at, sums, 4);
  const Output c = NextMemory(at, gates, state[0]);
  const Output h = NextOutput(at, gates[3], c);
  if (options_.state_is_tuple) return {h, c, h};
  return {h, rnn::Join(at, {c, h})};
}

}  // namespace sluice::layers
