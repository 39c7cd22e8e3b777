// FusedBatchNorm, V2, V3 and their gradient ops: see ops/fused_batch_norm.h for the rules,
// ops/kernels/batch_norm.h for the arithmetic.
#include "ops/fused_batch_norm.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/gradients.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/flops.h"
#include "ops/identity.h"
#include "ops/kernels/batch_norm.h"
#include "ops/narrow.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

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

absl::Status FusedBatchNormShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape x, c.WithRank(0, 4));
  const int axis = ChannelAxis(c.attrs());
  int64_t channels = x.dim(axis);
  const int vectors = c.attr<bool>("is_training") ? 3 : 5;
  for (int i = 1; i < vectors; ++i) SLUICE_RETURN_IF_ERROR(MergeChannels(c, i, &channels));
  x.set_dim(axis, channels);
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
  merged->set_dim(axis, channels);
  c.set_output(0, *std::move(merged));
  for (int i = 1; i < 3; ++i) c.set_output(i, TensorShape({channels}));
  for (int i = 3; i < 5; ++i) c.set_output(i, TensorShape({0}));
  return absl::OkStatus();
}

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

absl::StatusOr<KernelRun> FusedBatchNormPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::ChannelShape shape, RequireFloat(p, p.input_shape(0)));
  const float epsilon = p.attr<float>("epsilon");
  const bool training = p.attr<bool>("is_training");
  return KernelRun([shape, epsilon, training](KernelContext& c) {
    if (training) {
      BatchStatistics(shape, c);
    } else {
      for (int i = 1; i < 5; ++i) c.output(i).CopyElements(c.input(i % 2 == 1 ? 3 : 4));
    }
    kernels::BatchNormalize(shape, c.input(0).data<float>(), c.output(3).data<float>(),
                            c.output(4).data<float>(), c.input(1).data<float>(),
                            c.input(2).data<float>(), epsilon, c.output(0).mutable_data<float>(),
                            static_cast<float*>(c.scratch()));
    if (c.num_outputs() > 5) c.output(5).mutable_data<float>()[0] = 0;
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> FusedBatchNormGradPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const kernels::ChannelShape shape, RequireFloat(p, p.input_shape(1)));
  const float epsilon = p.attr<float>("epsilon");
  const bool training = p.attr<bool>("is_training");
  return KernelRun([shape, epsilon, training](KernelContext& c) {
    kernels::BatchNormGradient<float>(shape,
                                      {.batch_statistics = training,
                                       .epsilon = epsilon,
                                       .dy = c.input(0).data<float>(),
                                       .x = c.input(1).data<float>(),
                                       .mean = c.input(3).data<float>(),
                                       .variance = c.input(4).data<float>(),
                                       .scale = c.input(2).data<float>(),
                                       .dx = c.output(0).mutable_data<float>(),
                                       .dscale = c.output(1).mutable_data<float>(),
                                       .doffset = c.output(2).mutable_data<float>()},
                                      static_cast<float*>(c.scratch()));
    return absl::OkStatus();
  });
}

// --- gradients ---

// FusedBatchNormV3 has FusedBatchNormGradV3.
std::string GradientOp(const std::string& op) {
  const std::string base = "FusedBatchNorm";
  return base + "Grad" + op.substr(base.size());
}

Outputs FusedBatchNormGradient(At at, const Node& op, const Outputs& dy) {
  const bool training = op.attr<bool>("is_training");
  Outputs inputs = {dy[0], op.input(0), op.input(1), training ? op.output(3) : op.input(3),
                    training ? op.output(4) : op.input(4)};
  if (op.num_outputs() > 5) inputs.push_back(op.output(5));
  AttrMap attrs;
  for (const char* name : {"epsilon", "data_format", "is_training"}) {
    attrs[name] = *FindAttr(op.attrs(), name);
  }
  Outputs dx = at.Nodes(GradientOp(op.op()), inputs, std::move(attrs));
  dx.resize(3);
  dx.insert(dx.end(), 2, Output());
  return dx;
}

