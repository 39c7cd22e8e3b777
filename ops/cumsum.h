// Running sums and products along an axis.
#ifndef SLUICE_OPS_CUMSUM_H_
#define SLUICE_OPS_CUMSUM_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct CumsumOptions {
  bool exclusive = false;  // element i gets those before it only: [0, x0, x0 + x1, ...]
  bool reverse = false;    // from the last element to the first
};

// The sum of the elements up to each one, along `axis` (a number, negative from the end, or an
// int32/int64 scalar tensor). Numbers; integers wrap. InvalidArgument for an axis outside the rank.
// Gradient: the Cumsum of dy the other way round.
Output Cumsum(At at, Output x, Ints axis, const CumsumOptions& options = {});
// The product, likewise. Gradient: that of TensorFlow, dx = Cumsum(dy * y, other way) / x, which is
// NaN where x is 0.
Output Cumprod(At at, Output x, Ints axis, const CumsumOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CUMSUM_H_
