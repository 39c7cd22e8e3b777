// Comparisons of two tensors of one dtype and logic of bools, elementwise, with numpy's
// broadcasting (binary.h). Results are bools. No gradient passes.
#ifndef SLUICE_OPS_COMPARISON_H_
#define SLUICE_OPS_COMPARISON_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// NaN is unequal to everything, and neither less nor greater than anything.
struct EqualOptions {
  bool incompatible_shape_error =
      true;  // false: shapes that do not fit give one scalar, "not equal"
};
Output Equal(At at, Output x, Output y, const EqualOptions& options = {});  // numbers, bool, string
Output NotEqual(At at, Output x, Output y, const EqualOptions& options = {});
Output Less(At at, Output x, Output y);  // real numbers
Output LessEqual(At at, Output x, Output y);
Output Greater(At at, Output x, Output y);
Output GreaterEqual(At at, Output x, Output y);
struct ApproximateEqualOptions {
  float tolerance = 0.00001f;
};
// |x - y| < tolerance, of numbers of one shape (no broadcasting).
Output ApproximateEqual(At at, Output x, Output y, const ApproximateEqualOptions& options = {});

Output LogicalAnd(At at, Output x, Output y);  // of bools
Output LogicalOr(At at, Output x, Output y);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_COMPARISON_H_
