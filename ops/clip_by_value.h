// ClipByValue: numbers kept within bounds.
#ifndef SLUICE_OPS_CLIP_BY_VALUE_H_
#define SLUICE_OPS_CLIP_BY_VALUE_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// min(max(t, clip_value_min), clip_value_max) of real numbers; NaN stays. Each bound is a scalar or
// has t's shape. Gradient: dy where t was within the bounds, else to the bound that it met.
Output ClipByValue(At at, Output t, Output clip_value_min, Output clip_value_max);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CLIP_BY_VALUE_H_
