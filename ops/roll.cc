// Roll: each rolled dimension is cut in two pieces that change places: 2^k copies for k rolled
// dimensions.
#include "ops/roll.h"

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

absl::Status RollShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRankAtLeast(0, 1).status());
  for (const int i : {1, 2}) {
    if (c.input(i).rank() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("shift and axis must be scalars or vectors, got ", c.input(i).ToString()));
    }
  }
  if (!c.input(1).CompatibleWith(c.input(2))) {
    return absl::InvalidArgumentError(absl::StrCat("shift and axis must have the same size, got ",
                                                   c.input(1).ToString(), " and ",
                                                   c.input(2).ToString()));
  }
  c.set_output(0, c.input(0));
  return absl::OkStatus();
}

// The shift of every dimension, in [0, size).
absl::StatusOr<Dims> ShiftsOf(const TensorShape& shape, const Tensor& shift, const Tensor& axis) {
  SLUICE_ASSIGN_OR_RETURN(const Dims amounts, ReadInts(shift, "shift"));
  SLUICE_ASSIGN_OR_RETURN(const Dims axes, ReadInts(axis, "axis"));
  if (amounts.size() != axes.size()) {
    return absl::InvalidArgumentError(absl::StrCat("shift and axis must have the same size, got ",
                                                   amounts.size(), " and ", axes.size()));
  }
  Dims shifts(shape.rank(), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(const int at, CanonicalAxis(axes[i], shape.rank()));
    const int64_t size = shape.dim(at);
    if (size == 0) continue;
    shifts[at] = ((shifts[at] + amounts[i] % size) % size + size) % size;
  }
  return shifts;
}

absl::Status RollKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const TensorShape& shape = input.shape();
  SLUICE_ASSIGN_OR_RETURN(const Dims shifts, ShiftsOf(shape, c.input(1), c.input(2)));
  if (input.num_elements() == 0) return absl::OkStatus();
  absl::InlinedVector<int, 8> rolled;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shifts[i] != 0) rolled.push_back(i);
  }
  const Dims strides = RowMajorStrides(shape.dims());
  constexpr size_t kMostRolled = 20;
  if (rolled.size() > kMostRolled) {
    return absl::UnimplementedError(absl::StrCat("rolling ", rolled.size(), " dimensions at once"));
  }
  for (uint32_t choice = 0; choice < (1u << rolled.size()); ++choice) {
    Dims dims(shape.dims().begin(), shape.dims().end());
    int64_t from = 0, to = 0;
    for (size_t k = 0; k < rolled.size(); ++k) {
      const int axis = rolled[k];
      const int64_t shift = shifts[axis], rest = shape.dim(axis) - shift;
      const bool tail = (choice >> k) & 1;  // the last `shift` elements come first
      dims[axis] = tail ? shift : rest;
      (tail ? from : to) += (tail ? rest : shift) * strides[axis];
    }
    StridedCopy(input.dtype(), dims, {from, strides}, {to, strides})
        .Run(input.raw(), c.output(0).mutable_raw());
  }
  return absl::OkStatus();
}

Outputs RollGradient(At at, const Node& op, const Outputs& dy) {
  return {Roll(at, dy[0], at.Node("Neg", {op.input(1)}), op.input(2)), Output(), Output()};
}

}  // namespace

OpSpec RollOp() {
  return OpSpec("Roll")
      .Input("input: T")
      .Input("shift: Tshift")
      .Input("axis: Taxis")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tshift: {int32, int64}")
      .Attr("Taxis: {int32, int64}")
      .Shape(RollShape)
      .Kernel(RollKernel)
      .Gradient(RollGradient);
}

Output Roll(At at, Output input, Ints shift, Ints axis) {
  const At in = at.Composite("Roll");
  return in.AsScope().Node("Roll", {input, shift.Tensor(in, "shift"), axis.Tensor(in, "axis")});
}

}  // namespace sluice::ops
