#include "layers/batch_norm.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/updates.h"
#include "layers/reshaping.h"
#include "layers/unpartitioned.h"

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
  AddVariables(at, inputs.dtype(), channels);
  return absl::OkStatus();
}

void BatchNormalizationLayer::AddVariables(At at, DType dtype, int64_t channels) {
  const BatchNormalizationOptions& o = options_;
  const auto trained = [&](const char* name, const Initializer& initializer,
                           const Regularizer& regularizer) {
    return AddVariable(at, name,
                       {.shape = {channels},
                        .dtype = dtype,
                        .initializer = initializer,
                        .regularizer = regularizer});
  };
  const auto moving = [&](const char* name, const Initializer& initializer) {
    VariableOptions options = {.shape = {channels},
                               .dtype = dtype,
                               .initializer = initializer,
                               .regularizer = [](At, Output) { return Output(); },
                               .trainable = false};
    return AddVariable(at, name, Unpartitioned(at.scope(), std::move(options)));
  };
  if (o.scale) gamma_ = trained("gamma", o.gamma_initializer, o.gamma_regularizer);
  if (o.center) beta_ = trained("beta", o.beta_initializer, o.beta_regularizer);
  moving_mean_ = moving("moving_mean", o.moving_mean_initializer);
  moving_variance_ = moving("moving_variance", o.moving_variance_initializer);
}

Output BatchNormalizationLayer::Call(At at, const Output& inputs) {
  return fused_ ? Fused(at, inputs) : Plain(at, inputs);
}

Output BatchNormalizationLayer::Fused(At at, const Output& inputs) {
  const std::optional<bool> training = options_.training.Known();
  if (training == false) return FusedOp(at, inputs, false)[0];
  const Outputs batch = FusedOp(at, inputs, true);
  Output y = batch[0];
  if (!training.has_value())
    y = at.Node("Select", {options_.training.tensor(), y, FusedOp(at, inputs, false)[0]});
  const Moments moments = {batch[1], batch[2]};
  UpdateMoving(at, moments, Chosen(at, moments));
  return y;
}

Outputs BatchNormalizationLayer::FusedOp(At at, const Output& inputs, bool training) const {
  const DType dtype = inputs.dtype();
  const int64_t channels = inputs.shape().dim(axis_);
  const auto stand_in = [&](const Variable& variable, bool ones) -> Output {
    if (!variable.empty()) return variable;
    return ones ? OnesInitializer(at, {channels}, dtype) : ZerosInitializer(at, {channels}, dtype);
  };
  const auto moment = [&](const Variable& moving) -> Output {
    if (!training) return moving;
    return at.Node("Const", {}, {{"value", Tensor::Zeros(dtype, {0})}, {"dtype", dtype}});
  };
  const Output gamma = stand_in(gamma_, true), beta = stand_in(beta_, false);
  const Output mean = moment(moving_mean_), variance = moment(moving_variance_);
  constexpr double kSmallestEpsilon = 1.001e-5;  // of the fused op
  Outputs all =
      at.Nodes("FusedBatchNorm", {inputs, gamma, beta, mean, variance},
               {{"epsilon", static_cast<float>(std::max(options_.epsilon, kSmallestEpsilon))},
                {"data_format", axis_ == 1 ? "NCHW" : "NHWC"},
                {"is_training", training}});
  all.resize(3);
  return all;
}

