#include "ops/scatter_nd_util.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "ops/kernels/gather.h"

namespace sluice::ops {
namespace {

absl::Status ShapesDoNotFit(absl::string_view part, int64_t whole_dims, absl::string_view whole,
                            const TensorShape& shape, int64_t update_dims,
                            const TensorShape& updates) {
  return absl::InvalidArgumentError(
      absl::StrCat("The ", part, " ", whole_dims, " dimensions of ", whole,
                   ".shape=", shape.ToString(), " must match the ", part, " ", update_dims,
                   " dimensions of updates.shape=", updates.ToString()));
}

// Dimensions [begin, end).
TensorShape Part(const TensorShape& shape, int begin, int end) {
  TensorShape part;
  for (int i = begin; i < end; ++i) part.AddDim(shape.dim(i));
  return part;
}

absl::Status CheckEmpty(const TensorShape& indices, const TensorShape& updates,
                        const TensorShape& shape) {
  const int64_t whole = shape.num_elements();
  const int64_t given = indices.num_elements(), values = updates.num_elements();
  const bool too_much = whole == 0 && (given > 0 || values > 0);
  const bool alone = (given == 0 && values > 0) || (given > 0 && values == 0);
  if (!too_much && !alone) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Indices and updates specified for empty output shape: indices shape ", indices.ToString(),
      ", updates shape ", updates.ToString(), ", output shape ", shape.ToString()));
}

absl::Status AtLeastAVector(const TensorShape& shape, absl::string_view name) {
  if (shape.rank() != 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Shape must be at least rank 1 but is rank 0: ", name));
}

template <typename Index>
absl::Status ScatterTuples(Combine how, const Tensor& indices, const Tensor& updates,
                           Tensor& value) {
  const TupleLayout layout = TupleLayoutOf(value.shape().dims(), indices.shape().dims());
  const Index* tuples = indices.data<Index>();
  // Without updates there are no tuples, or very many of no numbers.
  const int64_t bad = updates.num_elements() > 0 ? FirstOutside<Index>(layout, tuples) : -1;
  if (bad >= 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        TupleName(indices, bad), " does not index into shape ", value.shape().ToString()));
  }
  return CombineSlices(
      how, layout.count, [&](int64_t t) { return SliceStart(layout, tuples, t); }, updates, value);
}

}  // namespace

std::string IndexName(const TensorShape& shape, int64_t position) {
  if (shape.rank() == 0) return "indices";
  Dims at(shape.rank());
  for (int i = shape.rank(); i-- > 0;) {
    at[i] = position % shape.dim(i);
    position /= shape.dim(i);
  }
  return absl::StrCat("indices[", absl::StrJoin(at, ","), "]");
}

std::string TupleName(const Tensor& indices, int64_t position) {
  const std::string name =
      IndexName(Part(indices.shape(), 0, indices.shape().rank() - 1), position);
  const auto depth = static_cast<size_t>(indices.dim(-1));
  const size_t first = static_cast<size_t>(position) * depth;
  const std::string tuple =
      indices.dtype() == DType::kInt32
          ? absl::StrJoin(indices.flat<int32_t>().subspan(first, depth), ", ")
          : absl::StrJoin(indices.flat<int64_t>().subspan(first, depth), ", ");
  return absl::StrCat(name, " = [", tuple, "]");
}

absl::Status CheckScatterShapes(const TensorShape& indices, const TensorShape& updates,
                                const TensorShape& shape, absl::string_view whole) {
  SLUICE_RETURN_IF_ERROR(AtLeastAVector(indices, "indices"));
  SLUICE_RETURN_IF_ERROR(AtLeastAVector(updates, "updates"));
  SLUICE_RETURN_IF_ERROR(AtLeastAVector(shape, whole));
  SLUICE_RETURN_IF_ERROR(CheckEmpty(indices, updates, shape));
  if (!indices.rank_known() || !updates.rank_known()) return absl::OkStatus();
  const int outer = indices.rank() - 1;
  const bool outer_fits =
      outer <= updates.rank() && Part(indices, 0, outer).CompatibleWith(Part(updates, 0, outer));
  if (!outer_fits) return ShapesDoNotFit("outer", outer, "indices", indices, outer, updates);
  if (indices.dim(-1) < 0 || !shape.rank_known()) return absl::OkStatus();
  const int64_t depth = indices.dim(-1), inner = shape.rank() - depth;
  const bool inner_fits =
      inner == updates.rank() - outer && Part(shape, static_cast<int>(depth), shape.rank())
                                             .CompatibleWith(Part(updates, outer, updates.rank()));
  if (inner_fits) return absl::OkStatus();
  return ShapesDoNotFit("inner", inner, whole, shape, updates.rank() - outer, updates);
}

absl::Status ScatterSlices(Combine how, const Tensor& indices, const Tensor& updates, Tensor& value,
                           absl::string_view whole) {
  SLUICE_RETURN_IF_ERROR(
      CheckScatterShapes(indices.shape(), updates.shape(), value.shape(), whole));
  return indices.dtype() == DType::kInt32 ? ScatterTuples<int32_t>(how, indices, updates, value)
                                          : ScatterTuples<int64_t>(how, indices, updates, value);
}

}  // namespace sluice::ops
