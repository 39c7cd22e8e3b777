// Reshape, ExpandDims, Squeeze: output[...] = input[...], element for element in row-major order.
#include "ops/reshape.h"

#include <algorithm>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

absl::Status CannotReshape(int64_t elements, const TensorShape& to) {
  return absl::InvalidArgumentError(absl::StrCat("Cannot reshape a tensor with ", elements,
                                                 " elements to shape ", to.ToString()));
}

// Fills in the -1 of `shape` for an input of so many elements, and checks the count.
absl::Status ResolveReshape(int64_t elements, TensorShape* shape) {
  int missing = -1;
  int64_t known = 1;
  for (int i = 0; i < shape->rank(); ++i) {
    if (shape->dim(i) < 0) {
      missing = i;
    } else {
      SLUICE_ASSIGN_OR_RETURN(known, MultiplySizes(known, shape->dim(i)));
    }
  }
  if (missing < 0) return known == elements ? absl::OkStatus() : CannotReshape(elements, *shape);
  if (known == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Reshape cannot infer the missing size of shape ", shape->ToString(), " for a tensor with ",
        elements, " elements: the other sizes must not be zero"));
  }
  if (elements % known != 0) return CannotReshape(elements, *shape);
  shape->set_dim(missing, elements / known);
  return absl::OkStatus();
}

absl::Status ReshapeShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.ShapeFromValue(1));
  if (c.value(1) != nullptr) {
    if (std::count(shape.dims().begin(), shape.dims().end(), -1) > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("only one size may be -1, got ", shape.ToString()));
    }
    const int64_t elements = c.input(0).num_elements();
    if (elements >= 0) SLUICE_RETURN_IF_ERROR(ResolveReshape(elements, &shape));
  }
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status ExpandDimsShape(ShapeContext& c) {
  TensorShape shape = c.input(0);
  const Tensor* value = c.value(1);
  if (!shape.rank_known()) return absl::OkStatus();
  if (value == nullptr) {
    c.set_output(0, TensorShape::OfRank(shape.rank() + 1));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t dim, ReadInt(*value, "dim"));
  SLUICE_ASSIGN_OR_RETURN(const int position, CanonicalAxis(dim, shape.rank() + 1, "dim"));
  shape.InsertDim(position, 1);
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status SqueezeShape(ShapeContext& c) {
  const TensorShape& input = c.input(0);
  if (!input.rank_known()) return absl::OkStatus();
  const auto listed = c.attr<std::vector<int64_t>>("squeeze_dims");
  std::vector<bool> remove(input.rank(), false);
  for (const int64_t dim : listed) {
    SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(dim, input.rank(), "squeeze_dims"));
    if (input.dim(axis) > 1 || input.dim(axis) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("Can not squeeze dim[", axis, "], expected a dimension of 1, got ",
                       input.dim(axis), " in shape ", input.ToString()));
    }
    remove[axis] = true;
  }
  TensorShape output;
  for (int i = 0; i < input.rank(); ++i) {
    if (listed.empty() && input.dim(i) < 0) return absl::OkStatus();  // may or may not be a 1
    if (!(listed.empty() ? input.dim(i) == 1 : remove[i])) output.AddDim(input.dim(i));
  }
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// Back to the shape of input 0; nothing for the other inputs.
Outputs ReshapeBack(At at, const Node& op, const Outputs& dy) {
  Outputs dx(op.num_inputs());
  dx[0] = Reshape(at, dy[0], ShapeTensor(at, op.input(0)));
  return dx;
}

}  // namespace

OpSpec ReshapeOp() {
  return OpSpec("Reshape")
      .Input("tensor: T")
      .Input("shape: Tshape")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tshape: {int32, int64} = DT_INT32")
      .Shape(ReshapeShape)
      .Alias(0, 0)
      .Gradient(ReshapeBack);
}

OpSpec ExpandDimsOp() {
  return OpSpec("ExpandDims")
      .Input("input: T")
      .Input("dim: Tdim")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tdim: {int32, int64} = DT_INT32")
      .Shape(ExpandDimsShape)
      .Alias(0, 0)
      .Gradient(ReshapeBack);
}

OpSpec SqueezeOp() {
  return OpSpec("Squeeze")
      .Input("input: T")
      .Output("output: T")
      .Attr("T: type")
      .Attr("squeeze_dims: list(int) >= 0 = []")
      .Shape(SqueezeShape)
      .Alias(0, 0)
      .Gradient(ReshapeBack);
}

Output Reshape(At at, Output tensor, Ints shape) {
  const At in = at.Composite("Reshape");
  return in.AsScope().Node("Reshape", {tensor, shape.Tensor(in, "shape")});
}

Output ExpandDims(At at, Output input, Ints dim) {
  const At in = at.Composite("ExpandDims");
  return in.AsScope().Node("ExpandDims", {input, dim.Tensor(in, "dim")});
}

Output Squeeze(At at, Output input, const SqueezeOptions& options) {
  return at.Node("Squeeze", {input}, {{"squeeze_dims", options.squeeze_dims}});
}

}  // namespace sluice::ops
