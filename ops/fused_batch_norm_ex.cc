#include "ops/fused_batch_norm_ex.h"

#include "ops/flops.h"
#include "ops/fused_batch_norm_kernels.h"
#include "ops/narrow.h"

namespace sluice::ops {
namespace {

OpSpec& Attributes(OpSpec& spec) {
  return spec.Attr("T: {half, bfloat16, float}")
      .Attr("U: {float}")
      .Attr("epsilon: float = 0.0001")
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
      .Attr("num_side_inputs: int >= 0 = 0")
      .Attr("activation_mode: {'Identity', 'Relu', 'Relu6'} = 'Identity'")
      .Attr("is_training: bool = true")
      .NotDifferentiable("it takes the place of ops that are, after gradients are made");
}

}  // namespace

OpSpec FusedBatchNormExOp() {
  OpSpec spec("_FusedBatchNormEx");
  spec.Input("x: T").Output("y: T");
  for (const char* input : {"scale: U", "offset: U", "mean: U", "variance: U"}) spec.Input(input);
  for (const char* output : {"batch_mean: U", "batch_variance: U", "reserve_space_1: U",
                             "reserve_space_2: U", "reserve_space_3: U"}) {
    spec.Output(output);
  }
  spec.Input("side_input: num_side_inputs * T");
  constexpr int kSide = 5;
  return Attributes(spec)
      .Shape(FusedBatchNormShape)
      .Prepare(InFloat(PrepareFusedBatchNorm))
      .Flops(FlopsPerElement(4))
      .InPlace(0, 0)
      .InPlace(kSide, 0);
}

OpSpec FusedBatchNormGradExOp() {
  OpSpec spec("_FusedBatchNormGradEx");
  spec.Input("y_backprop: T").Input("x: T").Input("scale: float");
  spec.Input("reserve_space_1: U").Input("reserve_space_2: U").Input("reserve_space_3: U");
  spec.Input("offset: float").Input("y: T").Input("more_backprops: num_more_backprops * T");
  spec.Output("x_backprop: T").Output("scale_backprop: U").Output("offset_backprop: U");
  spec.Output("reserve_space_4: U").Output("reserve_space_5: U");
  spec.Output("side_input_backprop: num_side_inputs * T");
  return Attributes(spec.Attr("num_more_backprops: int >= 0 = 0"))
      .Shape(FusedBatchNormGradShape)
      .Prepare(InFloat(PrepareFusedBatchNormGrad))
      .Flops(FlopsPerElement(8))
      .InPlace(0, 0);
}

}  // namespace sluice::ops
