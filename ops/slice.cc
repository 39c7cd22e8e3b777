// Slice: y[i] = input[begin + i].
#include "ops/slice.h"

#include <optional>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "ops/pad.h"
#include "ops/reshape.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

// The size along dimension i of a slice; -1 when it is not known.
absl::StatusOr<int64_t> SliceSize(int i, int64_t dim, int64_t begin, int64_t size) {
  if (begin < 0 || size < -1 || (dim >= 0 && begin > dim)) {
    return absl::InvalidArgumentError(absl::StrCat("expected 0 <= begin[", i, "] <= ", dim,
                                                   " and size[", i, "] >= -1, got begin ", begin,
                                                   " and size ", size));
  }
  if (size == -1) return dim < 0 ? -1 : dim - begin;
  if (dim >= 0 && size > dim - begin) {
    return absl::InvalidArgumentError(absl::StrCat("expected size[", i, "] in [0, ", dim - begin,
                                                   "] (dimension ", dim, ", begin ", begin,
                                                   "), got ", size));
  }
  return size;
}

// The common length of input, begin and size; -1 when none tells.
absl::StatusOr<int> SliceRank(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape begin, c.WithRank(1, 1));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape size, c.WithRank(2, 1));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape both, begin.MergeWith(size));
  const int64_t entries = both.dim(0);
  if (entries > kMaxRank ||
      (entries >= 0 && c.input(0).rank_known() && entries != c.input(0).rank())) {
    return absl::InvalidArgumentError(
        absl::StrCat("begin and size must have one entry per dimension of shape ",
                     c.input(0).ToString(), ", got ", entries));
  }
  return entries >= 0 ? static_cast<int>(entries) : c.input(0).rank();
}

absl::Status SliceShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int rank, SliceRank(c));
  if (rank < 0) return absl::OkStatus();
  TensorShape output = TensorShape::OfRank(rank);
  if (c.value(2) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(const Dims sizes, ReadInts(*c.value(2), "size"));
    std::optional<Dims> begins;
    if (c.value(1) != nullptr) {
      SLUICE_ASSIGN_OR_RETURN(begins, ReadInts(*c.value(1), "begin"));
    }
    for (int i = 0; i < rank; ++i) {
      const int64_t dim = begins ? c.input(0).dim(i) : -1;
      SLUICE_ASSIGN_OR_RETURN(const int64_t size,
                              SliceSize(i, dim, begins ? (*begins)[i] : 0, sizes[i]));
      output.set_dim(i, size);
    }
  }
  SLUICE_RETURN_IF_ERROR(output.Check());
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

struct PlannedSlice {
  TensorShape output;
  StridedCopy copy;
};

absl::StatusOr<PlannedSlice> PlanSlice(DType dtype, const TensorShape& input, const Tensor& begin,
                                       const Tensor& size) {
  SLUICE_ASSIGN_OR_RETURN(const Dims begins, ReadInts(begin, "begin"));
  SLUICE_ASSIGN_OR_RETURN(const Dims sizes, ReadInts(size, "size"));
  const auto rank = static_cast<size_t>(input.rank());
  if (begins.size() != rank || sizes.size() != rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("begin and size must have one entry per dimension of shape ", input.ToString(),
                     ", got ", begins.size(), " and ", sizes.size()));
  }
  PlannedSlice plan;
  int64_t first = 0;
  const Dims strides = RowMajorStrides(input.dims());
  for (size_t i = 0; i < rank; ++i) {
    const int axis = static_cast<int>(i);
    SLUICE_ASSIGN_OR_RETURN(const int64_t count,
                            SliceSize(axis, input.dim(axis), begins[i], sizes[i]));
    plan.output.AddDim(count);
    first += begins[i] * strides[i];
  }
  const absl::Span<const int64_t> dims = plan.output.dims();
  plan.copy = StridedCopy(dtype, dims, {first, strides}, {0, RowMajorStrides(dims)});
  return plan;
}

absl::StatusOr<KernelRun> SlicePrepare(PrepareContext& p) {
  if (p.constant_input(1) != nullptr && p.constant_input(2) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(
        const PlannedSlice plan,
        PlanSlice(p.input_dtype(0), p.input_shape(0), *p.constant_input(1), *p.constant_input(2)));
    return KernelRun([copy = plan.copy](KernelContext& c) {
      copy.Run(c.input(0).raw(), c.output(0).mutable_raw());
      return absl::OkStatus();
    });
  }
  return KernelRun([](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(
        const PlannedSlice plan,
        PlanSlice(c.input(0).dtype(), c.input(0).shape(), c.input(1), c.input(2)));
    SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, plan.output));
    plan.copy.Run(c.input(0).raw(), c.output(0).mutable_raw());
    return absl::OkStatus();
  });
}

// The zeros around dy, as numbers; empty when a shape or `begin` is not known while building.
std::optional<std::vector<int64_t>> KnownPaddings(const Node& op) {
  const std::optional<Tensor> begin = op.graph().ConstantValue(op.input(1));
  const TensorShape& input = op.input(0).shape();
  const TensorShape& output = op.output_shape(0);
  if (!begin || !input.fully_defined() || !output.fully_defined()) return std::nullopt;
  const absl::StatusOr<Dims> begins = ReadInts(*begin, "begin");
  if (!begins.ok() || static_cast<int>(begins->size()) != input.rank()) return std::nullopt;
  std::vector<int64_t> paddings;
  for (int i = 0; i < input.rank(); ++i) {
    paddings.push_back((*begins)[i]);
    paddings.push_back(input.dim(i) - (*begins)[i] - output.dim(i));
  }
  return paddings;
}

Outputs SliceGradient(At at, const Node& op, const Outputs& dy) {
  if (auto paddings = KnownPaddings(op)) {
    return {Pad(at, dy[0], std::move(*paddings)), Output(), Output()};
  }
  const Output begin = op.input(1);
  const ShapeOptions like_begin{.out_type = begin.dtype()};
  const Output room = at.Node(
      "Sub", {ShapeTensor(at, op.input(0), like_begin), ShapeTensor(at, op.output(0), like_begin)});
  const Output after = at.Node("Sub", {room, begin});
  const Output paddings = at.Node("Pack", {begin, after}, {{"axis", 1}});
  return {Pad(at, dy[0], paddings), Output(), Output()};
}

}  // namespace

OpSpec SliceOp() {
  return OpSpec("Slice")
      .Input("input: T")
      .Input("begin: Index")
      .Input("size: Index")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Index: {int32, int64}")
      .Shape(SliceShape)
      .Prepare(SlicePrepare)
      .Gradient(SliceGradient);
}

Output Slice(At at, Output input, Ints begin, Ints size) {
  const At in = at.Composite("Slice");
  const DType dtype = CommonDType({&begin, &size});
  return in.AsScope().Node(
      "Slice", {input, begin.Tensor(in, "begin", dtype), size.Tensor(in, "size", dtype)});
}

}  // namespace sluice::ops
