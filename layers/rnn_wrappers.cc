#include "layers/rnn_wrappers.h"

#include "core/status.h"
#include "graph/graph.h"
#include "layers/rnn_nodes.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/random.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace sluice::layers {
namespace {

void KeepProbField(ConfigFields& f, const char* name, KeepProb& keep) {
  std::optional<double> value = keep.value();
  // A tensor belongs to its graph; Training's field says so, too.
  if (!keep.tensor().empty()) {
    Training tensor = keep.tensor();
    f(name, tensor);
    return;
  }
  f(name, value);
  if (value.has_value()) keep = *value;
}

// nn.dropout whose share of kept elements only a run knows: x / keep where keep + U[0, 1) >= 1.
Output DropoutOf(At at, const Output& x, const Output& keep, std::optional<int64_t> seed) {
  const At inside = at.Composite("dropout");
  const Output rate = rnn::NumberMinus(inside, 1, ops::Cast(inside, keep, x.dtype()));
  const Output uniform =
      ops::RandomUniform(inside.Sub("random_uniform"), ops::ShapeTensor(inside, x),
                         {.dtype = x.dtype(), .seed = seed});
  const Output scale = inside.Node("RealDiv", {x, ops::Cast(inside, keep, x.dtype())});
  const Output kept = ops::GreaterEqual(inside, uniform, rate);
  return inside.Named("mul").Node("Mul", {scale, ops::Cast(inside, kept, x.dtype())});
}

absl::Status CheckKeepProb(const char* name, const KeepProb& keep, const Graph& graph) {
  const Output& tensor = keep.tensor();
  if (tensor.empty()) {
    if (keep.value() >= 0 && keep.value() <= 1) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("Parameter ", name, " must be between 0 and 1: ", keep.value()));
  }
  if (tensor.graph() == &graph && !tensor.is_operation() && IsFloating(tensor.dtype()) &&
      tensor.shape().CompatibleWith(TensorShape{})) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": keep_prob must be a scalar tensor or a float in the range (0, 1], got ",
                   tensor.name()));
}

}  // namespace

// --- DropoutWrapper ---

void DropoutWrapperOptions::Fields(ConfigFields& f) {
  CellField(f, "cell", cell);
  KeepProbField(f, "input_keep_prob", input_keep_prob);
  KeepProbField(f, "output_keep_prob", output_keep_prob);
  KeepProbField(f, "state_keep_prob", state_keep_prob);
  f("variational_recurrent", variational_recurrent);
  f("input_size", input_size);
  f("dtype", dtype);
  f("seed", seed);
  std::vector<int64_t> filter(dropout_state_filter.begin(), dropout_state_filter.end());
  f("dropout_state_filter", filter);
  dropout_state_filter.assign(filter.begin(), filter.end());
}

DropoutWrapper::DropoutWrapper(DropoutWrapperOptions options, LayerKind kind)
    : LayerOf(kind, "DropoutWrapper", std::move(options)) {}

absl::Status DropoutWrapper::CheckArguments(const Graph& graph) const {
  const DropoutWrapperOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckKeepProb("input_keep_prob", o.input_keep_prob, graph));
  SLUICE_RETURN_IF_ERROR(CheckKeepProb("state_keep_prob", o.state_keep_prob, graph));
  SLUICE_RETURN_IF_ERROR(CheckKeepProb("output_keep_prob", o.output_keep_prob, graph));
  if (!o.dropout_state_filter.empty() && o.dropout_state_filter.size() != StateSize().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("dropout_state_filter has ", o.dropout_state_filter.size(),
                     " entries, but the state has ", StateSize().size(), " tensors"));
  }
  if (!o.variational_recurrent) return absl::OkStatus();
  if (o.dtype == DType::kInvalid) {
    return absl::InvalidArgumentError("When variational_recurrent=True, dtype must be provided");
  }
  if (o.input_keep_prob.drops() && !o.input_size.has_value()) {
    return absl::InvalidArgumentError(
        "When variational_recurrent=True and input_keep_prob < 1.0 or is unknown, input_size must "
        "be provided");
  }
  return absl::OkStatus();
}

absl::Status DropoutWrapper::Build(At at, const std::vector<TensorShape>& inputs) {
  SLUICE_RETURN_IF_ERROR(CellWrapper::Build(at, inputs));
  SLUICE_RETURN_IF_ERROR(CheckArguments(at.graph()));
  if (options_.variational_recurrent) MakeNoise(at);
  return absl::OkStatus();
}