// What the gradient ops compute, of plain ops (ops/kernels/batch_norm.h has the formulas): they are
// differentiated through these. Everything is float; per-channel vectors broadcast against images.
struct PlainGradient {
  Output dx, dscale, doffset;
};
PlainGradient OfPlainOps(At at, const AttrMap& attrs, Output dy, Output x, Output scale,
                         Output mean, Output variance) {
  const bool first = ChannelAxis(attrs) == 1;
  const std::vector<int64_t> rest =
      first ? std::vector<int64_t>{0, 2, 3} : std::vector<int64_t>{0, 1, 2};
  const auto along_image = [&](Output vector) {
    return first ? Reshape(at, vector, {1, -1, 1, 1}) : Reshape(at, vector, {1, 1, 1, -1});
  };
  const auto average = [&](Output v) { return Mean(at, v, rest, {.keep_dims = true}); };
  const bool training = GetAttr<bool>(attrs, "is_training");
  const Output m = training ? average(x) : along_image(mean);
  const Output distance = Sub(at, x, m);
  const Output v = training ? average(Square(at, distance)) : along_image(variance);
  const Output inverse = Rsqrt(at, Add(at, v, Const(at, GetAttr<float>(attrs, "epsilon"))));
  const Output h = Mul(at, distance, inverse);
  Output g = dy;
  if (training) {
    g = Sub(at, Sub(at, dy, average(dy)), Mul(at, h, average(Mul(at, dy, h))));
  }
  return {Mul(at, Mul(at, along_image(scale), inverse), g), Sum(at, Mul(at, dy, h), rest),
          Sum(at, dy, rest)};
}

// As TensorFlow: the gradient of the same thing made of plain ops, with respect to y_backprop, x
// and scale.
Outputs SecondGradient(At at, const Node& op, const Outputs& d) {
  // Cut off from what made them, so that nothing flows further than here.
  Outputs inputs;
  for (int i = 0; i < 5; ++i) {
    const Output cut = StopGradient(at, op.input(i));
    inputs.push_back(i < 2 && cut.dtype() != DType::kFloat ? Cast(at, cut, DType::kFloat) : cut);
  }
  const PlainGradient plain =
      OfPlainOps(at, op.attrs(), inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
  Outputs ys, grad_ys;
  const Output results[] = {plain.dx, plain.dscale, plain.doffset};
  for (int i = 0; i < 3; ++i) {
    if (d[i].empty()) continue;
    ys.push_back(results[i]);
    grad_ys.push_back(d[i].dtype() != DType::kFloat ? Cast(at, d[i], DType::kFloat) : d[i]);
  }
  Outputs gradients(op.num_inputs());
  if (ys.empty()) return gradients;
  const Outputs wanted = Gradients(at, ys, {inputs[0], inputs[1], inputs[2]}, {.grad_ys = grad_ys});
  for (size_t i = 0; i < wanted.size(); ++i) {
    const DType dtype = op.input(static_cast<int>(i)).dtype();
    const bool cast = !wanted[i].empty() && wanted[i].dtype() != dtype;
    gradients[i] = cast ? Cast(at, wanted[i], dtype) : wanted[i];
  }
  return gradients;
}

// --- schemas ---

OpSpec& Attributes(OpSpec& spec) {
  return spec.Attr("epsilon: float = 0.0001")
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
      .Attr("is_training: bool = true");
}

// `statistics` names the type of all but x and y.
OpSpec ForwardSpec(const char* name, const std::string& statistics) {
  OpSpec spec(name);
  spec.Input("x: T").Output("y: T");
  for (const char* input : {"scale", "offset", "mean", "variance"}) {
    spec.Input(absl::StrCat(input, ": ", statistics));
  }
  for (const char* output :
       {"batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2"}) {
    spec.Output(absl::StrCat(output, ": ", statistics));
  }
  return spec;
}

OpSpec GradientSpec(const char* name, const std::string& scale, const std::string& statistics) {
  OpSpec spec(name);
  spec.Input("y_backprop: T").Input("x: T").Input("scale: " + scale);
  spec.Input("reserve_space_1: " + statistics).Input("reserve_space_2: " + statistics);
  spec.Output("x_backprop: T").Output("scale_backprop: " + statistics);
  spec.Output("offset_backprop: " + statistics);
  return spec;
}

OpSpec& Forward(OpSpec& spec) {
  return spec.Shape(FusedBatchNormShape)
      .Prepare(InFloat(FusedBatchNormPrepare))
      .InPlace(0, 0)
      .Flops(FlopsPerElement(2))
      .Gradient(FusedBatchNormGradient);
}

OpSpec& Gradient(OpSpec& spec) {
  return spec.Shape(FusedBatchNormGradShape)
      .Prepare(InFloat(FusedBatchNormGradPrepare))
      .InPlace(0, 0)
      .Flops(FlopsPerElement(7))
      .Gradient(SecondGradient);
}

constexpr char kImageTypes[] = "T: {half, bfloat16, float}";
constexpr char kStatisticsTypes[] = "U: {float}";

AttrMap ToAttrs(FusedBatchNormOptions o) {
  return {{"epsilon", o.epsilon},
          {"data_format", std::move(o.data_format)},
          {"is_training", o.is_training}};
}

}  // namespace

