// What the TensorArray ops share.
#ifndef SLUICE_OPS_TENSOR_ARRAY_UTIL_H_
#define SLUICE_OPS_TENSOR_ARRAY_UTIL_H_

#include <string>

#include "core/kernel.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "graph/output.h"
#include "ops/kernels/tensor_array.h"

namespace sluice::ops {

// The array that input 0, a handle, names. InvalidArgument when it is none, is closed, or (second
// form) holds another dtype.
absl::StatusOr<kernels::TensorArray*> ArrayOf(KernelContext& c);
absl::StatusOr<kernels::TensorArray*> ArrayOf(KernelContext& c, DType wanted);

// Output `output` = flow, input `input`.
void SetFlow(KernelContext& c, int input, int output);

// The name of the gradient computation that `dy` belongs to: its scopes up to the last one whose
// name begins with "gradients" (tensor_array_grad.py).
std::string SourceOf(const Output& dy);

// A shape function: the inputs `scalars` have rank 0; every output is a scalar.
template <int... scalars>
absl::Status ScalarShape(ShapeContext& c) {
  absl::Status status;
  ((status.ok() ? void(status = c.WithRank(scalars, 0).status()) : void()), ...);
  SLUICE_RETURN_IF_ERROR(status);
  return shapes::Scalar(c);
}

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TENSOR_ARRAY_UTIL_H_
