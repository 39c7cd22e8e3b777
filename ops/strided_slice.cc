// StridedSlice: y[i] = input[begin + i * strides] after masks are resolved to one (begin, stride,
// size) per input dimension. The rules are those of tf.strided_slice's documentation; positions are
// clamped as Python's slice.indices() does.
#include "ops/strided_slice.h"

#include <optional>
#include <utility>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "ops/shape.h"
#include "ops/strided_slice_util.h"

namespace sluice::ops {
namespace {

absl::Status StridedSliceShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(std::optional<SliceRegion> region, KnownRegion(c, 1, c.input(0)));
  if (region) c.set_output(0, std::move(region->output));
  return absl::OkStatus();
}

absl::Status StridedSliceGradShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(ShapeFromInput(c, 0));
  SLUICE_ASSIGN_OR_RETURN(const std::optional<SliceRegion> region, KnownRegion(c, 1, c.output(0)));
  if (region && !region->output.CompatibleWith(c.input(4))) {
    return absl::InvalidArgumentError(absl::StrCat("dy must have the slice's shape ",
                                                   region->output.ToString(), ", got ",
                                                   c.input(4).ToString()));
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> StridedSlicePrepare(PrepareContext& p) {
  const SliceMasks masks = MasksOf(p.attrs());
  const Tensor *begin = p.constant_input(1), *end = p.constant_input(2),
               *strides = p.constant_input(3);
  if (begin != nullptr && end != nullptr && strides != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(const SliceRegion region,
                            RegionOf(p.input_shape(0), *begin, *end, *strides, masks));
    return KernelRun(
        [copy = PlanRegion(p.input_dtype(0), p.input_shape(0), region, true)](KernelContext& c) {
          copy.Run(c.input(0).raw(), c.output(0).mutable_raw());
          return absl::OkStatus();
        });
  }
  return KernelRun([masks](KernelContext& c) -> absl::Status {
    const Tensor& input = c.input(0);
    SLUICE_ASSIGN_OR_RETURN(const SliceRegion region,
                            RegionOf(input.shape(), c.input(1), c.input(2), c.input(3), masks));
    SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, region.output));
    PlanRegion(input.dtype(), input.shape(), region, true)
        .Run(input.raw(), c.output(0).mutable_raw());
    return absl::OkStatus();
  });
}

absl::Status StridedSliceGradKernel(KernelContext& c) {
  const Tensor& dy = c.input(4);
  Tensor& output = c.output(0);
  SLUICE_ASSIGN_OR_RETURN(const Dims dims, ReadInts(c.input(0), "shape"));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, TensorShape(absl::Span<const int64_t>(dims))));
  SLUICE_ASSIGN_OR_RETURN(const SliceRegion region, RegionOf(output.shape(), c.input(1), c.input(2),
                                                             c.input(3), MasksOf(c.attrs())));
  if (dy.shape() != region.output) {
    return absl::InvalidArgumentError(absl::StrCat("dy must have the slice's shape ",
                                                   region.output.ToString(), ", got ",
                                                   dy.shape().ToString()));
  }
  ZeroElements(output.dtype(), output.mutable_raw(), output.num_elements());
  PlanRegion(dy.dtype(), output.shape(), region, false).Run(dy.raw(), output.mutable_raw());
  return absl::OkStatus();
}

AttrMap MaskAttrsOf(const Node& op) {
  AttrMap attrs;
  for (const char* name :
       {"begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"}) {
    attrs.emplace(name, op.attr<int64_t>(name));
  }
  return attrs;
}

Outputs StridedSliceGradient(At at, const Node& op, const Outputs& dy) {
  const Output shape = ShapeTensor(at, op.input(0), {.out_type = op.input(1).dtype()});
  Outputs dx(4);
  dx[0] = at.Node("StridedSliceGrad", {shape, op.input(1), op.input(2), op.input(3), dy[0]},
                  MaskAttrsOf(op));
  return dx;
}

Outputs StridedSliceGradGradient(At at, const Node& op, const Outputs& dy) {
  Outputs dx(5);
  dx[4] = at.Node("StridedSlice", {dy[0], op.input(1), op.input(2), op.input(3)}, MaskAttrsOf(op));
  return dx;
}

}  // namespace

OpSpec StridedSliceOp() {
  OpSpec spec("StridedSlice");
  spec.Input("input: T").Input("begin: Index").Input("end: Index").Input("strides: Index");
  return AddSliceMasks(spec.Output("output: T"))
      .Shape(StridedSliceShape)
      .Prepare(StridedSlicePrepare)
      .Gradient(StridedSliceGradient);
}

OpSpec StridedSliceGradOp() {
  OpSpec spec("StridedSliceGrad");
  spec.Input("shape: Index").Input("begin: Index").Input("end: Index").Input("strides: Index");
  return AddSliceMasks(spec.Input("dy: T").Output("output: T"))
      .Shape(StridedSliceGradShape)
      .Kernel(StridedSliceGradKernel)
      .Gradient(StridedSliceGradGradient);
}

Output StridedSlice(At at, Output input, Ints begin, Ints end, Ints strides,
                    const StridedSliceOptions& options) {
  const At in = at.Composite("StridedSlice");
  const DType dtype = CommonDType({&begin, &end, &strides});
  return in.AsScope().Node("StridedSlice",
                           {input, begin.Tensor(in, "begin", dtype), end.Tensor(in, "end", dtype),
                            strides.Tensor(in, "strides", dtype)},
                           MaskAttrs(options));
}

Output StridedSliceGrad(At at, Ints shape, Ints begin, Ints end, Ints strides, Output dy,
                        const StridedSliceOptions& options) {
  const At in = at.Composite("StridedSliceGrad");
  const DType dtype = CommonDType({&shape, &begin, &end, &strides});
  return in.AsScope().Node("StridedSliceGrad",
                           {shape.Tensor(in, "shape", dtype), begin.Tensor(in, "begin", dtype),
                            end.Tensor(in, "end", dtype), strides.Tensor(in, "strides", dtype), dy},
                           MaskAttrs(options));
}

}  // namespace sluice::ops
