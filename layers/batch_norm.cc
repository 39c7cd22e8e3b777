#include "layers/batch_norm.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "layers/reshaping.h"

namespace sluice::layers {
namespace {

Output Number(At at, const char* name, DType dtype, double value) {
  return at.Named(name).Node("Const", {},
                             {{"value", NumberTensor(dtype, value)}, {"dtype", dtype}});
}

}  // namespace

BatchNormalizationLayer::BatchNormalizationLayer(BatchNormalizationOptions options, Kind kind)
    : Layer(kind, {.name = options.name,
                   .default_name = "batch_normalization",
                   .reuse = options.reuse,
                   .trainable = options.trainable}),
      options_(std::move(options)) {}

absl::Status BatchNormalizationLayer::Build(At at, const Output& inputs) {
  const BatchNormalizationOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(o.training.Check(at.graph()));
  const TensorShape& shape = inputs.shape();
  if (!shape.rank_known()) return absl::InvalidArgumentError("Input has undefined rank");
  axis_ = o.axis < 0 ? o.axis + shape.rank() : o.axis;
  if (axis_ < 0 || axis_ >= shape.rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid axis: ", o.axis, " for an input of shape ", shape.ToString()));
  }
  const int64_t channels = shape.dim(axis_);
  if (channels < 0)
    return absl::InvalidArgumentError(absl::StrCat(
        "Input has undefined `axis` dimension: ", shape.ToString(), ", axis ", o.axis));
  if (!IsFloating(inputs.dtype()))
    return absl::InvalidArgumentError(
        absl::StrCat("Input must be floating, got ", DTypeName(inputs.dtype())));
  if (!(o.epsilon > 0))
    return absl::InvalidArgumentError(absl::StrCat("epsilon must be > 0, got ", o.epsilon));
  const bool fits =
      shape.rank() == 4 && (axis_ == 1 || axis_ == 3) && inputs.dtype() == DType::kFloat;
  if (o.fused == true && !fits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "fused batch normalization needs a float32 input of rank 4 and axis 1 or 3, got ",
        DTypeName(inputs.dtype()), shape.ToString(), ", axis ", o.axis));
  }
  fused_ = fits && o.fused != false;
  const auto variable = [&](const char* name, const Initializer& initializer,
                            const Regularizer& regularizer, bool trainable) {
    return AddVariable(at, name,
                       {.shape = {channels},
                        .dtype = inputs.dtype(),
                        .initializer = initializer,
                        .regularizer = regularizer,
                        .trainable = trainable});
  };
  if (o.scale) gamma_ = variable("gamma", o.gamma_initializer, o.gamma_regularizer, true);
  if (o.center) beta_ = variable("beta", o.beta_initializer, o.beta_regularizer, true);
  const Regularizer none = [](At, Output) { return Output(); };
  moving_mean_ = variable("moving_mean", o.moving_mean_initializer, none, false);
  moving_variance_ = variable("moving_variance", o.moving_variance_initializer, none, false);
  return absl::OkStatus();
}

BatchNormalizationLayer::Normalized BatchNormalizationLayer::Fused(At at, const Output& inputs,
                                                                   bool training) const {
  const int64_t channels = inputs.shape().dim(axis_);
  const auto stand_in = [&](const Variable& variable, bool ones) -> Output {
    if (!variable.empty()) return variable;
    return ones ? OnesInitializer(at, {channels}, inputs.dtype())
                : ZerosInitializer(at, {channels}, inputs.dtype());
  };
  Output mean = moving_mean_, variance = moving_variance_;
  if (training)
    mean = variance = at.Node(
        "Const", {}, {{"value", Tensor::Zeros(inputs.dtype(), {0})}, {"dtype", inputs.dtype()}});
  constexpr double kSmallestEpsilon = 1.001e-5;  // of the fused op
  const Outputs all = at.Nodes(
      "FusedBatchNorm", {inputs, stand_in(gamma_, true), stand_in(beta_, false), mean, variance},
      {{"epsilon", static_cast<float>(std::max(options_.epsilon, kSmallestEpsilon))},
       {"data_format", axis_ == 1 ? "NCHW" : "NHWC"},
       {"is_training", training}});
  if (all.size() < 3) return {};
  return training ? Normalized{all[0], all[1], all[2]} : Normalized{all[0], {}, {}};
}

