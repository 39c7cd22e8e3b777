// Shape, ShapeN, Size, Rank: what the dimensions of the inputs are.
#include "ops/shape.h"

#include <limits>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/const.h"

namespace sluice::ops {
namespace {

absl::Status ShapeShape(ShapeContext& c) {
  for (int i = 0; i < c.num_outputs(); ++i) {
    const TensorShape& input = c.input(i);
    c.set_output(i, input.rank_known() ? TensorShape{input.rank()} : TensorShape::OfRank(1));
  }
  return absl::OkStatus();
}

// Writes `values` to the int32 or int64 tensor `output`, which has as many elements.
absl::Status WriteInts(absl::Span<const int64_t> values, Tensor* output) {
  if (output->dtype() == DType::kInt64) {
    std::copy(values.begin(), values.end(), output->mutable_data<int64_t>());
    return absl::OkStatus();
  }
  int32_t* to = output->mutable_data<int32_t>();
  for (const int64_t value : values) {
    if (value > std::numeric_limits<int32_t>::max()) {
      return absl::InvalidArgumentError(
          absl::StrCat("size ", value, " does not fit int32: set out_type to int64"));
    }
    *to++ = static_cast<int32_t>(value);
  }
  return absl::OkStatus();
}

absl::Status ShapeKernel(KernelContext& c) {
  for (int i = 0; i < c.num_outputs(); ++i) {
    SLUICE_RETURN_IF_ERROR(WriteInts(c.input(i).shape().dims(), &c.output(i)));
  }
  return absl::OkStatus();
}

absl::Status SizeKernel(KernelContext& c) {
  const int64_t size = c.input(0).num_elements();
  return WriteInts({&size, 1}, &c.output(0));
}

absl::Status RankKernel(KernelContext& c) {
  *c.output(0).mutable_data<int32_t>() = c.input(0).shape().rank();
  return absl::OkStatus();
}

// A Const called `name` unless the caller gave another name.
Output NamedConst(At at, absl::string_view name, Ints value, DType dtype) {
  const At named = at.scope().op_name().empty() ? at.Named(name) : at;
  return value.Tensor(named, named.scope().op_name(), dtype);
}

constexpr char kNoGradient[] = "a shape does not vary with the elements";

}  // namespace

OpSpec ShapeOp() {
  return OpSpec("Shape")
      .Input("input: T")
      .Output("output: out_type")
      .Attr("T: type")
      .Attr("out_type: {int32, int64} = DT_INT32")
      .Shape(ShapeShape)
      .Kernel(ShapeKernel)
      .ValueFromShapes()
      .NotDifferentiable(kNoGradient);
}

OpSpec ShapeNOp() {
  return OpSpec("ShapeN")
      .Input("input: N * T")
      .Output("output: N * out_type")
      .Attr("N: int >= 1")
      .Attr("T: type")
      .Attr("out_type: {int32, int64} = DT_INT32")
      .Shape(ShapeShape)
      .Kernel(ShapeKernel)
      .ValueFromShapes()
      .NotDifferentiable(kNoGradient);
}

OpSpec SizeOp() {
  return OpSpec("Size")
      .Input("input: T")
      .Output("output: out_type")
      .Attr("T: type")
      .Attr("out_type: {int32, int64} = DT_INT32")
      .Shape(shapes::Scalar)
      .Kernel(SizeKernel)
      .ValueFromShapes()
      .NotDifferentiable(kNoGradient);
}

OpSpec RankOp() {
  return OpSpec("Rank")
      .Input("input: T")
      .Output("output: int32")
      .Attr("T: type")
      .Shape(shapes::Scalar)
      .Kernel(RankKernel)
      .ValueFromShapes()
      .NotDifferentiable(kNoGradient);
}

Output Shape(At at, Output input, const ShapeOptions& options) {
  return at.Node("Shape", {input}, {{"out_type", options.out_type}});
}
Outputs ShapeN(At at, const Outputs& input, const ShapeOptions& options) {
  return at.Nodes("ShapeN", input, {{"out_type", options.out_type}});
}
Output Size(At at, Output input, const ShapeOptions& options) {
  return at.Node("Size", {input}, {{"out_type", options.out_type}});
}
Output Rank(At at, Output input) { return at.Node("Rank", {input}); }

Output ShapeTensor(At at, Output input, const ShapeOptions& options) {
  if (input.empty() || !input.shape().fully_defined()) return Shape(at, input, options);
  return NamedConst(at, "Shape", input.shape(), options.out_type);
}
Output SizeTensor(At at, Output input, const ShapeOptions& options) {
  if (input.empty() || !input.shape().fully_defined()) return Size(at, input, options);
  return NamedConst(at, "Size", input.shape().num_elements(), options.out_type);
}
Output RankTensor(At at, Output input) {
  if (input.empty() || !input.shape().rank_known()) return Rank(at, input);
  return NamedConst(at, "Rank", input.shape().rank(), DType::kInt32);
}

}  // namespace sluice::ops
