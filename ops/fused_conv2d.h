// Convolutions with what follows them: the ops that rewrites of plans put in the place of a
// convolution, a bias, a sum and an activation. TensorFlow's names and attributes; graphs rarely
// hold them.
//
//   _FusedConv2D, _FusedDepthwiseConv2dNative
//     inputs: input, filter as Conv2D's (DepthwiseConv2dNative's); args, `num_args` of them
//     fused_ops: what follows the convolution, in this order, each at most once:
//       "BiasAdd"  + args[0] [channels]
//       "Add"      + the next of args, of the output's shape (the output may be written over it)
//       one of "Relu", "Relu6", "LeakyRelu" (slope `leakyrelu_alpha`), "Elu", "Tanh", "Sigmoid"
//     strides, padding, explicit_paddings, data_format, dilations as Conv2D's, for both ops
//
// float and double. Where oneDNN computes, "Relu" and "Relu6" make 0 of NaN. InvalidArgument: other
// fused_ops than these ("FusedBatchNorm" is Unimplemented), another number of args than they take,
// a bias that is no vector of the output's channels, an addend of another shape than the output.
#ifndef SLUICE_OPS_FUSED_CONV2D_H_
#define SLUICE_OPS_FUSED_CONV2D_H_

#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "ops/kernels/epilogue.h"

namespace sluice::ops {

inline constexpr char kFusedConv2D[] = "_FusedConv2D";
inline constexpr char kFusedDepthwise[] = "_FusedDepthwiseConv2dNative";

// What fused_ops and leakyrelu_alpha say. InvalidArgument as above.
absl::StatusOr<kernels::Epilogue> FusedEpilogue(const AttrMap& attrs);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FUSED_CONV2D_H_
