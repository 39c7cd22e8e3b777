// Fill: output[...] = value. ZerosLike, OnesLike: the same with a fixed value. Empty: zeros.
#include "ops/fill.h"

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "ops/reshape.h"

namespace sluice::ops {
namespace {

constexpr int64_t kSmallConstant = 1000;  // elements from which tf.zeros makes a Fill

absl::Status FillShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  return ShapeFromInput(c, 0);
}

absl::Status EmptyShape(ShapeContext& c) { return ShapeFromInput(c, 0); }

// The shape that `dims` spells, when it is the one planned.
absl::Status CheckDims(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Dims dims, ReadInts(c.input(0), "dims"));
  return CheckOutputShape(c, 0, TensorShape(absl::Span<const int64_t>(dims)));
}

absl::Status FillKernel(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckDims(c));
  Tensor& output = c.output(0);
  FillElements(output.dtype(), c.input(1).raw(), output.mutable_raw(), output.num_elements());
  return absl::OkStatus();
}

absl::Status ZerosLikeKernel(KernelContext& c) {
  Tensor& output = c.output(0);
  ZeroElements(output.dtype(), output.mutable_raw(), output.num_elements());
  return absl::OkStatus();
}

absl::Status EmptyKernel(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckDims(c));
  return ZerosLikeKernel(c);
}

absl::StatusOr<KernelRun> OnesLikePrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Tensor one, ScalarOf(p.input_dtype(0), 1));
  return KernelRun([one](KernelContext& c) {
    Tensor& output = c.output(0);
    FillElements(output.dtype(), one.raw(), output.mutable_raw(), output.num_elements());
    return absl::OkStatus();
  });
}

Outputs FillGradient(At at, const Node&, const Outputs& dy) {
  const Output flat = Reshape(at, dy[0], {-1});
  return {Output(), at.Node("Sum", {flat, Const(at, 0)})};
}

// A tensor of `shape` whose elements all are `scalar`.
absl::StatusOr<Tensor> FilledTensor(const Tensor& scalar, const TensorShape& shape) {
  SLUICE_ASSIGN_OR_RETURN(Tensor tensor, Tensor::Make(scalar.dtype(), shape));
  FillElements(scalar.dtype(), scalar.raw(), tensor.mutable_raw(), tensor.num_elements());
  return tensor;
}

// tf.zeros and tf.ones.
Output Filled(At at, absl::string_view name, const Ints& shape, DType dtype, double value) {
  const absl::StatusOr<Tensor> scalar = ScalarOf(dtype, value);
  if (!scalar.ok()) return at.Fail("Fill", scalar.status());
  const At in = at.Composite(name);
  if (const std::vector<int64_t>* dims = shape.list()) {
    const TensorShape small{absl::Span<const int64_t>(*dims)};
    if (small.num_elements() >= 0 && small.num_elements() < kSmallConstant) {
      const absl::StatusOr<Tensor> filled = FilledTensor(*scalar, small);
      return filled.ok() ? Const(in.AsScope(), *filled) : at.Fail("Const", filled.status());
    }
  }
  return in.AsScope().Node("Fill", {shape.Tensor(in, "shape_as_tensor"), Const(in, *scalar)});
}

}  // namespace

OpSpec FillOp() {
  return OpSpec("Fill")
      .Input("dims: index_type")
      .Input("value: T")
      .Output("output: T")
      .Attr("T: type")
      .Attr("index_type: {int32, int64} = DT_INT32")
      .Shape(FillShape)
      .Kernel(FillKernel)
      .Gradient(FillGradient);
}

OpSpec ZerosLikeOp() {
  return OpSpec("ZerosLike")
      .Input("x: T")
      .Output("y: T")
      .Attr("T: type")
      .Shape(shapes::SameAsInput)
      .Kernel(ZerosLikeKernel)
      .InPlace(0, 0)
      .NotDifferentiable("its value does not vary with its input's");
}

OpSpec OnesLikeOp() {
  return OpSpec("OnesLike")
      .Input("x: T")
      .Output("y: T")
      .Attr(
          "T: {bfloat16, half, float, double, int8, uint8, int16, uint16, int32, int64, "
          "complex64, complex128, bool}")
      .Shape(shapes::SameAsInput)
      .Prepare(OnesLikePrepare)
      .InPlace(0, 0)
      .NotDifferentiable("its value does not vary with its input's");
}

OpSpec EmptyOp() {
  return OpSpec("Empty")
      .Input("shape: int32")
      .Output("output: dtype")
      .Attr("dtype: type")
      .Attr("init: bool = false")
      .Shape(EmptyShape)
      .Kernel(EmptyKernel)
      .NotDifferentiable("Empty depends on a shape only");
}

Output Fill(At at, Ints dims, Output value) {
  const At in = at.Composite("Fill");
  return in.AsScope().Node("Fill", {dims.Tensor(in, "dims"), value});
}

Output ZerosLike(At at, Output x) { return at.Node("ZerosLike", {x}); }
Output OnesLike(At at, Output x) { return at.Node("OnesLike", {x}); }

Output Empty(At at, Ints shape, DType dtype, const EmptyOptions& options) {
  const At in = at.Composite("Empty");
  return in.AsScope().Node("Empty", {shape.Tensor(in, "shape")},
                           {{"dtype", dtype}, {"init", options.init}});
}

Output Zeros(At at, Ints shape, DType dtype) { return Filled(at, "zeros", shape, dtype, 0); }
Output Ones(At at, Ints shape, DType dtype) { return Filled(at, "ones", shape, dtype, 1); }

}  // namespace sluice::ops
