// OneHot: indices as rows of one value among others.
#ifndef SLUICE_OPS_ONE_HOT_H_
#define SLUICE_OPS_ONE_HOT_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct OneHotOptions {
  int64_t axis = -1;  // of the new dimension; -1: the last, else 0 <= axis <= rank
};
// A new dimension of size `depth` (int32 scalar, >= 0) that holds `on_value` at the index and
// `off_value` (scalars of one dtype, any) elsewhere. Indices (uint8, int32, int64) outside [0,
// depth) give a row of off_value. No gradient passes.
Output OneHot(At at, Output indices, Ints depth, Output on_value, Output off_value,
              const OneHotOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_ONE_HOT_H_
