// Kernels of half and bfloat16 made of kernels of float: every value is widened before, and rounded
// once, after.
#ifndef SLUICE_OPS_NARROW_H_
#define SLUICE_OPS_NARROW_H_

#include "core/kernel.h"

namespace sluice::ops {

// `prepare` for nodes without half and bfloat16. In others it sees float in their place, in inputs
// and outputs (attributes stay as they are). Such an output must not be handed over with
// SetOutput().
KernelPrepare InFloat(KernelPrepare prepare);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_NARROW_H_
