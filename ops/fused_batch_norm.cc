// FusedBatchNorm, V2, V3 and their gradient ops: see ops/fused_batch_norm.h for the rules,
// ops/fused_batch_norm_kernels.h for shapes and kernels.
#include "ops/fused_batch_norm.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/gradients.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/flops.h"
#include "ops/fused_batch_norm_kernels.h"
#include "ops/identity.h"
#include "ops/narrow.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

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
  const bool first = GetAttr<std::string>(attrs, "data_format") == "NCHW";
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
      .Prepare(InFloat(PrepareFusedBatchNorm))
      .InPlace(0, 0)
      .Flops(FlopsPerElement(2))
      .Gradient(FusedBatchNormGradient);
}

OpSpec& Gradient(OpSpec& spec) {
  return spec.Shape(FusedBatchNormGradShape)
      .Prepare(InFloat(PrepareFusedBatchNormGrad))
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
