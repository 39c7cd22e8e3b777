// What a batch normalization does: the moments of a batch, the updates of the moving ones, and the
// fused and the plain form.
#include <algorithm>
#include <utility>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/updates.h"
#include "layers/batch_norm.h"
#include "layers/nn_normalization.h"
#include "layers/reshaping.h"
#include "layers/shape_from.h"
#include "ops/cast.h"

namespace sluice::layers {
namespace {

Output Number(At at, const char* name, DType dtype, double value) {
  return at.Named(name).Node("Const", {},
                             {{"value", NumberTensor(dtype, value)}, {"dtype", dtype}});
}

}  // namespace

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
  const DType dtype = ParamDType();
  const int64_t channels = input.shape().dim(axes_[0]);
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
  const char* op = input.dtype() == DType::kFloat ? "FusedBatchNorm" : "FusedBatchNormV2";
  Outputs all =
      at.Nodes(op, {input, gamma, beta, mean, variance},
               {{"epsilon", static_cast<float>(std::max(options_.epsilon, kSmallestEpsilon))},
                {"data_format", axes_[0] == 1 ? "NCHW" : "NHWC"},
                {"is_training", training}});
  all.resize(3);
  return all;
}

// The batch as [group size, groups, ...], which the rest normalizes group by group. Without
// training there is one sample per group, which the moving moments do not mind.
Output BatchNormalizationLayer::VirtualBatches(At at, const Output& input,
                                               const Training& training) {
  std::vector<Dim> dims = {-1, 1};
  if (training.Known() != false) dims = {*options_.virtual_batch_size, -1};
  std::vector<Dim> whole = {Dim::Of(0)};
  for (int i = 1; i < input.shape().rank(); ++i) {
    dims.push_back(Dim::Of(i));
    whole.push_back(Dim::Of(i));
  }
  const Output y = Plain(at, ReshapeFrom(at, input, dims), training);
  if (y.empty()) return y;
  const Output back = at.Node("Reshape", {y, ShapeFrom(at, input, whole)});
  if (!back.empty()) at.graph().SetShape(back, input.shape()).IgnoreError();
  return back;
}

// A vector over the axis, shaped to broadcast against the input.
Output BatchNormalizationLayer::Spread(At at, const Output& v, const Output& input) const {
  const int rank = input.shape().rank();
  if (v.empty() || v.shape().rank() == rank || axes_[0] == rank - 1) return v;
  std::vector<int64_t> dims(rank, 1);
  dims[axes_[0]] = input.shape().dim(axes_[0]);
  return ReshapeTo(at, v, dims);
}

namespace {

// then_scale * (scale, offset) + then_offset.
void Compose(At at, const Output& scale, const Output& offset, Output* then_scale,
             Output* then_offset) {
  Output all_scale = scale, all_offset = offset;
  if (!then_scale->empty()) {
    all_scale = at.Node("Mul", {scale, *then_scale});
    all_offset = at.Node("Mul", {offset, *then_scale});
  }
  if (!then_offset->empty()) all_offset = at.Node("AddV2", {all_offset, *then_offset});
  *then_scale = all_scale;
  *then_offset = all_offset;
}

}  // namespace

