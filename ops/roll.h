// Roll: elements shifted around a circle.
#ifndef SLUICE_OPS_ROLL_H_
#define SLUICE_OPS_ROLL_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// y[..., (i + shift) mod size, ...] = input[..., i, ...] along `axis`. `shift` and `axis` are int32
// or int64: two scalars, or two vectors of equal length; shifts of an axis that is named repeatedly
// add up. Any dtype. Gradient: dy rolled back.
Output Roll(At at, Output input, Ints shift, Ints axis);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_ROLL_H_