Output BatchNormalizationLayer::Plain(At at, const Output& inputs) {
  const int rank = inputs.shape().rank();
  std::vector<int64_t> dims(rank, 1);
  dims[axis_] = inputs.shape().dim(axis_);
  // A vector over `axis`, shaped to broadcast against the input.
  const auto spread = [&](const Output& v) {
    return axis_ == rank - 1 ? v : ReshapeTo(at, v, dims);
  };
  Output scale, offset;
  if (options_.scale) scale = spread(gamma_);
  if (options_.center) offset = spread(beta_);
  Moments used = {moving_mean_, moving_variance_};
  if (options_.training.Known() != false) {
    const Moments batch = BatchMoments(at.Sub("moments"), inputs);
    used = Chosen(at, batch);
    UpdateMoving(at, batch, used);
  }
  used = {spread(used.mean), spread(used.variance)};
  const At norm = at.Sub("batchnorm");
  const At add = norm.Sub("add");
  const Output epsilon = Number(add, "y", inputs.dtype(), options_.epsilon);
  Output factor = norm.Node("Rsqrt", {add.AsScope().Node("AddV2", {used.variance, epsilon})});
  const auto mul = [&](const Output& x, const Output& y) {
    return norm.Named("mul").Node("Mul", {x, y});
  };
  if (!scale.empty()) factor = mul(factor, scale);
  const Output scaled = mul(inputs, factor);
  if (offset.empty()) {
    offset = mul(norm.Node("Neg", {used.mean}), factor);
  } else {
    offset = norm.Named("sub").Node("Sub", {offset, mul(used.mean, factor)});
  }
  return norm.Named("add").Node("AddV2", {scaled, offset});
}

BatchNormalizationLayer::Moments BatchNormalizationLayer::BatchMoments(At at,
                                                                       const Output& x) const {
  std::vector<int64_t> others;
  for (int i = 0; i < x.shape().rank(); ++i) {
    if (i != axis_) others.push_back(i);
  }
  const auto mean_of = [&](const char* name, const Output& of) {
    const At inside = at.Sub(name);
    return inside.AsScope().Node("Mean", {of, DimsConst(inside, "reduction_indices", others)},
                                 {{"keep_dims", true}});
  };
  const auto squeeze = [&](const Output& kept) {
    return at.Node("Squeeze", {kept}, {{"squeeze_dims", others}});
  };
  const Output mean = mean_of("mean", x);
  // The gradient that would flow here to the mean is zero.
  const Output still = at.Node("StopGradient", {mean});
  const Output variance = mean_of("variance", at.Node("SquaredDifference", {x, still}));
  const Output flat = squeeze(mean);
  return {flat, squeeze(variance)};
}

// In training the batch's moments, else the moving ones: decided in every run where it is not
// known.
BatchNormalizationLayer::Moments BatchNormalizationLayer::Chosen(At at,
                                                                 const Moments& batch) const {
  if (options_.training.Known() == true) return batch;
  const Output& flag = options_.training.tensor();
  return {at.Node("Select", {flag, batch.mean, moving_mean_}),
          at.Node("Select", {flag, batch.variance, moving_variance_})};
}

// `used` are the batch's moments or, in a run that does not train, the moving ones themselves. Who
// needs the output needs the batch's mean: by that Minimize tells whose updates these are.
void BatchNormalizationLayer::UpdateMoving(At at, const Moments& batch, const Moments& used) {
  if (batch.mean.empty()) return;
  const AttrValue update_of = UpdateOf({batch.mean});
  Update(at, moving_mean_, used.mean, update_of);
  Update(at, moving_variance_, used.variance, update_of);
}

// moving -= (moving - batch) * (1 - momentum).
void BatchNormalizationLayer::Update(At at, const Variable& moving, const Output& moment,
                                     const AttrValue& update_of) {
  const At scope = at.Sub("AssignMovingAvg");
  const At inside = scope.In(scope.scope().ColocateWith(moving.handle()));
  const Output decay = Number(inside, "decay", moving.dtype(), 1.0 - options_.momentum);
  const Output old = moving.is_resource() ? moving.Read(inside) : moving.value();
  const Output away = inside.Named("sub").Node("Sub", {old, moment});
  const Output delta = inside.Named("mul").Node("Mul", {away, decay});
  const Output update = moving.is_resource()
                            ? inside.Node("AssignSubVariableOp", {moving.handle(), delta},
                                          {{kUpdateOfAttr, update_of}})
                            : inside.AsScope().Node("AssignSub", {moving.handle(), delta},
                                                    {{kUpdateOfAttr, update_of}});
  if (update.empty()) return;
  updates_.push_back(update.node()->operation());
  at.graph().AddToCollection(keys::kUpdateOps, updates_.back());
}

Output BatchNormalization(At at, Output inputs, BatchNormalizationOptions options) {
  return BatchNormalizationLayer(std::move(options), BatchNormalizationLayer::Kind::kFunction)(
      at, inputs);
}

}  // namespace sluice::layers
