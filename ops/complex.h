// Parts of complex numbers.
#ifndef SLUICE_OPS_COMPLEX_H_
#define SLUICE_OPS_COMPLEX_H_

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// complex64 goes with float32, complex128 with float64.
Output Complex(At at, Output real, Output imag);  // real + imag i, broadcast
Output Real(At at, Output input);
Output Imag(At at, Output input);
Output Conj(At at, Output input);
Output ComplexAbs(At at, Output x);  // |x|
Output Angle(At at, Output input);   // atan2(imag, real). No gradient.

// tf.conj: Conj of a complex tensor, any other tensor itself.
Output Conjugate(At at, Output x);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_COMPLEX_H_
