// Shapes of which parts are known only when running.
#ifndef SLUICE_LAYERS_SHAPE_FROM_H_
#define SLUICE_LAYERS_SHAPE_FROM_H_

#include <cstdint>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::layers {

// One dimension of a shape: a number, or what some tensor has at an axis.
struct Dim {
  Dim(int64_t size) : size(size) {}  // NOLINT: implicit
  static Dim Of(int axis) {          // counted from the front
    Dim dim(-1);
    dim.axis = axis;
    return dim;
  }
  int64_t size;
  int axis = -1;  // >= 0: of the other tensor
};

// `dims`, with the axes that `like` is known to have as numbers; -1 where it is not. REQUIRES: a
// known rank of `like`.
std::vector<int64_t> KnownDims(const Output& like, const std::vector<Dim>& dims);
// The same as an int32 vector, complete when it runs.
Output ShapeFrom(At at, const Output& like, const std::vector<Dim>& dims);
// `x` with these dims, of its own; at the front to the back every element stays. One constant shape
// where at most one dimension is unknown. Node "Reshape".
Output ReshapeFrom(At at, const Output& x, const std::vector<Dim>& dims);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_SHAPE_FROM_H_
