#include "ops/linalg_util.h"

#include <atomic>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/threads.h"
#include "ops/complex.h"
#include "ops/const.h"
#include "ops/diag.h"
#include "ops/fill.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "ops/transpose.h"

namespace sluice::ops {

absl::StatusOr<TensorShape> SquareMatrices(const ShapeContext& c, int i) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.WithRankAtLeast(i, 2));
  if (!shape.rank_known()) return shape;
  const int64_t rows = shape.dim(-2), columns = shape.dim(-1);
  if (rows >= 0 && columns >= 0 && rows != columns) {
    return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but are ", rows,
                                                   " and ", columns,
                                                   ": Input matrix must be square"));
  }
  const int64_t n = std::max(rows, columns);
  shape.set_dim(-1, n);
  shape.set_dim(-2, n);
  return shape;
}

TensorShape BatchPart(const TensorShape& shape) {
  if (!shape.rank_known()) return shape;
  return TensorShape(shape.dims().subspan(0, shape.rank() - 2));
}

TensorShape MatricesOf(TensorShape batch, int64_t rows, int64_t columns) {
  if (!batch.rank_known()) return batch;
  batch.AddDim(rows);
  batch.AddDim(columns);
  return batch;
}

TensorShape VectorsOf(TensorShape batch, int64_t size) {
  if (batch.rank_known()) batch.AddDim(size);
  return batch;
}

int64_t SmallerDim(int64_t a, int64_t b) {
  if (a == 0 || b == 0) return 0;
  return a < 0 || b < 0 ? -1 : std::min(a, b);
}

absl::Status SquareShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, SquareMatrices(c, 0));
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

int64_t CountMatrices(const TensorShape& shape) { return BatchPart(shape).num_elements(); }

absl::Status ForEachMatrix(int64_t count, double cost, absl::string_view message,
                           absl::FunctionRef<bool(int64_t)> f) {
  std::atomic<bool> ok = true;
  ParallelFor(count, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      if (!f(i)) ok = false;
  });
  return ok ? absl::OkStatus() : absl::InvalidArgumentError(message);
}

double CubicCost(int64_t m, int64_t n) {
  return 200 +
         static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(std::min(m, n));
}

Output Product(At at, Output x, Output y, const BatchMatMulOptions& options) {
  return BatchMatMulV2(at, std::move(x), std::move(y), options);
}

Output Adjoint(At at, const Output& x) {
  Output order;
  if (x.empty() || x.shape().rank_known()) {
    std::vector<int64_t> perm(x.empty() ? 2 : x.shape().rank());
    for (size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<int64_t>(i);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    order = Ints(perm).Tensor(at, "perm");
  } else {  // [0, 1, ..., rank - 3, rank - 1, rank - 2]
    const Output zero = ConstOf(at, DType::kInt32, 0), one = ConstOf(at, DType::kInt32, 1);
    const Output rank = Rank(at, x), last = at.Node("Sub", {rank, one});
    const Output before = at.Node("Sub", {last, one});
    order = at.Node("ConcatV2",
                    {at.Node("Range", {zero, before, one}), at.Node("Pack", {last, before}), zero});
  }
  const bool complex = !x.empty() && IsComplex(BaseType(x.dtype()));
  return at.Node(complex ? "ConjugateTranspose" : "Transpose", {x, order});
}

Output EyeLike(At at, const Output& x) {
  return MatrixDiag(at, OnesLike(at, MatrixDiagPart(at, x)));
}

Output Columns(At at, const Output& x, int64_t begin, int64_t end) {
  return StridedSlice(at, x, {0, begin}, {0, end}, {1, 1}, {.ellipsis_mask = 1});
}

}  // namespace sluice::ops