// The random numbers of all steps.
void DropoutWrapper::MakeNoise(At at) {
  const DropoutWrapperOptions& o = options_;
  const auto noise = [&](int64_t size, const char* salt, int index) {
    return ops::RandomUniform(at.Sub("random_uniform"), {1, size},
                              {.dtype = o.dtype, .seed = SeedOf(salt, index)});
  };
  if (o.input_keep_prob.drops()) input_noise_ = {noise(*o.input_size, "input", 0)};
  const std::vector<int64_t> sizes = StateSize();
  for (size_t i = 0; i < sizes.size(); ++i)
    state_noise_.push_back(noise(sizes[i], "state", static_cast<int>(i)));
  output_noise_ = {noise(OutputSize(), "output", 0)};
}

// Every dropout draws other numbers; the same ones for the same seed.
std::optional<int64_t> DropoutWrapper::SeedOf(const char* salt, int index) const {
  if (!options_.seed.has_value()) return {};
  uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : absl::StrCat(*options_.seed, salt, "_", index))
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash & 0x7FFFFFFF;
}

Output DropoutWrapper::Drop(At at, const Output& x, const KeepProb& keep, const char* salt,
                            int index, const Outputs& noise) const {
  const std::optional<int64_t> seed = SeedOf(salt, index);
  if (x.empty()) return {};
  if (!noise.empty()) {
    const Output share = keep.tensor().empty()
                             ? ops::ConstOf(at.Named("keep_prob"), x.dtype(), keep.value())
                             : ops::Cast(at, keep.tensor(), x.dtype());
    const Output mask = at.Node("Floor", {rnn::Add(at, share, noise[index])});
    return rnn::Mul(at, at.Named("truediv").Node("RealDiv", {x, share}), mask);
  }
  if (!keep.tensor().empty()) return DropoutOf(at, x, keep.tensor(), seed);
  return ops::Dropout(at, x, {.rate = static_cast<float>(1 - keep.value()), .seed = seed});
}

Outputs DropoutWrapper::Call(At at, const Outputs& inputs, const CallOptions&) {
  const DropoutWrapperOptions& o = options_;
  Outputs dropped = inputs;
  if (o.input_keep_prob.drops())
    dropped[0] = Drop(at, inputs[0], o.input_keep_prob, "input", 0, input_noise_);
  Outputs outputs = Inside(at, dropped);
  if (!at.ok()) return {};
  const std::vector<bool> memory = IsMemory();
  for (size_t i = 0; o.state_keep_prob.drops() && i < memory.size(); ++i) {
    const bool chosen = o.dropout_state_filter.empty() ? !memory[i] : o.dropout_state_filter[i];
    if (!chosen) continue;
    outputs[i + 1] =
        Drop(at, outputs[i + 1], o.state_keep_prob, "state", static_cast<int>(i), state_noise_);
  }
  if (o.output_keep_prob.drops())
    outputs[0] = Drop(at, outputs[0], o.output_keep_prob, "output", 0, output_noise_);
  return outputs;
}

// --- ResidualWrapper ---

void ResidualWrapperOptions::Fields(ConfigFields& f) {
  CellField(f, "cell", cell);
  if (!residual_fn) return;
  Constraint function = [](At, Output x) { return x; };  // has no config: says so
  f("residual_fn", function);
}

ResidualWrapper::ResidualWrapper(ResidualWrapperOptions options, LayerKind kind)
    : LayerOf(kind, "ResidualWrapper", std::move(options)) {}

Outputs ResidualWrapper::Call(At at, const Outputs& inputs, const CallOptions&) {
  Outputs outputs = Inside(at, inputs);
  if (!at.ok()) return {};
  const Output &x = inputs[0], &y = outputs[0];
  if (options_.residual_fn) {
    outputs[0] = options_.residual_fn(at, x, y);
  } else if (x.shape().CompatibleWith(y.shape())) {
    outputs[0] = rnn::Add(at, x, y);
  } else {
    return {
        at.Fail(class_name(), absl::InvalidArgumentError(absl::StrCat(
                                  "Shapes ", x.shape().ToString(), " and ", y.shape().ToString(),
                                  " of the cell's input and output are not compatible")))};
  }
  return outputs;
}

// --- DeviceWrapper ---

void DeviceWrapperOptions::Fields(ConfigFields& f) {
  CellField(f, "cell", cell);
  f("device", device);
}

DeviceWrapper::DeviceWrapper(DeviceWrapperOptions options, LayerKind kind)
    : LayerOf(kind, "DeviceWrapper", std::move(options)) {}

Outputs DeviceWrapper::Call(At at, const Outputs& inputs, const CallOptions&) {
  return Inside(at, inputs);
}

}  // namespace sluice::layers
