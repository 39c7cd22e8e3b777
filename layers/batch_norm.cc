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

void BatchNormalizationOptions::Fields(ConfigFields& f) {
  f("axis", axis);
  f("momentum", momentum);
  f("epsilon", epsilon);
  f("center", center);
  f("scale", scale);
  f("beta_initializer", beta_initializer);
  f("gamma_initializer", gamma_initializer);
  f("moving_mean_initializer", moving_mean_initializer);
  f("moving_variance_initializer", moving_variance_initializer);
  f("beta_regularizer", beta_regularizer);
  f("gamma_regularizer", gamma_regularizer);
  f("training", training);
  f("trainable", trainable);
  f("name", name);
  f("fused", fused);
}

BatchNormalizationLayer::BatchNormalizationLayer(BatchNormalizationOptions options, LayerKind kind)
    : LayerOf(kind, "BatchNormalization", std::move(options)) {
  supports_masking_ = true;
}

absl::Status BatchNormalizationLayer::Build(At at, const TensorShape& shape) {
  const BatchNormalizationOptions& o = options_;
  if (!shape.rank_known()) return absl::InvalidArgumentError("Input has undefined rank");
  const int64_t axis = o.axis < 0 ? o.axis + shape.rank() : o.axis;
  if (axis < 0 || axis >= shape.rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid axis: ", o.axis, " for an input of shape ", shape.ToString()));
  }
  axis_ = static_cast<int>(axis);
  const int64_t channels = shape.dim(axis_);
  if (channels < 0)
    return absl::InvalidArgumentError(absl::StrCat(
        "Input has undefined `axis` dimension: ", shape.ToString(), ", axis ", o.axis));
  if (!IsFloating(dtype()))
    return absl::InvalidArgumentError(
        absl::StrCat("Input must be floating, got ", DTypeName(dtype())));
  if (!(o.epsilon > 0))
    return absl::InvalidArgumentError(absl::StrCat("epsilon must be > 0, got ", o.epsilon));
  const bool fits = shape.rank() == 4 && (axis_ == 1 || axis_ == 3) && dtype() == DType::kFloat;
  if (o.fused == true && !fits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "fused batch normalization needs a float32 input of rank 4 and axis 1 or 3, got ",
        DTypeName(dtype()), shape.ToString(), ", axis ", o.axis));
  }
  fused_ = fits && o.fused != false;
  input_spec_ = {{.ndim = shape.rank(), .axes = {{axis_, channels}}}};
  AddVariables(at, channels);
  return absl::OkStatus();
}

void BatchNormalizationLayer::AddVariables(At at, int64_t channels) {
  const BatchNormalizationOptions& o = options_;
  const auto trained = [&](const char* name, const Initializer& initializer,
                           const Regularizer& regularizer) {
    return AddVariable(
        at, name, {.shape = {channels}, .initializer = initializer, .regularizer = regularizer});
  };
  const auto moving = [&](const char* name, const Initializer& initializer) {
    VariableOptions options = {.shape = {channels},
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

Output BatchNormalizationLayer::Call(At at, const Output& input, const CallOptions& call) {
  const Training training = call.training.value_or(options_.training);
  const absl::Status status = training.Check(at.graph());
  if (!status.ok()) return at.Fail(class_name(), status);
  return fused_ ? Fused(at, input, training) : Plain(at, input, training);
}

Output BatchNormalizationLayer::Fused(At at, const Output& input, const Training& training) {
  if (training.Known() == false) return FusedOp(at, input, false)[0];
  const Outputs batch = FusedOp(at, input, true);
  Output y = batch[0];
  if (!training.Known().has_value())
    y = at.Node("Select", {training.tensor(), y, FusedOp(at, input, false)[0]});
  const Moments moments = {batch[1], batch[2]};
  UpdateMoving(at, input, moments, Chosen(at, moments, training));
  return y;
}

Outputs BatchNormalizationLayer::FusedOp(At at, const Output& input, bool training) const {
  const DType dtype = input.dtype();
  const int64_t channels = input.shape().dim(axis_);
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
      at.Nodes("FusedBatchNorm", {input, gamma, beta, mean, variance},
               {{"epsilon", static_cast<float>(std::max(options_.epsilon, kSmallestEpsilon))},
                {"data_format", axis_ == 1 ? "NCHW" : "NHWC"},
                {"is_training", training}});
  all.resize(3);
  return all;
}

Output BatchNormalizationLayer::Plain(At at, const Output& input, const Training& training) {
  const int rank = input.shape().rank();
  std::vector<int64_t> dims(rank, 1);
  dims[axis_] = input.shape().dim(axis_);
  // A vector over `axis`, shaped to broadcast against the input.
  const auto spread = [&](const Output& v) {
    return axis_ == rank - 1 ? v : ReshapeTo(at, v, dims);
  };
  Output scale, offset;
  if (options_.scale) scale = spread(gamma_);
  if (options_.center) offset = spread(beta_);
  Moments used = {moving_mean_, moving_variance_};
  if (training.Known() != false) {
    const Moments batch = BatchMoments(at.Sub("moments"), input);
    used = Chosen(at, batch, training);
    UpdateMoving(at, input, batch, used);
  }
  used = {spread(used.mean), spread(used.variance)};
  const At norm = at.Sub("batchnorm");
  const At add = norm.Sub("add");
  const Output epsilon = Number(add, "y", input.dtype(), options_.epsilon);
  Output factor = norm.Node("Rsqrt", {add.AsScope().Node("AddV2", {used.variance, epsilon})});
  const auto mul = [&](const Output& x, const Output& y) {
    return norm.Named("mul").Node("Mul", {x, y});
  };
  if (!scale.empty()) factor = mul(factor, scale);
  const Output scaled = mul(input, factor);
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
BatchNormalizationLayer::Moments BatchNormalizationLayer::Chosen(At at, const Moments& batch,
                                                                 const Training& training) const {
  if (training.Known() == true) return batch;
  const Output& flag = training.tensor();
  return {at.Node("Select", {flag, batch.mean, moving_mean_}),
          at.Node("Select", {flag, batch.variance, moving_variance_})};
}

// `used` are the batch's moments or, in a run that does not train, the moving ones themselves. Who
// needs the output needs the batch's mean: by that Minimize tells whose updates these are.
void BatchNormalizationLayer::UpdateMoving(At at, const Output& input, const Moments& batch,
                                           const Moments& used) {
  if (batch.mean.empty()) return;
  const AttrValue update_of = UpdateOf({batch.mean});
  const Output mean = Update(at, moving_mean_, used.mean, update_of);
  const Output variance = Update(at, moving_variance_, used.variance, update_of);
  AddUpdate({mean, variance}, {input});
}

// moving -= (moving - batch) * (1 - momentum).
Output BatchNormalizationLayer::Update(At at, const Variable& moving, const Output& moment,
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
  return update.empty() ? update : update.node()->operation();
}

Output BatchNormalization(At at, Output inputs, BatchNormalizationOptions options) {
  return ApplyOnce<BatchNormalizationLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
