#include "layers/group_norm.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/graph.h"
#include "layers/nn_normalization.h"
#include "layers/reshaping.h"
#include "layers/shape_from.h"
#include "ops/array_util.h"
#include "ops/moments.h"

namespace sluice::layers {
namespace {

// What both check of their input.
absl::Status CheckInput(DType dtype, const TensorShape& input, double epsilon) {
  if (!input.rank_known()) return absl::InvalidArgumentError("Inputs has undefined rank.");
  if (!IsFloating(dtype))
    return absl::InvalidArgumentError(
        absl::StrCat("Input must be floating, got ", DTypeName(dtype)));
  if (epsilon > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("epsilon must be > 0, got ", epsilon));
}

}  // namespace

// --- InstanceNorm ---

void InstanceNormOptions::Fields(ConfigFields& f) {
  f("center", center);
  f("scale", scale);
  f("epsilon", epsilon);
  f("activation_fn", activation_fn);
  f("beta_initializer", beta_initializer);
  f("gamma_initializer", gamma_initializer);
  f("trainable", trainable);
  f("data_format", data_format);
  f("name", name);
}

InstanceNormLayer::InstanceNormLayer(InstanceNormOptions options, LayerKind kind)
    : LayerOf(kind, "InstanceNorm", std::move(options)) {}

absl::Status InstanceNormLayer::Build(At at, const TensorShape& input) {
  const InstanceNormOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckInput(dtype(), input, o.epsilon));
  if (input.rank() < 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Inputs should have rank 3 at least. Received input shape: ", input.ToString()));
  }
  const int axis = ChannelAxis(o.data_format, input.rank());
  const int64_t channels = input.dim(axis);
  if (channels < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Inputs has undefined channels dimension: ", input.ToString()));
  }
  input_spec_ = {{.ndim = input.rank(), .axes = {{axis, channels}}}};
  if (o.center)
    beta_ = AddVariable(at, "beta", {.shape = {channels}, .initializer = o.beta_initializer});
  if (o.scale)
    gamma_ = AddVariable(at, "gamma", {.shape = {channels}, .initializer = o.gamma_initializer});
  return absl::OkStatus();
}

Output InstanceNormLayer::Call(At at, const Output& input, const CallOptions&) {
  const int rank = input.shape().rank();
  const int channel_axis = ChannelAxis(options_.data_format, rank);
  std::vector<int64_t> axes, dims(rank, 1);
  for (int i = 1; i < rank; ++i) {
    if (i != channel_axis) axes.push_back(i);
  }
  dims[channel_axis] = input.shape().dim(channel_axis);
  const auto spread = [&](const Variable& v) -> Output {
    if (v.empty()) return {};
    return channel_axis == rank - 1 ? v.value() : ReshapeTo(at, v, dims);
  };
  const Output offset = spread(beta_), scale = spread(gamma_);
  const ops::MomentsOutputs moments = ops::Moments(at, input, axes, {.keep_dims = true});
  const Output y = nn::BatchNormalization(at.Named("instancenorm"), input,
                                          {.mean = moments.mean,
                                           .variance = moments.variance,
                                           .offset = offset,
                                           .scale = scale,
                                           .variance_epsilon = options_.epsilon});
  return options_.activation_fn(at, y);
}

Output InstanceNorm(At at, Output inputs, InstanceNormOptions options) {
  return ApplyOnce<InstanceNormLayer>(at, inputs, std::move(options));
}

// --- GroupNorm ---

void GroupNormOptions::Fields(ConfigFields& f) {
  f("groups", groups);
  f("channels_axis", channels_axis);
  f("reduction_axes", reduction_axes);
  f("center", center);
  f("scale", scale);
  f("epsilon", epsilon);
  f("activation_fn", activation_fn);
  f("beta_initializer", beta_initializer);
  f("gamma_initializer", gamma_initializer);
  f("trainable", trainable);
  f("name", name);
}

GroupNormLayer::GroupNormLayer(GroupNormOptions options, LayerKind kind)
    : LayerOf(kind, "GroupNorm", std::move(options)) {}

