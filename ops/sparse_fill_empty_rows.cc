#include "ops/sparse_fill_empty_rows.h"

#include <algorithm>
#include <complex>
#include <vector>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/accumulate.h"
#include "ops/kernels/strided_copy.h"
#include "ops/kernels/unit.h"
#include "ops/sparse_util.h"

namespace sluice::ops {
namespace {

absl::Status FillShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, 0, 1, 2));
  SLUICE_RETURN_IF_ERROR(c.WithRank(3, 0).status());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape rank, c.WithRank(2, 1));
  const Tensor* shape = c.value(2);  // may be larger than a dense one
  const bool rows_known = shape != nullptr && shape->num_elements() > 0;
  c.set_output(0, {-1, rank.dim(0) >= 0 ? rank.dim(0) : indices.dim(1)});
  c.set_output(1, TensorShape::OfRank(1));
  c.set_output(2, {rows_known ? shape->flat<int64_t>()[0] : -1});
  c.set_output(3, {indices.dim(0) >= 0 ? indices.dim(0) : c.input(1).dim(0)});
  return absl::OkStatus();
}

absl::Status FillGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape map, c.WithRank(0, 1));
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  c.set_output(0, std::move(map));
  c.set_output(1, {});
  return absl::OkStatus();
}

absl::Status CheckFillInputs(const KernelContext& c) {
  const char* const names[] = {"indices must be a matrix", "values must be a vector",
                               "dense_shape must be a vector", "default_value must be a scalar"};
  const int ranks[] = {2, 1, 1, 0};
  for (int i = 0; i < 4; ++i) {
    if (c.input(i).shape().rank() == ranks[i]) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(names[i], ", saw: ", c.input(i).shape().ToString()));
  }
  if (c.input(2).num_elements() < 1) {
    return absl::InvalidArgumentError("Dense shape cannot be empty.");
  }
  return absl::OkStatus();
}

// Where each row begins in the result, and behind the last one its end.
absl::StatusOr<std::vector<int64_t>> RowStarts(const SparseView& sparse, int64_t rows) {
  std::vector<int64_t> starts(rows + 1, 0);
  for (int64_t i = 0; i < sparse.count; ++i) {
    const int64_t row = sparse.row(i)[0];
    if (row < 0 || row >= rows) {
      return absl::InvalidArgumentError(
          absl::StrCat("indices(", i, ", 0) is invalid: ", row, " >= ", rows));
    }
    ++starts[row + 1];
  }
  for (int64_t row = 0; row < rows; ++row) {
    starts[row + 1] = starts[row] + std::max<int64_t>(1, starts[row + 1]);
  }
  return starts;
}

