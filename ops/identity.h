// Ops whose output is their input, or nothing at all: what differs is the gradient, the names and
// what they check.
#ifndef SLUICE_OPS_IDENTITY_H_
#define SLUICE_OPS_IDENTITY_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// output = input, sharing its memory. Any dtype. Gradient: dy.
Output Identity(At at, Output input);

// output[i] = input[i]; all outputs wait for all inputs. Gradient: dy, one by one.
Outputs IdentityN(At at, const Outputs& input);

// output = input; gradients do not pass: an x that y reaches only through here is not connected to
// it. (tf.stop_gradient)
Output StopGradient(At at, Output input);

// output = input; asking for a gradient through it is an error (Unimplemented) that quotes
// `message`.
Output PreventGradient(At at, Output input, const std::string& message = "");

// output = input, in memory of its own choice. Gradient: dy.
Output Snapshot(At at, Output input);

// output = x, always in fresh memory. Gradient: dy.
Output DeepCopy(At at, Output x);

// output = tensor when all its elements are finite. Otherwise the run fails: InvalidArgument
// "<message> : Tensor had NaN values" (Inf values; Inf and NaN values). half, bfloat16, float,
// double. Gradient: dy, checked likewise.
Output CheckNumerics(At at, Output tensor, const std::string& message);

// An operation that does nothing but wait for its control inputs (the scope's After()).
Output NoOp(At at);

struct AssertOptions {
  int summarize = 3;  // elements shown of each data tensor
};
// An operation that fails the run when `condition` (bool scalar) is false: InvalidArgument ~
// "assertion failed: [...] [...]" with the data.
Output Assert(At at, Output condition, const Outputs& data, const AssertOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_IDENTITY_H_
