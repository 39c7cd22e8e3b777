// NthElement: order statistics.
#ifndef SLUICE_OPS_NTH_ELEMENT_H_
#define SLUICE_OPS_NTH_ELEMENT_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct NthElementOptions {
  bool reverse = false;  // the n-th largest
};
// The n-th smallest element (from 0) of every row: input without its last dimension. Real numbers;
// n is an int32 scalar, 0 <= n < the last dimension, else InvalidArgument. Gradient: to the
// elements equal to the result, shared equally.
Output NthElement(At at, Output input, Ints n, const NthElementOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_NTH_ELEMENT_H_
