// Tensors of one value: Fill, ZerosLike, OnesLike, Empty, and tf.zeros / tf.ones.
#ifndef SLUICE_OPS_FILL_H_
#define SLUICE_OPS_FILL_H_

#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// A tensor of shape `dims` (int32 or int64 vector) whose elements all equal the scalar `value`. Any
// dtype. InvalidArgument for a negative dimension. Gradient: to `value`, the sum of dy.
Output Fill(At at, Ints dims, Output value);

// Zeros (false, "") of x's shape and dtype. No gradient passes.
Output ZerosLike(At at, Output x);
// Ones of x's shape and dtype: numbers and bool. No gradient passes.
Output OnesLike(At at, Output x);

struct EmptyOptions {
  bool init = false;
};
// A tensor of that shape and dtype. TensorFlow leaves its elements uninitialized unless `init`;
// here they are always zeros.
Output Empty(At at, Ints shape, DType dtype, const EmptyOptions& options = {});

// tf.zeros, tf.ones: below 1000 elements one Const called "zeros" ("ones"), else Fill "zeros" of
// Consts "zeros/shape_as_tensor" and "zeros/Const" (rule VAR-2). A shape known only when running
// gives a Fill of it.
Output Zeros(At at, Ints shape, DType dtype = DType::kFloat);
Output Ones(At at, Ints shape, DType dtype = DType::kFloat);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FILL_H_
