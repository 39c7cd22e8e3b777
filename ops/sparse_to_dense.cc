#include "ops/sparse_to_dense.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/gather.h"
#include "ops/kernels/unit.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/sparse_util.h"

namespace sluice::ops {
namespace {

absl::Status Refuse(absl::string_view what, const Tensor& got, absl::string_view more = "") {
  return absl::InvalidArgumentError(absl::StrCat(what, got.shape().ToString(), more));
}

// Row by row: `columns` coordinates each.
struct Coordinates {
  int64_t count = 1;
  int64_t columns = 1;
};

absl::StatusOr<Coordinates> CheckInputs(const KernelContext& c) {
  const Tensor& indices = c.input(0);
  const Tensor& values = c.input(2);
  const int rank = indices.shape().rank();
  if (rank > 2) {
    return Refuse("sparse_indices should be a scalar, vector, or matrix, got shape ", indices);
  }
  const Coordinates result = {.count = rank > 0 ? indices.dim(0) : 1,
                              .columns = rank > 1 ? indices.dim(1) : 1};
  if (c.input(1).shape().rank() > 1) {
    return Refuse("output_shape should be a vector, got shape ", c.input(1));
  }
  if (c.input(1).num_elements() != result.columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("output_shape has incorrect number of elements: ", c.input(1).num_elements(),
                     " should be: ", result.columns));
  }
  if (values.shape().rank() > 1 ||
      (values.shape().rank() == 1 && values.num_elements() != result.count)) {
    return Refuse("sparse_values has incorrect shape ", values,
                  absl::StrCat(", should be [] or [", result.count, "]"));
  }
  if (c.input(3).shape().rank() != 0) {
    return Refuse("default_value should be a scalar, got shape ", c.input(3));
  }
  return result;
}

// Where each value goes.
template <typename Index>
absl::StatusOr<std::vector<int64_t>> Positions(const KernelContext& c, const Coordinates& rows,
                                               const TensorShape& shape, bool validate) {
  const Index* index = c.input(0).data<Index>();
  const Dims strides = RowMajorStrides(shape.dims());
  std::vector<int64_t> positions(rows.count);
  for (int64_t i = 0; i < rows.count; ++i, index += rows.columns) {
    bool inside = true;
    int64_t position = 0;
    for (int64_t d = 0; d < rows.columns; ++d) {
      if (index[d] < 0 || index[d] >= shape.dim(static_cast<int>(d))) {
        inside = false;
        break;
      }
      position += index[d] * strides[d];
    }
    const auto text = [&] { return RowText(i, std::vector<int64_t>(index, index + rows.columns)); };
    if (!inside) {
      return absl::InvalidArgumentError(
          validate
              ? absl::StrCat(text(), " is out of bounds: need 0 <= index < [",
                             absl::StrJoin(shape.dims(), ","), "]")
              : absl::StrCat("Indices are not valid (out of bounds).  Shape: ", shape.ToString()));
    }
    if (validate && i > 0 && position <= positions[i - 1]) {
      return absl::InvalidArgumentError(absl::StrCat(
          text(), position == positions[i - 1]
                      ? " is repeated"
                      : " is out of order. Many sparse ops require sorted indices.\n    Use "
                        "`tf.sparse.reorder` to create a correctly ordered copy.\n\n"));
    }
    positions[i] = position;
  }
  return positions;
}

absl::Status ToDenseKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Coordinates rows, CheckInputs(c));
  SLUICE_ASSIGN_OR_RETURN(const Dims dims, ReadInts(c.input(1), "output_shape"));
  const TensorShape shape{absl::Span<const int64_t>(dims)};
  if (std::any_of(dims.begin(), dims.end(), [](int64_t d) { return d < 0; })) {
    return absl::InvalidArgumentError(
        absl::StrCat("output_shape must be >= 0, got ", c.input(1).DebugString()));
  }
  SLUICE_RETURN_IF_ERROR(shape.Check());
  const bool validate = c.attr<bool>("validate_indices");
  SLUICE_ASSIGN_OR_RETURN(const std::vector<int64_t> positions,
                          c.input(0).dtype() == DType::kInt32
                              ? Positions<int32_t>(c, rows, shape, validate)
                              : Positions<int64_t>(c, rows, shape, validate));
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, c.Allocate(0, shape));
  FillElements(output->dtype(), c.input(3).raw(), output->mutable_raw(), output->num_elements());
  const bool one_value = c.input(2).shape().rank() == 0;
  DispatchUnit(output->dtype(), [&](auto tag) {
    using Unit = typename decltype(tag)::type;
    const auto* from = static_cast<const Unit*>(c.input(2).raw());
    auto* to = static_cast<Unit*>(output->mutable_raw());
    for (int64_t i = 0; i < rows.count; ++i) to[positions[i]] = from[one_value ? 0 : i];
  });
  return absl::OkStatus();
}

absl::Status ToDenseShape(ShapeContext& c) { return ShapeFromInput(c, 1); }

// What is not under a value is under the default.
Outputs ToDenseGradient(At at, const Node& op, const Outputs& dy) {
  const Output indices = op.input(0);
  Output rows = indices;
  if (indices.shape().rank_known() && indices.shape().rank() < 2) {
    rows = Reshape(at, indices, {-1, 1});
  }
  const Output picked = GatherNd(at, dy[0], rows);
  const Output values = op.input(2);
  const Output picked_sum = Sum(at, picked, AllAxes(at, picked));
  const Output rest = Sum(at, dy[0], AllAxes(at, dy[0])) - picked_sum;
  const bool one_value = values.shape().rank_known() && values.shape().rank() == 0;
  return {Output(), Output(), one_value ? picked_sum : picked, rest};
}

}  // namespace

OpSpec SparseToDenseOp() {
  return OpSpec("SparseToDense")
      .Input("sparse_indices: Tindices")
      .Input("output_shape: Tindices")
      .Input("sparse_values: T")
      .Input("default_value: T")
      .Attr("validate_indices: bool = true")
      .Attr("T: type")
      .Output("dense: T")
      .Attr("Tindices: {int32, int64}")
      .Shape(ToDenseShape)
      .Kernel(ToDenseKernel)
      .Gradient(ToDenseGradient);
}

Output SparseToDense(At at, Output sparse_indices, Ints output_shape, Output sparse_values,
                     Output default_value, const SparseToDenseOptions& options) {
  const At in = at.Composite("SparseToDense");
  const DType dtype = sparse_indices.empty() ? DType::kInt64 : sparse_indices.dtype();
  return in.AsScope().Node("SparseToDense",
                           {sparse_indices, output_shape.Tensor(in, "output_shape", dtype),
                            sparse_values, default_value},
                           {{"validate_indices", options.validate_indices}});
}

}  // namespace sluice::ops
