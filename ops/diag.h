// Diagonals: put into tensors, taken out, replaced; bands of matrices.
#ifndef SLUICE_OPS_DIAG_H_
#define SLUICE_OPS_DIAG_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// Zeros of shape diagonal.shape + diagonal.shape but for y[i..., i...] = diagonal[i...]. Gradient:
// DiagPart of dy.
Output Diag(At at, Output diagonal);
// diagonal[i...] = input[i..., i...]; `input` has shape s + s. Gradient: Diag of dy.
Output DiagPart(At at, Output input);

// For the innermost one (two) dimensions; those before them are a batch. Any dtype.
// [..., n] -> [..., n, n], zero off the diagonal. Gradient: MatrixDiagPart of dy.
Output MatrixDiag(At at, Output diagonal);
// [..., m, n] -> [..., min(m, n)]. Gradient: dy on the diagonal of zeros.
Output MatrixDiagPart(At at, Output input);
// `input` [..., m, n] with its diagonals replaced by `diagonal` [..., min(m, n)]. Gradient: dy with
// a zero diagonal, and dy's diagonal.
Output MatrixSetDiag(At at, Output input, Output diagonal);

// `input` [..., m, n] with zeros but for the diagonal, `num_lower` diagonals below it and
// `num_upper` above it (int32 or int64 scalars; negative: all). InvalidArgument for more than there
// are. Gradient: the same band of dy.
Output MatrixBandPart(At at, Output input, Ints num_lower, Ints num_upper);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_DIAG_H_
