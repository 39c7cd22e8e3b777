// EnsureShape: the identity of tensors that have the shape.
#include "ops/ensure_shape.h"

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

absl::Status EnsureShapeShape(ShapeContext& c) {
  absl::StatusOr<TensorShape> merged = c.input(0).MergeWith(c.attr<TensorShape>("shape"));
  if (!merged.ok()) return merged.status();
  c.set_output(0, *merged);
  return absl::OkStatus();
}

absl::Status EnsureShapeKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const auto wanted = c.attr<TensorShape>("shape");
  if (!wanted.CompatibleWith(input.shape())) {
    return absl::InvalidArgumentError(
        absl::StrCat("Shape of tensor ", c.node_name(), " ", input.shape().ToString(),
                     " is not compatible with expected shape ", wanted.ToString(), "."));
  }
  Tensor& output = c.output(0);
  if (output.raw() != input.raw())
    CopyElements(input.dtype(), input.raw(), output.mutable_raw(), input.num_elements());
  return absl::OkStatus();
}

Outputs EnsureShapeGradient(At, const Node&, const Outputs& dy) { return dy; }

}  // namespace

OpSpec EnsureShapeOp() {
  return OpSpec("EnsureShape")
      .Input("input: T")
      .Output("output: T")
      .Attr("shape: shape")
      .Attr("T: type")
      .Shape(EnsureShapeShape)
      .Kernel(EnsureShapeKernel)
      .InPlace(0, 0)
      .Gradient(EnsureShapeGradient);
}

Output EnsureShape(At at, Output input, const TensorShape& shape) {
  return at.Node("EnsureShape", {input}, {{"shape", shape}});
}

}  // namespace sluice::ops
