#include "ops/fused_batch_norm_kernels.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/kernels/batch_norm.h"

namespace sluice::ops {
namespace {

// Positions of inputs and outputs.
constexpr int kForwardInputs = 5;
constexpr int kOffset = 6, kY = 7, kMore = 8;  // of the gradient
constexpr int kSideGradient = 5;

int ChannelAxis(const AttrMap& attrs) {
  return GetAttr<std::string>(attrs, "data_format") == "NCHW" ? 1 : 3;
}

// *channels, where known, must be input i's only dimension; what is known of either is known of
// both.
absl::Status MergeChannels(const ShapeContext& c, int i, int64_t* channels) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape vector, c.WithRank(i, 1));
  if (*channels >= 0 && vector.dim(0) >= 0 && *channels != vector.dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Dimensions must be equal, but are ", *channels, " and ", vector.dim(0),
                     ": x ", c.input(0).ToString(), " and input ", i, " ", vector.ToString()));
  }
  *channels = std::max(*channels, vector.dim(0));
  return absl::OkStatus();
}

int64_t Count(const AttrMap& attrs, const char* name) {
  return FindAttr(attrs, name) == nullptr ? 0 : GetAttr<int64_t>(attrs, name);
}

// Inputs from `first` on must be of x's shape.
absl::Status MergeImages(const ShapeContext& c, int first, TensorShape* x) {
  for (int i = first; i < c.num_inputs(); ++i) {
    auto merged = x->MergeWith(c.input(i));
    if (!merged.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but x is ",
                                                     x->ToString(), " and input ", i, " is ",
                                                     c.input(i).ToString()));
    }
    *x = *std::move(merged);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status FusedBatchNormShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape x, c.WithRank(0, 4));
  const int axis = ChannelAxis(c.attrs());
  int64_t channels = x.dim(axis);
  const int vectors = c.attr<bool>("is_training") ? 3 : 5;
  for (int i = 1; i < vectors; ++i) SLUICE_RETURN_IF_ERROR(MergeChannels(c, i, &channels));
  x.set_dim(axis, channels);
  SLUICE_RETURN_IF_ERROR(MergeImages(c, kForwardInputs, &x));
  c.set_output(0, std::move(x));
  for (int i = 1; i < 5; ++i) c.set_output(i, TensorShape({channels}));
  if (c.num_outputs() > 5) c.set_output(5, TensorShape());
  return absl::OkStatus();
}

absl::Status FusedBatchNormGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape dy, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape x, c.WithRank(1, 4));
  auto merged = dy.MergeWith(x);
  if (!merged.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but y_backprop is ",
                                                   dy.ToString(), " and x is ", x.ToString()));
  }
  const int axis = ChannelAxis(c.attrs());
  int64_t channels = merged->dim(axis);
  for (int i = 2; i < 5; ++i) SLUICE_RETURN_IF_ERROR(MergeChannels(c, i, &channels));
  if (c.num_inputs() > kOffset) SLUICE_RETURN_IF_ERROR(MergeChannels(c, kOffset, &channels));
  merged->set_dim(axis, channels);
  SLUICE_RETURN_IF_ERROR(MergeImages(c, kY, &*merged));
  for (int i = kSideGradient; i < c.num_outputs(); ++i) c.set_output(i, *merged);
  c.set_output(0, *std::move(merged));
  for (int i = 1; i < 3; ++i) c.set_output(i, TensorShape({channels}));
  for (int i = 3; i < 5; ++i) c.set_output(i, TensorShape({0}));
  return absl::OkStatus();
}

namespace {

kernels::ChannelShape ChannelsOf(const AttrMap& attrs, const TensorShape& x) {
  if (ChannelAxis(attrs) == 1) return {x.dim(0), x.dim(1), x.dim(2) * x.dim(3)};
  return {x.dim(0) * x.dim(1) * x.dim(2), x.dim(3), 1};
}

absl::StatusOr<kernels::ChannelShape> RequireFloat(PrepareContext& p, const TensorShape& x) {
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float>(p.output_dtype(0), [](auto) { return absl::OkStatus(); })));
  const kernels::ChannelShape shape = ChannelsOf(p.attrs(), x);
  p.RequestScratch(kernels::BatchNormScratch(shape) * static_cast<int64_t>(sizeof(float)));
  return shape;
}

