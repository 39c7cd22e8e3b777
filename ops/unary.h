// Elementwise functions of one tensor. The result has x's shape and, unless said otherwise, x's
// dtype.
//
// Floating types are half, bfloat16 (both computed in float32 and rounded once), float and double.
// "Numbers" are these, int32, int64, complex64 and complex128. TensorFlow's schemas allow a few
// types that neither it nor we have kernels for (Sqrt's kin of integers): Unimplemented when run.
// float and double results are within 4 units in the last place of the exact value. Gradients
// follow TensorFlow's; the *Grad ops take y = f(x) and dy.
#ifndef SLUICE_OPS_UNARY_H_
#define SLUICE_OPS_UNARY_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// --- arithmetic ---
Output Neg(At at, Output x);  // -x of numbers; the smallest integer stays what it is
Output Abs(At at, Output x);  // |x| of floating types and int8 to int64; the same at the smallest.
                              // Gradient: dy * Sign(x)
Output Sign(At at,
            Output x);  // -1, 0, 1 of numbers; x / |x| of complex ones; 0 of NaN. Gradient: zeros
Output Square(At at, Output x);      // x * x of numbers; integers wrap
Output Sqrt(At at, Output x);        // of floating and complex types; NaN below 0
Output Rsqrt(At at, Output x);       // 1 / Sqrt(x)
Output Reciprocal(At at, Output x);  // 1 / x of floating and complex types
Output Inv(At at, Output x);         // the same under its old name

// --- exponentials and logarithms: floating and complex types ---
Output Exp(At at, Output x);
Output Expm1(At at, Output x);    // exp(x) - 1, exact near 0
Output Log(At at, Output x);      // -infinity at 0, NaN below
Output Log1p(At at, Output x);    // log(1 + x), exact near 0
Output Sigmoid(At at, Output x);  // 1 / (1 + exp(-x))

// --- trigonometric and hyperbolic functions: floating and complex types ---
Output Sin(At at, Output x);
Output Cos(At at, Output x);
Output Tan(At at, Output x);
Output Asin(At at, Output x);  // NaN outside [-1, 1]
Output Acos(At at, Output x);  // NaN outside [-1, 1]
Output Atan(At at, Output x);
Output Sinh(At at, Output x);
Output Cosh(At at, Output x);
Output Tanh(At at, Output x);
Output Asinh(At at, Output x);
Output Acosh(At at, Output x);  // NaN below 1
Output Atanh(At at, Output x);  // NaN outside [-1, 1]

// --- special functions: floating types ---
Output Erf(At at, Output x);      // 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x
Output Erfc(At at, Output x);     // 1 - Erf(x), without its cancellation
Output Lgamma(At at, Output x);   // log |Gamma(x)|. Gradient: dy * Digamma(x)
Output Digamma(At at, Output x);  // derivative of Lgamma; NaN at 0, -1, -2, ... Gradient: dy *
                                  // Polygamma(1, x) (special.h) of float and double

// --- rounding: floating types. No gradient passes ---
Output Floor(At at, Output x);
Output Ceil(At at, Output x);
Output Round(At at, Output x);  // halves to the even neighbour; integers stay as they are
Output Rint(At at, Output x);   // the same, floating types only

// --- tests of floating types, to bool ---
Output IsNan(At at, Output x);
Output IsInf(At at, Output x);
Output IsFinite(At at, Output x);

Output LogicalNot(At at, Output x);  // of bools

// --- backward ops ---
Output TanhGrad(At at, Output y, Output dy);        // dy * (1 - y^2)
Output SigmoidGrad(At at, Output y, Output dy);     // dy * y * (1 - y)
Output SqrtGrad(At at, Output y, Output dy);        // dy / (2 y)
Output RsqrtGrad(At at, Output y, Output dy);       // -dy * y^3 / 2
Output ReciprocalGrad(At at, Output y, Output dy);  // -dy * y^2
Output InvGrad(At at, Output y, Output dy);         // the same

}  // namespace sluice::ops

#endif  // SLUICE_OPS_UNARY_H_
