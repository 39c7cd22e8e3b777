// StridedSlice: y[i] = input[begin + i * strides] after masks are resolved to one (begin, stride,
// size) per input dimension. The rules are those of tf.strided_slice's documentation; positions are
// clamped as Python's slice.indices() does.
#include "ops/strided_slice.h"

#include <algorithm>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

constexpr int kMaxEntries = 32;

struct Masks {
  int64_t begin, end, ellipsis, new_axis, shrink;
};

Masks MasksOf(const AttrMap& attrs) {
  return {GetAttr<int64_t>(attrs, "begin_mask"), GetAttr<int64_t>(attrs, "end_mask"),
          GetAttr<int64_t>(attrs, "ellipsis_mask"), GetAttr<int64_t>(attrs, "new_axis_mask"),
          GetAttr<int64_t>(attrs, "shrink_axis_mask")};
}

bool Bit(int64_t mask, int i) { return (mask >> i) & 1; }

// The part of one input dimension that is taken. -1: not known.
struct Range {
  int64_t begin = 0, stride = 1, size = -1;
};

struct Region {
  absl::InlinedVector<Range, 8> ranges;  // per input dimension
  TensorShape taken;                     // sizes of the ranges
  TensorShape output;                    // after shrinking and adding dimensions
};

// What is known of begin, end and strides. `entries` is their length.
struct Entries {
  int entries = 0;
  const Dims* begin = nullptr;
  const Dims* end = nullptr;
  const Dims* strides = nullptr;
};

// A position of Python's slice clamped to where a walk with that stride can start or end.
int64_t Clamp(int64_t position, int64_t dim, int64_t stride) {
  if (position < 0) position = std::max<int64_t>(position + dim, -1);
  if (stride > 0) return std::clamp<int64_t>(position, 0, dim);
  return std::clamp<int64_t>(position, -1, dim - 1);
}

// Entry i on a dimension of size `dim` (-1: unknown).
absl::StatusOr<Range> ResolveRange(const Entries& e, const Masks& masks, int i, int64_t dim) {
  Range range;
  const bool shrink = Bit(masks.shrink, i);
  if (e.strides == nullptr) return range;
  range.stride = (*e.strides)[i];
  if (range.stride == 0) {
    return absl::InvalidArgumentError(absl::StrCat("strides[", i, "] must be non-zero"));
  }
  const bool from_edge = Bit(masks.begin, i), to_edge = Bit(masks.end, i);
  if (shrink) {
    if (range.stride < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("only stride 1 is possible where a dimension is shrunk: strides[", i,
                       "] is ", range.stride));
    }
    range.stride = range.size = 1;
    if (e.begin == nullptr || dim < 0) return range;
    const int64_t begin = (*e.begin)[i];
    range.begin = begin < 0 ? begin + dim : begin;
    if (range.begin < 0 || range.begin >= dim) {
      return absl::InvalidArgumentError(absl::StrCat("slice index ", begin, " of dimension ", i,
                                                     " out of bounds: its size is ", dim));
    }
    return range;
  }
  if (dim < 0 || (e.begin == nullptr && !from_edge) || (e.end == nullptr && !to_edge)) return range;
  const bool forward = range.stride > 0;
  range.begin = from_edge ? (forward ? 0 : dim - 1) : Clamp((*e.begin)[i], dim, range.stride);
  const int64_t end = to_edge ? (forward ? dim : -1) : Clamp((*e.end)[i], dim, range.stride);
  const int64_t length = end - range.begin;
  range.size = 0;
  if (length != 0 && (length < 0) == (range.stride < 0)) {
    range.size = length / range.stride + (length % range.stride != 0);
  }
  if (range.size <= 1) range.stride = 1;  // never taken; may be as large as int64 allows
  return range;
}

// How many dimensions the ellipsis (or the end of the entries) stands for.
absl::StatusOr<int> EllipsisLength(const Entries& e, const Masks& masks, int rank) {
  int spoken_of = 0, ellipses = 0;
  for (int i = 0; i < e.entries; ++i) {
    if (Bit(masks.ellipsis, i)) {
      ++ellipses;
    } else if (!Bit(masks.new_axis, i)) {
      ++spoken_of;
    }
  }
  if (ellipses > 1) {
    return absl::InvalidArgumentError("Multiple ellipses in slice spec not allowed");
  }
  if (spoken_of > rank) {
    return absl::InvalidArgumentError(absl::StrCat("Index out of range: the slice speaks of ",
                                                   spoken_of, " dimensions, the input has ", rank));
  }
  return rank - spoken_of;
}