absl::Status FillKernel(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckFillInputs(c));
  SLUICE_ASSIGN_OR_RETURN(const SparseView sparse, ReadSparse(c, 0, 1, 2));
  const int64_t rows = sparse.shape[0];
  if (rows == 0 && sparse.count > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Received SparseTensor with dense_shape[0] = 0 but indices.shape[0] = ", sparse.count));
  }
  // First: a lying shape must meet the memory budget, not the allocator.
  SLUICE_RETURN_IF_ERROR(TensorShape({rows, sparse.rank}).Check());
  SLUICE_ASSIGN_OR_RETURN(Tensor * empty, c.Allocate(2, {rows}));
  SLUICE_ASSIGN_OR_RETURN(Tensor places, Tensor::Make(DType::kInt64, {rows}, c.budget()));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<int64_t> starts, RowStarts(sparse, rows));
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(0, {starts[rows], sparse.rank}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(1, {starts[rows]}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * map, c.Allocate(3, {sparse.count}));
  int64_t* to = indices->mutable_data<int64_t>();
  std::fill_n(to, starts[rows] * sparse.rank, 0);
  FillElements(values->dtype(), c.input(3).raw(), values->mutable_raw(), starts[rows]);
  int64_t* next = places.mutable_data<int64_t>();
  for (int64_t row = 0; row < rows; ++row) next[row] = starts[row];
  int64_t* reverse = map->mutable_data<int64_t>();
  for (int64_t i = 0; i < sparse.count; ++i) {
    reverse[i] = next[sparse.row(i)[0]]++;
    std::copy_n(sparse.row(i), sparse.rank, to + reverse[i] * sparse.rank);
  }
  DispatchUnit(values->dtype(), [&](auto tag) {
    using Unit = typename decltype(tag)::type;
    const auto* source = static_cast<const Unit*>(sparse.values->raw());
    auto* target = static_cast<Unit*>(values->mutable_raw());
    for (int64_t i = 0; i < sparse.count; ++i) target[reverse[i]] = source[i];
  });
  bool* is_empty = empty->mutable_data<bool>();
  for (int64_t row = 0; row < rows; ++row) {
    is_empty[row] = next[row] == starts[row];
    if (is_empty[row]) to[starts[row] * sparse.rank] = row;
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status FillGradRun(KernelContext& c) {
  const Tensor& map = c.input(0);
  const Tensor& grads = c.input(1);
  if (map.shape().rank() != 1 || grads.shape().rank() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("reverse_index_map must be a vector, saw: ", map.shape().ToString(),
                     ", grad_values: ", grads.shape().ToString()));
  }
  const absl::Span<const int64_t> places = map.flat<int64_t>();
  const absl::Span<const T> from = grads.flat<T>();
  const absl::Span<T> to = c.output(0).mutable_flat<T>();
  std::vector<bool> visited(from.size(), false);
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0 || places[i] >= grads.num_elements()) {
      return absl::InvalidArgumentError(absl::StrCat("Elements in reverse index must be in [0, ",
                                                     grads.num_elements(), ") but got ",
                                                     places[i]));
    }
    to[i] = from[places[i]];
    visited[places[i]] = true;
  }
  T rest{};
  for (size_t i = 0; i < from.size(); ++i) {
    if (!visited[i]) rest = Plus(rest, from[i]);
  }
  *c.output(1).mutable_data<T>() = rest;
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> FillGradPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, Half, BFloat16,
                std::complex<float>, std::complex<double>>(p.input_dtype(1), [&](auto tag) {
        run = &FillGradRun<typename decltype(tag)::type>;
        return absl::OkStatus();
      })));
  return run;
}

Outputs FillGradient(At at, const Node& op, const Outputs& dy) {
  const Outputs grads = SparseFillEmptyRowsGrad(at, op.output(3), dy[1]);
  return {Output(), grads[0], Output(), grads[1]};
}

}  // namespace

OpSpec SparseFillEmptyRowsOp() {
  return OpSpec("SparseFillEmptyRows")
      .Input("indices: int64")
      .Input("values: T")
      .Input("dense_shape: int64")
      .Input("default_value: T")
      .Output("output_indices: int64")
      .Output("output_values: T")
      .Output("empty_row_indicator: bool")
      .Output("reverse_index_map: int64")
      .Attr("T: type")
      .Shape(FillShape)
      .Kernel(FillKernel)
      .Gradient(FillGradient);
}

OpSpec SparseFillEmptyRowsGradOp() {
  return OpSpec("SparseFillEmptyRowsGrad")
      .Input("reverse_index_map: int64")
      .Input("grad_values: T")
      .Output("d_values: T")
      .Output("d_default_value: T")
      .Attr("T: type")
      .Shape(FillGradShape)
      .Prepare(FillGradPrepare)
      .NoKernelFor("T",
                   {DType::kString, DType::kBool, DType::kQint8, DType::kQuint8, DType::kQint32,
                    DType::kQint16, DType::kQuint16, DType::kResource, DType::kVariant,
                    DType::kUint32, DType::kUint64},
                   "TensorFlow has none either")
      .NotDifferentiable("TensorFlow defines no second gradient");
}

Outputs SparseFillEmptyRows(At at, Output indices, Output values, Output dense_shape,
                            Output default_value) {
  return at.Nodes("SparseFillEmptyRows", {indices, values, dense_shape, default_value});
}
Outputs SparseFillEmptyRowsGrad(At at, Output reverse_index_map, Output grad_values) {
  return at.Nodes("SparseFillEmptyRowsGrad", {reverse_index_map, grad_values});
}

}  // namespace sluice::ops