BatchNormalizationLayer::Normalized BatchNormalizationLayer::Plain(At at, const Output& inputs,
                                                                   bool training) const {
  const int rank = inputs.shape().rank();
  const DType dtype = inputs.dtype();
  std::vector<int64_t> others, broadcast(rank, 1);
  for (int i = 0; i < rank; ++i) {
    if (i != axis_) others.push_back(i);
  }
  broadcast[axis_] = inputs.shape().dim(axis_);
  // A vector over `axis`, shaped to broadcast against the input.
  const auto spread = [&](At place, const Output& v) {
    return axis_ == rank - 1 ? v : ReshapeTo(place, v, broadcast);
  };
  Output mean = moving_mean_, variance = moving_variance_;
  if (training) {
    const At moments = at.Sub("moments");
    const Output axes = DimsConst(moments, "axes", others);
    const Output kept = moments.Named("mean").Node("Mean", {inputs, axes}, {{"keep_dims", true}});
    const Output squares = moments.Node("SquaredDifference", {inputs, kept});
    mean = ReshapeTo(moments, kept, {inputs.shape().dim(axis_)});
    variance = moments.Named("variance").Node("Mean", {squares, axes});
  }
  const At norm = at.Sub("batchnorm");
  const Output shifted =
      norm.Named("add").Node("AddV2", {variance, Number(norm, "epsilon", dtype, options_.epsilon)});
  Output factor = norm.Node("Rsqrt", {shifted});
  if (options_.scale) factor = norm.Named("mul").Node("Mul", {factor, gamma_});
  const Output scaled = norm.Named("mul_1").Node("Mul", {inputs, spread(norm, factor)});
  Output offset = norm.Named("mul_2").Node("Mul", {mean, factor});
  offset =
      options_.center ? norm.Named("sub").Node("Sub", {beta_, offset}) : norm.Node("Neg", {offset});
  const Output y = norm.Named("add_1").Node("AddV2", {scaled, spread(norm, offset)});
  return training ? Normalized{y, mean, variance} : Normalized{y, {}, {}};
}

// moving -= (moving - batch) * (1 - momentum); remembers which output it belongs to, so that
// Minimize can tell whose update it is.
void BatchNormalizationLayer::UpdateMoving(At at, const char* name, const Variable& moving,
                                           Output batch, const Output& y) {
  const At inside = at.Sub(name);
  const Output decay = Number(inside, "decay", moving.dtype(), 1.0 - options_.momentum);
  const Output old = moving.Read(inside);
  const Output delta =
      inside.Named("mul").Node("Mul", {inside.Named("sub").Node("Sub", {old, batch}), decay});
  const Output update =
      inside.Node("AssignSubVariableOp", {moving.handle(), delta},
                  {{"_update_of", std::vector<std::string>{y.empty() ? "" : y.node()->name()}}});
  if (update.empty()) return;
  updates_.push_back(update);
  at.graph().AddToCollection(keys::kUpdateOps, update);
}

Output BatchNormalizationLayer::Call(At at, const Output& inputs) {
  const std::optional<bool> known = options_.training.Known();
  if (known == false) return Normalize(at, inputs, false).y;
  const Normalized training = Normalize(at, inputs, true);
  Output y = training.y, mean = training.mean, variance = training.variance;
  if (!known.has_value()) {
    // Decided in every run: both are computed; when not training the moving values are updated with
    // themselves.
    const Output& flag = options_.training.tensor();
    y = at.Node("Select", {flag, training.y, Normalize(at, inputs, false).y});
    mean = at.Node("Select", {flag, training.mean, moving_mean_});
    variance = at.Node("Select", {flag, training.variance, moving_variance_});
  }
  UpdateMoving(at, "AssignMovingAvg", moving_mean_, mean, y);
  UpdateMoving(at, "AssignMovingAvg_1", moving_variance_, variance, y);
  return y;
}

Output BatchNormalization(At at, Output inputs, BatchNormalizationOptions options) {
  return BatchNormalizationLayer(std::move(options), BatchNormalizationLayer::Kind::kFunction)(
      at, inputs);
}

}  // namespace sluice::layers