// REQUIRES: a known rank; dimensions may be unknown.
absl::StatusOr<Region> ResolveRegion(const TensorShape& input, const Entries& e,
                                     const Masks& masks) {
  SLUICE_ASSIGN_OR_RETURN(const int whole, EllipsisLength(e, masks, input.rank()));
  Region region;
  const auto take = [&region](const Range& range, bool keep) {
    region.ranges.push_back(range);
    region.taken.AddDim(range.size);
    if (keep) region.output.AddDim(range.size);
  };
  const auto next_dim = [&] { return input.dim(static_cast<int>(region.ranges.size())); };
  const auto take_whole = [&] {
    for (int k = 0; k < whole; ++k) take({0, 1, next_dim()}, true);
  };
  bool ellipsis_seen = false;
  for (int i = 0; i < e.entries; ++i) {
    if (Bit(masks.ellipsis, i)) {
      ellipsis_seen = true;
      take_whole();
    } else if (Bit(masks.new_axis, i)) {
      region.output.AddDim(1);
    } else {
      SLUICE_ASSIGN_OR_RETURN(const Range range, ResolveRange(e, masks, i, next_dim()));
      take(range, !Bit(masks.shrink, i));
    }
  }
  if (!ellipsis_seen) take_whole();
  SLUICE_RETURN_IF_ERROR(region.output.Check());
  return region;
}

absl::Status CheckEntries(int64_t entries) {
  if (entries <= kMaxEntries) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("begin, end and strides can have at most ",
                                                 kMaxEntries, " entries, got ", entries));
}

// Entries from inputs first, first + 1, first + 2; values where they are known. entries = -1 when
// not even the length is.
struct KnownEntries {
  Dims begin, end, strides;
  Entries view;
};

absl::Status ReadKnownEntries(ShapeContext& c, int first, KnownEntries* known) {
  TensorShape common = TensorShape::OfRank(1);
  for (int i = 0; i < 3; ++i) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape vector, c.WithRank(first + i, 1));
    SLUICE_ASSIGN_OR_RETURN(common, common.MergeWith(vector));
  }
  SLUICE_RETURN_IF_ERROR(CheckEntries(common.dim(0)));
  known->view.entries = static_cast<int>(common.dim(0));
  if (const Tensor* begin = c.value(first)) {
    SLUICE_ASSIGN_OR_RETURN(known->begin, ReadInts(*begin, "begin"));
    known->view.begin = &known->begin;
  }
  if (const Tensor* end = c.value(first + 1)) {
    SLUICE_ASSIGN_OR_RETURN(known->end, ReadInts(*end, "end"));
    known->view.end = &known->end;
  }
  if (const Tensor* strides = c.value(first + 2)) {
    SLUICE_ASSIGN_OR_RETURN(known->strides, ReadInts(*strides, "strides"));
    known->view.strides = &known->strides;
  }
  return absl::OkStatus();
}

absl::Status StridedSliceShape(ShapeContext& c) {
  KnownEntries known;
  SLUICE_RETURN_IF_ERROR(ReadKnownEntries(c, 1, &known));
  if (!c.input(0).rank_known() || known.view.entries < 0) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(Region region, ResolveRegion(c.input(0), known.view, MasksOf(c.attrs())));
  c.set_output(0, std::move(region.output));
  return absl::OkStatus();
}

absl::Status StridedSliceGradShape(ShapeContext& c) {
  KnownEntries known;
  SLUICE_RETURN_IF_ERROR(ReadKnownEntries(c, 1, &known));
  SLUICE_RETURN_IF_ERROR(ShapeFromInput(c, 0));
  const TensorShape& shape = c.output(0);
  if (!shape.rank_known() || known.view.entries < 0) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const Region region,
                          ResolveRegion(shape, known.view, MasksOf(c.attrs())));
  if (!region.output.CompatibleWith(c.input(4))) {
    return absl::InvalidArgumentError(absl::StrCat("dy must have the slice's shape ",
                                                   region.output.ToString(), ", got ",
                                                   c.input(4).ToString()));
  }
  return absl::OkStatus();
}

// The region that concrete tensors ask for.
absl::StatusOr<Region> RegionOf(const TensorShape& shape, const Tensor& begin, const Tensor& end,
                                const Tensor& strides, const Masks& masks) {
  SLUICE_ASSIGN_OR_RETURN(const Dims begins, ReadInts(begin, "begin"));
  SLUICE_ASSIGN_OR_RETURN(const Dims ends, ReadInts(end, "end"));
  SLUICE_ASSIGN_OR_RETURN(const Dims steps, ReadInts(strides, "strides"));
  if (begins.size() != ends.size() || begins.size() != steps.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("begin, end and strides must have the same length, got ", begins.size(), ", ",
                     ends.size(), " and ", steps.size()));
  }
  SLUICE_RETURN_IF_ERROR(CheckEntries(static_cast<int64_t>(begins.size())));
  return ResolveRegion(shape, {static_cast<int>(begins.size()), &begins, &ends, &steps}, masks);
}