absl::Status GroupNormLayer::Build(At at, const TensorShape& input) {
  const GroupNormOptions& o = options_;
  SLUICE_RETURN_IF_ERROR(CheckInput(dtype(), input, o.epsilon));
  SLUICE_RETURN_IF_ERROR(CheckPositive("groups", o.groups));
  const auto axis_of = [&](int64_t axis) -> absl::StatusOr<int> {
    const absl::StatusOr<int> canonical = ops::CanonicalAxis(axis, input.rank());
    if (canonical.ok()) return canonical;
    return absl::InvalidArgumentError(
        absl::StrCat("Axis is out of bounds: ", axis, ", input ", input.ToString()));
  };
  SLUICE_ASSIGN_OR_RETURN(channels_axis_, axis_of(o.channels_axis));
  const int64_t channels = input.dim(channels_axis_);
  if (channels < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Inputs has undefined channel dimension: ", channels_axis_, ", input ", input.ToString()));
  }
  reduction_axes_.clear();
  for (const int64_t given : o.reduction_axes) {
    SLUICE_ASSIGN_OR_RETURN(const int axis, axis_of(given));
    if (axis == channels_axis_) {
      return absl::InvalidArgumentError(
          "reduction_axis must be mutually exclusive with channels_axis");
    }
    if (std::count(reduction_axes_.begin(), reduction_axes_.end(), axis) > 0) {
      return absl::InvalidArgumentError(absl::StrCat("reduction_axes must be unique: [",
                                                     absl::StrJoin(o.reduction_axes, ", "), "]"));
    }
    reduction_axes_.push_back(axis);
  }
  if (channels < o.groups) {
    return absl::InvalidArgumentError(absl::StrCat("Invalid groups ", o.groups, " for ", channels,
                                                   " channels for inputs ", input.ToString()));
  }
  if (channels % o.groups != 0) {
    return absl::InvalidArgumentError(absl::StrCat(channels, " channels is not commensurate with ",
                                                   o.groups, " groups for inputs ",
                                                   input.ToString()));
  }
  input_spec_ = {{.ndim = input.rank(), .axes = {{channels_axis_, channels}}}};
  if (o.center)
    beta_ = AddVariable(at, "beta", {.shape = {channels}, .initializer = o.beta_initializer});
  if (o.scale)
    gamma_ = AddVariable(at, "gamma", {.shape = {channels}, .initializer = o.gamma_initializer});
  return absl::OkStatus();
}

// The channels become two dimensions, the groups and what is in one.
Output GroupNormLayer::Call(At at, const Output& input, const CallOptions&) {
  const int rank = input.shape().rank();
  const int64_t channels = input.shape().dim(channels_axis_);
  std::vector<Dim> grouped, whole;
  std::vector<int64_t> params, axes;
  for (int i = 0; i < rank; ++i) {
    whole.push_back(Dim::Of(i));
    if (i == channels_axis_) {
      grouped.push_back(options_.groups);
      grouped.push_back(channels / options_.groups);
      params.insert(params.end(), {options_.groups, channels / options_.groups});
    } else {
      grouped.push_back(Dim::Of(i));
      params.push_back(1);
    }
  }
  for (const int axis : reduction_axes_) axes.push_back(axis > channels_axis_ ? axis + 1 : axis);
  axes.push_back(channels_axis_ + 1);
  std::sort(axes.begin(), axes.end());
  const auto spread = [&](const Variable& v) -> Output {
    return v.empty() ? Output() : ReshapeTo(at, v, params);
  };
  const Output x = ReshapeFrom(at, input, grouped);
  if (x.empty()) return x;
  const ops::MomentsOutputs moments = ops::Moments(at, x, axes, {.keep_dims = true});
  const Output offset = spread(beta_), scale = spread(gamma_);
  const Output normal = nn::BatchNormalization(at.Named("groupnorm"), x,
                                               {.mean = moments.mean,
                                                .variance = moments.variance,
                                                .offset = offset,
                                                .scale = scale,
                                                .variance_epsilon = options_.epsilon});
  const Output y = at.Node("Reshape", {normal, ShapeFrom(at, input, whole)});
  if (y.empty()) return y;
  at.graph().SetShape(y, input.shape()).IgnoreError();
  return options_.activation_fn(at, y);
}

Output GroupNorm(At at, Output inputs, GroupNormOptions options) {
  return ApplyOnce<GroupNormLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