OpSpec FusedBatchNormOp() {
  OpSpec spec = ForwardSpec("FusedBatchNorm", "T");
  return Forward(Attributes(spec.Attr("T: {float}")));
}
OpSpec FusedBatchNormV2Op() {
  OpSpec spec = ForwardSpec("FusedBatchNormV2", "U");
  return Forward(Attributes(spec.Attr(kImageTypes).Attr(kStatisticsTypes)));
}
OpSpec FusedBatchNormV3Op() {
  OpSpec spec = ForwardSpec("FusedBatchNormV3", "U");
  return Forward(
      Attributes(spec.Output("reserve_space_3: U").Attr(kImageTypes).Attr(kStatisticsTypes)));
}

OpSpec FusedBatchNormGradOp() {
  OpSpec spec = GradientSpec("FusedBatchNormGrad", "T", "T");
  spec.Output("reserve_space_3: T").Output("reserve_space_4: T").Attr("T: {float}");
  return Gradient(Attributes(spec));
}
OpSpec FusedBatchNormGradV2Op() {
  OpSpec spec = GradientSpec("FusedBatchNormGradV2", "float", "U");
  spec.Output("reserve_space_3: U").Output("reserve_space_4: U");
  return Gradient(Attributes(spec.Attr(kImageTypes).Attr(kStatisticsTypes)));
}
OpSpec FusedBatchNormGradV3Op() {
  OpSpec spec = GradientSpec("FusedBatchNormGradV3", "float", "U");
  spec.Input("reserve_space_3: U").Output("reserve_space_4: U").Output("reserve_space_5: U");
  return Gradient(Attributes(spec.Attr(kImageTypes).Attr(kStatisticsTypes)));
}

Outputs FusedBatchNorm(At at, Output x, Output scale, Output offset, Output mean, Output variance,
                       FusedBatchNormOptions options) {
  return at.Nodes("FusedBatchNorm", {x, scale, offset, mean, variance},
                  ToAttrs(std::move(options)));
}
Outputs FusedBatchNormV2(At at, Output x, Output scale, Output offset, Output mean, Output variance,
                         FusedBatchNormOptions options) {
  return at.Nodes("FusedBatchNormV2", {x, scale, offset, mean, variance},
                  ToAttrs(std::move(options)));
}
Outputs FusedBatchNormV3(At at, Output x, Output scale, Output offset, Output mean, Output variance,
                         FusedBatchNormOptions options) {
  return at.Nodes("FusedBatchNormV3", {x, scale, offset, mean, variance},
                  ToAttrs(std::move(options)));
}

Outputs FusedBatchNormGrad(At at, Output y_backprop, Output x, Output scale, Output reserve_space_1,
                           Output reserve_space_2, FusedBatchNormOptions options) {
  return at.Nodes("FusedBatchNormGrad", {y_backprop, x, scale, reserve_space_1, reserve_space_2},
                  ToAttrs(std::move(options)));
}
Outputs FusedBatchNormGradV2(At at, Output y_backprop, Output x, Output scale,
                             Output reserve_space_1, Output reserve_space_2,
                             FusedBatchNormOptions options) {
  return at.Nodes("FusedBatchNormGradV2", {y_backprop, x, scale, reserve_space_1, reserve_space_2},
                  ToAttrs(std::move(options)));
}
Outputs FusedBatchNormGradV3(At at, Output y_backprop, Output x, Output scale,
                             Output reserve_space_1, Output reserve_space_2, Output reserve_space_3,
                             FusedBatchNormOptions options) {
  return at.Nodes("FusedBatchNormGradV3",
                  {y_backprop, x, scale, reserve_space_1, reserve_space_2, reserve_space_3},
                  ToAttrs(std::move(options)));
}

}  // namespace sluice::ops