// The copy from the sliced array to the dense slice, or back.
StridedCopy PlanRegion(DType dtype, const TensorShape& shape, const Region& region, bool to_slice) {
  int64_t first = 0;
  Dims strides = RowMajorStrides(shape.dims());
  for (size_t i = 0; i < strides.size(); ++i) {
    first += region.ranges[i].begin * strides[i];
    strides[i] *= region.ranges[i].stride;
  }
  const absl::Span<const int64_t> dims = region.taken.dims();
  const Dims dense_strides = RowMajorStrides(dims);
  const StridedCopy::Layout sliced{first, strides}, dense{0, dense_strides};
  return StridedCopy(dtype, dims, to_slice ? sliced : dense, to_slice ? dense : sliced);
}

absl::StatusOr<KernelRun> StridedSlicePrepare(PrepareContext& p) {
  const Masks masks = MasksOf(p.attrs());
  const Tensor *begin = p.constant_input(1), *end = p.constant_input(2),
               *strides = p.constant_input(3);
  if (begin != nullptr && end != nullptr && strides != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(const Region region,
                            RegionOf(p.input_shape(0), *begin, *end, *strides, masks));
    return KernelRun(
        [copy = PlanRegion(p.input_dtype(0), p.input_shape(0), region, true)](KernelContext& c) {
          copy.Run(c.input(0).raw(), c.output(0).mutable_raw());
          return absl::OkStatus();
        });
  }
  return KernelRun([masks](KernelContext& c) -> absl::Status {
    const Tensor& input = c.input(0);
    SLUICE_ASSIGN_OR_RETURN(const Region region,
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
  SLUICE_ASSIGN_OR_RETURN(const Region region, RegionOf(output.shape(), c.input(1), c.input(2),
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

AttrMap MaskAttrs(const Node& op) {
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
                  MaskAttrs(op));
  return dx;
}

Outputs StridedSliceGradGradient(At at, const Node& op, const Outputs& dy) {
  Outputs dx(5);
  dx[4] = at.Node("StridedSlice", {dy[0], op.input(1), op.input(2), op.input(3)}, MaskAttrs(op));
  return dx;
}

OpSpec& AddMasks(OpSpec& spec) {
  return spec.Attr("T: type")
      .Attr("Index: {int32, int64}")
      .Attr("begin_mask: int = 0")
      .Attr("end_mask: int = 0")
      .Attr("ellipsis_mask: int = 0")
      .Attr("new_axis_mask: int = 0")
      .Attr("shrink_axis_mask: int = 0");
}

AttrMap ToAttrs(const StridedSliceOptions& o) {
  return {{"begin_mask", o.begin_mask},
          {"end_mask", o.end_mask},
          {"ellipsis_mask", o.ellipsis_mask},
          {"new_axis_mask", o.new_axis_mask},
          {"shrink_axis_mask", o.shrink_axis_mask}};
}

}  // namespace

OpSpec StridedSliceOp() {
  OpSpec spec("StridedSlice");
  spec.Input("input: T").Input("begin: Index").Input("end: Index").Input("strides: Index");
  return AddMasks(spec.Output("output: T"))
      .Shape(StridedSliceShape)
      .Prepare(StridedSlicePrepare)
      .Gradient(StridedSliceGradient);
}

OpSpec StridedSliceGradOp() {
  OpSpec spec("StridedSliceGrad");
  spec.Input("shape: Index").Input("begin: Index").Input("end: Index").Input("strides: Index");
  return AddMasks(spec.Input("dy: T").Output("output: T"))
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
                           ToAttrs(options));
}

Output StridedSliceGrad(At at, Ints shape, Ints begin, Ints end, Ints strides, Output dy,
                        const StridedSliceOptions& options) {
  const At in = at.Composite("StridedSliceGrad");
  const DType dtype = CommonDType({&shape, &begin, &end, &strides});
  return in.AsScope().Node("StridedSliceGrad",
                           {shape.Tensor(in, "shape", dtype), begin.Tensor(in, "begin", dtype),
                            end.Tensor(in, "end", dtype), strides.Tensor(in, "strides", dtype), dy},
                           ToAttrs(options));
}

}  // namespace sluice::ops
