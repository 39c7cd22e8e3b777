// Special functions of float and double tensors. Formulas: kernels/special_math.h. A function of
// two tensors broadcasts them as the ops of binary.h do.
#ifndef SLUICE_OPS_SPECIAL_H_
#define SLUICE_OPS_SPECIAL_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// The regularized incomplete gamma functions, lower and upper, of a > 0 and x >= 0, else NaN.
// Gradients to both arguments.
Output Igamma(At at, Output a, Output x);
Output Igammac(At at, Output a, Output x);
// d Igamma / da. No gradient, as in TensorFlow.
Output IgammaGradA(At at, Output a, Output x);
// Hurwitz' zeta function, the sum over n of (q + n)^-x. Gradient: to q only.
Output Zeta(At at, Output x, Output q);
// The a-th derivative of Digamma(x), a = 0, 1, 2, ... Gradient: to x only.
Output Polygamma(At at, Output a, Output x);

// The regularized incomplete beta function I_x(a, b). Arguments have one shape, but each may be a
// scalar. Gradient: to x only.
Output Betainc(At at, Output a, Output b, Output x);

// exp(-|x|) I_n(x) of the modified Bessel functions of the first kind; half and bfloat16 too.
Output BesselI0e(At at, Output x);
Output BesselI1e(At at, Output x);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPECIAL_H_
