// Placeholder, PlaceholderV2: no value of their own. PlaceholderWithDefault: output = input; feeds
// replace it.
#include "ops/placeholder.h"

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/identity.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

absl::Status PlaceholderShape(ShapeContext& c) {
  c.set_output(0, c.attr<TensorShape>("shape"));
  return absl::OkStatus();
}

// The attr, not the input's shape: a feed may have another. So the kernel allocates where the attr
// leaves something open.
absl::Status PlaceholderWithDefaultShape(ShapeContext& c) {
  const auto shape = c.attr<TensorShape>("shape");
  if (!shape.CompatibleWith(c.input(0))) {
    return absl::InvalidArgumentError(absl::StrCat("the default has shape ", c.input(0).ToString(),
                                                   ", attr 'shape' is ", shape.ToString()));
  }
  c.set_output(0, shape);
  return absl::OkStatus();
}

absl::Status PlaceholderWithDefaultKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  Tensor* output = nullptr;
  if (c.attr<TensorShape>("shape").fully_defined()) {
    output = &c.output(0);
  } else {
    SLUICE_ASSIGN_OR_RETURN(output, c.Allocate(0, input.shape()));
  }
  CopyElements(input.dtype(), input.raw(), output->mutable_raw(), input.num_elements());
  return absl::OkStatus();
}

Outputs PlaceholderWithDefaultGradient(At at, const Node&, const Outputs& dy) {
  return {Identity(at, dy[0])};
}

}  // namespace

OpSpec PlaceholderOp() {
  return OpSpec("Placeholder")
      .Output("output: dtype")
      .Attr("dtype: type")
      .Attr("shape: shape = { unknown_rank: true }")
      .Shape(PlaceholderShape)
      .MustBeFed()
      .NotDifferentiable("a placeholder depends on nothing");
}

OpSpec PlaceholderV2Op() {
  return OpSpec("PlaceholderV2")
      .Output("output: dtype")
      .Attr("dtype: type")
      .Attr("shape: shape")
      .Shape(PlaceholderShape)
      .MustBeFed()
      .NotDifferentiable("a placeholder depends on nothing");
}

OpSpec PlaceholderWithDefaultOp() {
  return OpSpec("PlaceholderWithDefault")
      .Input("input: dtype")
      .Output("output: dtype")
      .Attr("dtype: type")
      .Attr("shape: shape")
      .Shape(PlaceholderWithDefaultShape)
      .Kernel(PlaceholderWithDefaultKernel)
      .Gradient(PlaceholderWithDefaultGradient)
      .Stateful();  // its value may differ from run to run though its input does not
}

Output Placeholder(At at, DType dtype, const TensorShape& shape) {
  return at.Node("Placeholder", {}, {{"dtype", dtype}, {"shape", shape}});
}

Output PlaceholderV2(At at, DType dtype, const TensorShape& shape) {
  return at.Node("PlaceholderV2", {}, {{"dtype", dtype}, {"shape", shape}});
}

Output PlaceholderWithDefault(At at, Output input, const TensorShape& shape) {
  return at.Node("PlaceholderWithDefault", {input}, {{"shape", shape}});
}

}  // namespace sluice::ops
