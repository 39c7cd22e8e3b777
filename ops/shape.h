// Shapes as tensors: Shape, ShapeN, Size, Rank. Their values follow from shapes alone, so plans
// compute them at compile time.
#ifndef SLUICE_OPS_SHAPE_H_
#define SLUICE_OPS_SHAPE_H_

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct ShapeOptions {
  DType out_type = DType::kInt32;  // or kInt64
};

// The dimensions of `input`, a vector. A run fails with InvalidArgument when out_type cannot hold
// one.
Output Shape(At at, Output input, const ShapeOptions& options = {});
// The same for several tensors of one dtype.
Outputs ShapeN(At at, const Outputs& input, const ShapeOptions& options = {});
// The number of elements of `input`, a scalar.
Output Size(At at, Output input, const ShapeOptions& options = {});
// The number of dimensions of `input`, an int32 scalar.
Output Rank(At at, Output input);

// tf.shape, tf.size, tf.rank: a Const called "Shape" ("Size", "Rank") when the answer is known
// while building, else the op. What gradients and layers use.
Output ShapeTensor(At at, Output input, const ShapeOptions& options = {});
Output SizeTensor(At at, Output input, const ShapeOptions& options = {});
Output RankTensor(At at, Output input);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SHAPE_H_
