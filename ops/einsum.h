// Einsum: sums of products, by an equation over the operands' dimensions.
#ifndef SLUICE_OPS_EINSUM_H_
#define SLUICE_OPS_EINSUM_H_

#include "absl/strings/string_view.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// tf.einsum: Einsum(s, "ij,jk->ik", {a, b}) sums the products of the operands over the letters that
// the result has not. Without an arrow the result has the letters that occur once, sorted. "..."
// stands for dimensions that are broadcast. Built of Transpose, Sum, Reshape, Mul and
// BatchMatMulV2, so it takes their types and has their gradients. Ranks must be known.
// InvalidArgument for a letter twice in one operand, or in the result and no operand.
Output Einsum(At at, absl::string_view equation, const Outputs& inputs);

// The op of that name, which TensorFlow 2 builds: one or two operands, an equation with an arrow.
// A letter twice in an operand takes its diagonal, in the result puts it there. Any rank. half,
// bfloat16, float, double, int32, int64, complex64, complex128.
Output EinsumNode(At at, const Outputs& inputs, absl::string_view equation);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_EINSUM_H_
