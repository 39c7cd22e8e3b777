// Counters: a variable's value taken and increased until a limit. CountUpTo, the form for reference
// variables, is for imported graphs and has no builder.
#ifndef SLUICE_OPS_COUNT_UP_TO_H_
#define SLUICE_OPS_COUNT_UP_TO_H_

#include <cstdint>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// The value of a scalar variable of type T (int32, int64), which then grows by 1. OutOfRange ~
// "Reached limit of 3", the variable unchanged, once it is not below `limit`.
Output ResourceCountUpTo(At at, Output resource, int64_t limit, DType T);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_COUNT_UP_TO_H_
