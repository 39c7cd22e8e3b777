// A matrix product with what follows it: the op that rewrites of plans put in the place of MatMul,
// a bias, a sum and an activation. TensorFlow's name and attributes; graphs rarely hold it.
//
//   _FusedMatMul
//     inputs: a, b as MatMul's; args, `num_args` of them
//     transpose_a, transpose_b as MatMul's
//     fused_ops: what follows the product, in this order, each at most once:
//       "BiasAdd"  + args[0] [n]
//       "Add"      + the next of args, of the output's shape
//       one of "Relu", "Relu6", "LeakyRelu" (slope `leakyrelu_alpha`), "Elu", "Tanh", "Sigmoid"
//
// float and double; bit for bit what these ops would give one after another, NaN included.
// InvalidArgument: other fused_ops than these, another number of args than they take, a bias that
// is no vector of n, an addend of another shape than the output.
#ifndef SLUICE_OPS_FUSED_MATMUL_H_
#define SLUICE_OPS_FUSED_MATMUL_H_

namespace sluice::ops {

inline constexpr char kFusedMatMul[] = "_FusedMatMul";

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FUSED_MATMUL_H_
