// Transpose: dimensions in another order. And InvertPermutation, which its gradient needs.
#ifndef SLUICE_OPS_TRANSPOSE_H_
#define SLUICE_OPS_TRANSPOSE_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// Dimension i of the result is dimension perm[i] of `x`: y[j[0], ..., j[n-1]] = x[k] with
// k[perm[i]] = j[i]. Any dtype. `perm` holds every number of 0 .. rank-1 once (InvalidArgument
// otherwise). Transpose(s, x, {0, 3, 1, 2}) takes NHWC to NCHW. Gradient: dy transposed by the
// inverse permutation.
Output Transpose(At at, Output x, Ints perm);

// The same; elements of complex types are conjugated too.
Output ConjugateTranspose(At at, Output x, Ints perm);

// y[x[i]] = i, for an int32 or int64 vector that is a permutation of 0 .. n-1.
Output InvertPermutation(At at, Output x);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TRANSPOSE_H_
