#include "ops/sparse_util.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "ops/kernels/unit.h"

namespace sluice::ops {
namespace {

absl::Status NotA(const char* what, const char* kind, const Tensor& got) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " must be a ", kind, ", but got: ", got.shape().ToString()));
}

absl::Status OutOfBounds(const SparseView& sparse, int64_t i) {
  return absl::InvalidArgumentError(absl::StrCat(
      RowText(i, {sparse.row(i), static_cast<size_t>(sparse.rank)}),
      " is out of bounds: need 0 <= index < [", absl::StrJoin(sparse.shape, ","), "]"));
}

bool InBounds(const SparseView& sparse, int64_t i) {
  for (int d = 0; d < sparse.rank; ++d) {
    if (sparse.row(i)[d] < 0 || sparse.row(i)[d] >= sparse.shape[d]) return false;
  }
  return true;
}

}  // namespace

std::string RowText(int64_t i, absl::Span<const int64_t> row) {
  return absl::StrCat("indices[", i, "] = [", absl::StrJoin(row, ","), "]");
}

absl::StatusOr<SparseView> SparseOf(const Tensor& indices, const Tensor& values,
                                    const Tensor& shape) {
  if (indices.shape().rank() != 2) return NotA("indices", "matrix", indices);
  if (values.shape().rank() != 1) return NotA("vals", "vec", values);
  if (shape.shape().rank() != 1) return NotA("shape", "vec", shape);
  if (indices.dim(0) != values.dim(0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "indices and values rows (indexing dimension) must match. (indices = ", indices.dim(0),
        ", values = ", values.dim(0), ")"));
  }
  if (indices.dim(1) != shape.dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Shape rank must be SparseTensor rank: indices have ", indices.dim(1),
                     " columns, the shape ", shape.dim(0), " dimensions"));
  }
  if (shape.dim(0) > kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat("rank ", shape.dim(0), " is too large"));
  }
  SparseView view;
  view.count = indices.dim(0);
  view.rank = static_cast<int>(indices.dim(1));
  view.indices = indices.data<int64_t>();
  view.values = &values;
  view.shape = shape.flat<int64_t>();
  for (const int64_t size : view.shape) {
    if (size < 0) {
      return absl::InvalidArgumentError(absl::StrCat("dimensions must be >= 0, got shape [",
                                                     absl::StrJoin(view.shape, ","), "]"));
    }
  }
  return view;
}

absl::StatusOr<SparseView> ReadSparse(const KernelContext& c, int indices, int values, int shape) {
  return SparseOf(c.input(indices), c.input(values), c.input(shape));
}

int CompareRows(const int64_t* a, const int64_t* b, int rank) {
  for (int d = 0; d < rank; ++d) {
    if (a[d] != b[d]) return a[d] < b[d] ? -1 : 1;
  }
  return 0;
}

absl::Status CheckBounds(const SparseView& sparse) {
  for (int64_t i = 0; i < sparse.count; ++i) {
    if (!InBounds(sparse, i)) return OutOfBounds(sparse, i);
  }
  return absl::OkStatus();
}

absl::Status CheckSorted(const SparseView& sparse) {
  for (int64_t i = 0; i < sparse.count; ++i) {
    if (!InBounds(sparse, i)) return OutOfBounds(sparse, i);
    if (i == 0) continue;
    const int order = CompareRows(sparse.row(i - 1), sparse.row(i), sparse.rank);
    if (order < 0) continue;
    const std::string text = RowText(i, {sparse.row(i), static_cast<size_t>(sparse.rank)});
    if (order == 0) return absl::InvalidArgumentError(absl::StrCat(text, " is repeated"));
    return absl::InvalidArgumentError(
        absl::StrCat(text,
                     " is out of order. Many sparse ops require sorted indices.\n    Use "
                     "`tf.sparse.reorder` to create a correctly ordered copy.\n\n"));
  }
  return absl::OkStatus();
}

std::vector<int64_t> SortedOrder(const SparseView& sparse) {
  std::vector<int64_t> order(sparse.count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return CompareRows(sparse.row(a), sparse.row(b), sparse.rank) < 0;
  });
  return order;
}

void PickElements(const Tensor& from, const std::vector<int64_t>& order, Tensor& to) {
  DispatchUnit(from.dtype(), [&](auto tag) {
    using Unit = typename decltype(tag)::type;
    const auto* source = static_cast<const Unit*>(from.raw());
    auto* target = static_cast<Unit*>(to.mutable_raw());
    for (size_t k = 0; k < order.size(); ++k) target[k] = source[order[k]];
  });
}

absl::Status CheckSparseRanks(const ShapeContext& c, int indices, int values, int shape) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape rows, c.WithRank(indices, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape elements, c.WithRank(values, 1));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape dims, c.WithRank(shape, 1));
  SLUICE_RETURN_IF_ERROR(TensorShape({rows.dim(0)}).MergeWith(elements).status());
  return TensorShape({rows.dim(1)}).MergeWith(dims).status();
}

}  // namespace sluice::ops
