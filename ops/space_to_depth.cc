// SpaceToDepth, DepthToSpace: a transposition of [n, h, i, w, j, c] (i, j: the place in the block).
#include "ops/space_to_depth.h"

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

// Which dimension is which.
struct Format {
  int h = 1, w = 2, c = 3;
};

absl::StatusOr<Format> FormatOf(const AttrMap& attrs) {
  const auto name = GetAttr<std::string>(attrs, "data_format");
  if (name == "NHWC") return Format{1, 2, 3};
  if (name == "NCHW") return Format{2, 3, 1};
  return absl::InvalidArgumentError(
      absl::StrCat("Only NHWC and NCHW data_format supported on CPU. Got ", name));
}

// Sets dimension i of `shape` to itself / divisor.
absl::Status Divide(TensorShape* shape, int i, int64_t divisor, const char* what) {
  const int64_t size = shape->dim(i);
  if (size < 0) return absl::OkStatus();
  if (size % divisor != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, " must be a multiple of ", divisor, ", got ", size, " in shape ", shape->ToString()));
  }
  shape->set_dim(i, size / divisor);
  return absl::OkStatus();
}

absl::Status Multiply(TensorShape* shape, int i, int64_t factor) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t size, MultiplySizes(shape->dim(i), factor));
  shape->set_dim(i, size);
  return absl::OkStatus();
}

template <bool to_depth>
absl::Status BlockShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.WithRank(0, 4));
  SLUICE_ASSIGN_OR_RETURN(const Format f, FormatOf(c.attrs()));
  const auto b = c.attr<int64_t>("block_size");
  if (b > (int64_t{1} << 20)) {
    return absl::InvalidArgumentError(absl::StrCat("block_size ", b, " is too large"));
  }
  if constexpr (to_depth) {
    SLUICE_RETURN_IF_ERROR(Divide(&shape, f.h, b, "height"));
    SLUICE_RETURN_IF_ERROR(Divide(&shape, f.w, b, "width"));
    SLUICE_RETURN_IF_ERROR(Multiply(&shape, f.c, b * b));
  } else {
    SLUICE_RETURN_IF_ERROR(Divide(&shape, f.c, b * b, "depth"));
    SLUICE_RETURN_IF_ERROR(Multiply(&shape, f.h, b));
    SLUICE_RETURN_IF_ERROR(Multiply(&shape, f.w, b));
  }
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

template <bool to_depth>
absl::StatusOr<KernelRun> BlockPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Format f, FormatOf(p.attrs()));
  const auto b = p.attr<int64_t>("block_size");
  const TensorShape& space = to_depth ? p.input_shape(0) : p.output_shape(0);
  const TensorShape& deep = to_depth ? p.output_shape(0) : p.input_shape(0);
  const Dims s = RowMajorStrides(space.dims()), d = RowMajorStrides(deep.dims());
  const int64_t depth = space.dim(f.c);
  // [n, h, w, i, j, c]
  const Dims dims = {space.dim(0), deep.dim(f.h), deep.dim(f.w), b, b, depth};
  const Dims in_space = {s[0], s[f.h] * b, s[f.w] * b, s[f.h], s[f.w], s[f.c]};
  const Dims in_deep = {d[0], d[f.h], d[f.w], d[f.c] * b * depth, d[f.c] * depth, d[f.c]};
  const StridedCopy::Layout from{0, to_depth ? in_space : in_deep};
  const StridedCopy::Layout to{0, to_depth ? in_deep : in_space};
  return KernelRun([copy = StridedCopy(p.input_dtype(0), dims, from, to)](KernelContext& c) {
    copy.Run(c.input(0).raw(), c.output(0).mutable_raw());
    return absl::OkStatus();
  });
}

Outputs BlockGradient(At at, const Node& op, const Outputs& dy) {
  const auto format = op.attr<std::string>("data_format");
  const char* inverse = op.op() == "SpaceToDepth" ? "DepthToSpace" : "SpaceToDepth";
  return {at.Node(inverse, {dy[0]},
                  {{"block_size", op.attr<int64_t>("block_size")}, {"data_format", format}})};
}

template <bool to_depth>
OpSpec BlockSpec(absl::string_view name) {
  return OpSpec(name)
      .Input("input: T")
      .Output("output: T")
      .Attr("T: type")
      .Attr("block_size: int >= 2")
      .Attr("data_format: {'NHWC', 'NCHW', 'NCHW_VECT_C'} = 'NHWC'")
      .Shape(BlockShape<to_depth>)
      .Prepare(BlockPrepare<to_depth>)
      .Gradient(BlockGradient);
}

}  // namespace

OpSpec SpaceToDepthOp() { return BlockSpec<true>("SpaceToDepth"); }
OpSpec DepthToSpaceOp() { return BlockSpec<false>("DepthToSpace"); }

Output SpaceToDepth(At at, Output input, int64_t block_size, const SpaceToDepthOptions& options) {
  return at.Node("SpaceToDepth", {input},
                 {{"block_size", block_size}, {"data_format", options.data_format}});
}

Output DepthToSpace(At at, Output input, int64_t block_size, const SpaceToDepthOptions& options) {
  return at.Node("DepthToSpace", {input},
                 {{"block_size", block_size}, {"data_format", options.data_format}});
}

}  // namespace sluice::ops
