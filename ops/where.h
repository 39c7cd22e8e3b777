// Where: the positions of true elements.
#ifndef SLUICE_OPS_WHERE_H_
#define SLUICE_OPS_WHERE_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// The indices of the elements of `input` that are true (not zero; NaN counts), in row-major order:
// an int64 matrix [count, rank]. bool and numbers. How many there are is known only after the run.
// (tf.where with one argument)
Output Where(At at, Output input);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_WHERE_H_