Output BatchNormalizationLayer::Plain(At at, const Output& input, const Training& training) {
  if (input.empty()) return input;
  Transform then;
  if (options_.scale) then.scale = Spread(at, gamma_, input);
  if (options_.center) then.offset = Spread(at, beta_, input);
  Moments used = {moving_mean_, moving_variance_};
  if (training.Known() != false) {
    if (options_.adjustment) Adjust(at, input, training, &then);
    const Moments batch = BatchMoments(at.Sub("moments"), ops::Cast(at, input, ParamDType()));
    if (batch.variance.empty()) return {};
    used = Chosen(at, batch, training);
    Moments target = used;
    if (options_.virtual_batch_size.has_value()) {
      const auto mean_of_groups = [&](const Output& moment) {
        return at.Node("Mean", {moment, DimsConst(at, "Mean/reduction_indices", {1})},
                       {{"keep_dims", true}});
      };
      target = Chosen(at, {mean_of_groups(batch.mean), mean_of_groups(batch.variance)}, training);
    }
    At updating = at;
    if (options_.renorm) {
      const Renormed renormed = Renorm(at, target, training);
      Compose(at, Spread(at, renormed.correction.scale, input),
              Spread(at, renormed.correction.offset, input), &then.scale, &then.offset);
      target = renormed.moments;
      updating = at.In(at.scope().After(renormed.updates));
    }
    UpdateMoving(updating, input, batch, target);
  }
  return Normalize(at, input, used, then);
}

Output BatchNormalizationLayer::Normalize(At at, const Output& input, const Moments& given,
                                          const Transform& then) const {
  const auto as_input = [&](const Output& x) {
    return x.empty() ? x : ops::Cast(at, x, input.dtype());
  };
  const Moments used = {Spread(at, as_input(given.mean), input),
                        Spread(at, as_input(given.variance), input)};
  return nn::BatchNormalization(at, input,
                                {.mean = used.mean,
                                 .variance = used.variance,
                                 .offset = as_input(then.offset),
                                 .scale = as_input(then.scale),
                                 .variance_epsilon = options_.epsilon});
}

// Over all but the axes, and not over the groups of virtual batches.
BatchNormalizationLayer::Moments BatchNormalizationLayer::BatchMoments(At at,
                                                                       const Output& x) const {
  const bool grouped = options_.virtual_batch_size.has_value();
  std::vector<int64_t> others;
  for (int i = 0; i < x.shape().rank(); ++i) {
    const bool apart = std::count(axes_.begin(), axes_.end(), i) > 0 || (grouped && i == 1);
    if (!apart) others.push_back(i);
  }
  const auto mean_of = [&](const char* name, const Output& of) {
    const At inside = at.Sub(name);
    return inside.AsScope().Node("Mean", {of, DimsConst(inside, "reduction_indices", others)},
                                 {{"keep_dims", true}});
  };
  const Output mean = mean_of("mean", x);
  // The gradient that would flow here to the mean is zero.
  const Output still = at.Node("StopGradient", {mean});
  const Output variance = mean_of("variance", at.Node("SquaredDifference", {x, still}));
  if (grouped || axes_.size() > 1) return {mean, variance};
  const auto squeeze = [&](const Output& kept) {
    return at.Node("Squeeze", {kept}, {{"squeeze_dims", others}});
  };
  const Output flat = squeeze(mean);
  return {flat, squeeze(variance)};
}

// In training the batch's moments, else the moving ones: decided in every run where it is not
// known.
BatchNormalizationLayer::Moments BatchNormalizationLayer::Chosen(At at, const Moments& batch,
                                                                 const Training& training) const {
  if (training.Known() == true) return batch;
  const Output& flag = training.tensor();
  // The moments of groups have one more entry than 1 where the moving ones are broadcast.
  const char* op = options_.virtual_batch_size.has_value() ? "SelectV2" : "Select";
  return {at.Node(op, {flag, batch.mean, moving_mean_}),
          at.Node(op, {flag, batch.variance, moving_variance_})};
}

void BatchNormalizationLayer::Adjust(At at, const Output& input, const Training& training,
                                     Transform* then) const {
  auto [scale, bias] = options_.adjustment(at, at.Node("Shape", {input}));
  if (!training.Known().has_value()) {
    const Output& flag = training.tensor();
    scale = at.Node("Select", {flag, scale, at.Node("OnesLike", {scale})});
    bias = at.Node("Select", {flag, bias, at.Node("ZerosLike", {bias})});
  }
  Compose(at, scale, bias, &then->scale, &then->offset);
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

}  // namespace sluice::layers
