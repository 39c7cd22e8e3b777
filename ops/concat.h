// Concat: tensors laid side by side. Pack: tensors stacked along a new dimension.
#ifndef SLUICE_OPS_CONCAT_H_
#define SLUICE_OPS_CONCAT_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// `values` (two or more, of one dtype, equal in all dimensions but `axis`) joined along dimension
// `axis` (int32 or int64 scalar, -rank <= axis < rank). Any dtype. InvalidArgument for scalars, for
// unequal shapes, and for an axis out of range. Gradient: the slices of dy.
Output ConcatV2(At at, const Outputs& values, Ints axis);

// The same with the axis first, as graphs before TensorFlow 1.0 write it.
Output Concat(At at, Ints concat_dim, const Outputs& values);

// Where each of the tensors of these shapes (int32 vectors) begins in their concatenation: one
// int32 vector each, zero but at `concat_dim`.
Outputs ConcatOffset(At at, Ints concat_dim, const Outputs& shape);

struct PackOptions {
  int64_t axis = 0;  // of the new dimension; -(rank+1) <= axis <= rank
};
// `values`, all of one shape and dtype, stacked: dimension `axis` of the result counts them.
// (tf.stack) Gradient: Unpack of dy.
Output Pack(At at, const Outputs& values, const PackOptions& options = {});

// `values`, each with first dimension 1, joined along it. `shape` is the result's. Gradient: the
// slices of dy.
Output ParallelConcat(At at, const Outputs& values, const TensorShape& shape);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CONCAT_H_