// The statistics of a training step: outputs 1 to 4.
void BatchStatistics(const kernels::ChannelShape& s, KernelContext& c) {
  float* const mean = c.output(3).mutable_data<float>();
  float* const variance = c.output(4).mutable_data<float>();
  if (s.elements() == 0) {
    for (int i = 1; i < 5; ++i) {
      std::fill_n(c.output(i).mutable_data<float>(), s.channels,
                  std::numeric_limits<float>::quiet_NaN());
    }
    return;
  }
  kernels::BatchMoments(s, c.input(0).data<float>(), mean, variance,
                        static_cast<float*>(c.scratch()));
  const double n = static_cast<double>(s.outer) * static_cast<double>(s.inner);
  const auto bessel = static_cast<float>(n / std::max(n - 1, 1.0));
  float* const batch_variance = c.output(2).mutable_data<float>();
  std::copy_n(mean, s.channels, c.output(1).mutable_data<float>());
  for (int64_t k = 0; k < s.channels; ++k) batch_variance[k] = variance[k] * bessel;
}

absl::StatusOr<std::optional<kernels::Activation>> ActivationOf(const AttrMap& attrs) {
  if (FindAttr(attrs, "activation_mode") == nullptr) return std::nullopt;
  const std::string mode = GetAttr<std::string>(attrs, "activation_mode");
  if (mode == "Identity") return std::nullopt;
  if (mode == "Relu") return kernels::Activation::kRelu;
  if (mode == "Relu6") return kernels::Activation::kRelu6;
  return absl::InvalidArgumentError(
      absl::StrCat("activation_mode must be Identity, Relu or Relu6, got ", mode));
}

absl::Status AtMostOne(const AttrMap& attrs, const char* name) {
  if (Count(attrs, name) <= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " must be 0 or 1, got ", Count(attrs, name)));
}

}  // namespace

absl::StatusOr<KernelRun> PrepareFusedBatchNorm(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::ChannelShape shape, RequireFloat(p, p.input_shape(0)));
  SLUICE_RETURN_IF_ERROR(AtMostOne(p.attrs(), "num_side_inputs"));
  SLUICE_ASSIGN_OR_RETURN(const auto activation, ActivationOf(p.attrs()));
  const float epsilon = p.attr<float>("epsilon");
  const bool training = p.attr<bool>("is_training");
  return KernelRun([shape, epsilon, training, activation](KernelContext& c) {
    if (training) {
      BatchStatistics(shape, c);
    } else {
      for (int i = 1; i < 5; ++i) c.output(i).CopyElements(c.input(i % 2 == 1 ? 3 : 4));
    }
    kernels::BatchNormThen<float> then = {.activation = activation};
    if (c.num_inputs() > kForwardInputs) then.side = c.input(kForwardInputs).data<float>();
    kernels::BatchNormalize(shape, c.input(0).data<float>(), c.output(3).data<float>(),
                            c.output(4).data<float>(), c.input(1).data<float>(),
                            c.input(2).data<float>(), epsilon, c.output(0).mutable_data<float>(),
                            static_cast<float*>(c.scratch()), then);
    if (c.num_outputs() > 5) c.output(5).mutable_data<float>()[0] = 0;
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> PrepareFusedBatchNormGrad(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::ChannelShape shape, RequireFloat(p, p.input_shape(1)));
  SLUICE_RETURN_IF_ERROR(AtMostOne(p.attrs(), "num_side_inputs"));
  SLUICE_RETURN_IF_ERROR(AtMostOne(p.attrs(), "num_more_backprops"));
  SLUICE_ASSIGN_OR_RETURN(const auto activation, ActivationOf(p.attrs()));
  const float epsilon = p.attr<float>("epsilon");
  const bool training = p.attr<bool>("is_training");
  const bool side = Count(p.attrs(), "num_side_inputs") > 0;
  const bool more = Count(p.attrs(), "num_more_backprops") > 0;
  return KernelRun([=](KernelContext& c) {
    kernels::BatchNormBackward<float> b = {.batch_statistics = training,
                                           .epsilon = epsilon,
                                           .dy = c.input(0).data<float>(),
                                           .x = c.input(1).data<float>(),
                                           .mean = c.input(3).data<float>(),
                                           .variance = c.input(4).data<float>(),
                                           .scale = c.input(2).data<float>(),
                                           .activation = activation,
                                           .dx = c.output(0).mutable_data<float>(),
                                           .dscale = c.output(1).mutable_data<float>(),
                                           .doffset = c.output(2).mutable_data<float>()};
    if (more) b.more_dy = c.input(kMore).data<float>();
    if (side) b.dside = c.output(kSideGradient).mutable_data<float>();
    if (activation.has_value()) {
      b.offset = c.input(kOffset).data<float>();
      b.y = c.input(kY).data<float>();
    }
    kernels::BatchNormGradient(shape, b, static_cast<float*>(c.scratch()));
    return absl::OkStatus();
  });
}

}  // namespace sluice::ops
