#include "ops/strided_slice_util.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/array_util.h"

namespace sluice::ops {
namespace {

constexpr int kMaxEntries = 31;  // masks have 32 bits, and one more entry may be implied

bool Bit(int64_t mask, int i) { return (mask >> i) & 1; }

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
absl::StatusOr<SliceRange> ResolveRange(const Entries& e, const SliceMasks& masks, int i,
                                        int64_t dim) {
  SliceRange range;
  const bool shrink = Bit(masks.shrink, i);
  if (e.strides == nullptr) return range;
  range.stride = (*e.strides)[i];
  if (range.stride == 0) {
    return absl::InvalidArgumentError(absl::StrCat("strides[", i, "] must be non-zero"));
  }
  const bool from_edge = Bit(masks.begin, i), to_edge = Bit(masks.end, i);
  if (shrink) {
    if (range.stride < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "only stride 1 allowed on non-range indexing, got strides[", i, "] = ", range.stride));
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
absl::StatusOr<int> EllipsisLength(const Entries& e, const SliceMasks& masks, int rank) {
  const auto ellipses = static_cast<uint64_t>(masks.ellipsis);
  if ((ellipses & (ellipses - 1)) != 0) {
    return absl::InvalidArgumentError("Multiple ellipses in slice spec not allowed");
  }
  int spoken_of = 0;
  for (int i = 0; i < e.entries; ++i) {
    if (!Bit(masks.ellipsis, i) && !Bit(masks.new_axis, i)) ++spoken_of;
  }
  if (spoken_of > rank) {
    return absl::InvalidArgumentError(absl::StrCat("Index out of range using input dim ", rank,
                                                   "; input has only ", rank, " dims"));
  }
  return rank - spoken_of;
}

// REQUIRES: a known rank; dimensions may be unknown.
absl::StatusOr<SliceRegion> ResolveRegion(const TensorShape& input, const Entries& e,
                                          const SliceMasks& masks) {
  SLUICE_ASSIGN_OR_RETURN(const int whole, EllipsisLength(e, masks, input.rank()));
  SliceRegion region;
  const auto take = [&region](const SliceRange& range, bool keep) {
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
      SLUICE_ASSIGN_OR_RETURN(const SliceRange range, ResolveRange(e, masks, i, next_dim()));
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

}  // namespace

SliceMasks MasksOf(const AttrMap& attrs) {
  return {GetAttr<int64_t>(attrs, "begin_mask"), GetAttr<int64_t>(attrs, "end_mask"),
          GetAttr<int64_t>(attrs, "ellipsis_mask"), GetAttr<int64_t>(attrs, "new_axis_mask"),
          GetAttr<int64_t>(attrs, "shrink_axis_mask")};
}

OpSpec& AddSliceMasks(OpSpec& spec) {
  return spec.Attr("T: type")
      .Attr("Index: {int32, int64}")
      .Attr("begin_mask: int = 0")
      .Attr("end_mask: int = 0")
      .Attr("ellipsis_mask: int = 0")
      .Attr("new_axis_mask: int = 0")
      .Attr("shrink_axis_mask: int = 0");
}

AttrMap MaskAttrs(const StridedSliceOptions& o) {
  return {{"begin_mask", o.begin_mask},
          {"end_mask", o.end_mask},
          {"ellipsis_mask", o.ellipsis_mask},
          {"new_axis_mask", o.new_axis_mask},
          {"shrink_axis_mask", o.shrink_axis_mask}};
}

absl::StatusOr<std::optional<SliceRegion>> KnownRegion(ShapeContext& c, int first,
                                                       const TensorShape& sliced) {
  KnownEntries known;
  SLUICE_RETURN_IF_ERROR(ReadKnownEntries(c, first, &known));
  if (!sliced.rank_known() || known.view.entries < 0) return std::nullopt;
  SLUICE_ASSIGN_OR_RETURN(SliceRegion region,
                          ResolveRegion(sliced, known.view, MasksOf(c.attrs())));
  return region;
}

// The region that concrete tensors ask for.
absl::StatusOr<SliceRegion> RegionOf(const TensorShape& shape, const Tensor& begin,
                                     const Tensor& end, const Tensor& strides,
                                     const SliceMasks& masks) {
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
StridedCopy PlanRegion(DType dtype, const TensorShape& shape, const SliceRegion& region,
                       bool to_slice) {
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

}  // namespace sluice::ops
