// NthElement: the n-th smallest element of every row.
#include "ops/nth_element.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/kernels/narrow_float.h"
#include "ops/reduction.h"
#include "ops/reshape.h"

namespace sluice::ops {
namespace {

// n, counted from the smallest of `columns` elements (-1: unknown).
absl::StatusOr<int64_t> ReadN(const Tensor& tensor, int64_t columns, bool reverse) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t n, ReadInt(tensor, "n"));
  if (n < 0) return absl::InvalidArgumentError(absl::StrCat("n must be non-negative, got ", n));
  if (columns >= 0 && n >= columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("Input must have last dimension > n = ", n, ", but it is ", columns));
  }
  return reverse ? columns - 1 - n : n;
}

absl::Status NthElementShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.WithRankAtLeast(0, 1));
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  if (c.value(1)) SLUICE_RETURN_IF_ERROR(ReadN(*c.value(1), shape.dim(-1), false).status());
  if (shape.rank_known()) shape.RemoveDim(shape.rank() - 1);
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

template <typename T>
bool Before(const T& x, const T& y) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return kernels::Widen(x) < kernels::Widen(y);
  } else if constexpr (std::is_floating_point_v<T>) {
    return x < y || (x == x && y != y);  // NaN last: a strict order of all numbers
  } else {
    return x < y;
  }
}

absl::Status NthElementKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const int64_t columns = input.dim(-1), rows = c.output(0).num_elements();
  SLUICE_ASSIGN_OR_RETURN(const int64_t n, ReadN(c.input(1), columns, c.attr<bool>("reverse")));
  return Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                  uint16_t, uint32_t, uint64_t>(input.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* x = input.data<T>();
    T* values = c.output(0).mutable_data<T>();
    ParallelFor(rows, GrainFor(5.0 * static_cast<double>(columns)),
                [&](int64_t begin, int64_t end) {
                  std::vector<T> row;
                  for (int64_t i = begin; i < end; ++i) {
                    row.assign(x + i * columns, x + (i + 1) * columns);
                    std::nth_element(row.begin(), row.begin() + n, row.end(), Before<T>);
                    values[i] = row[n];
                  }
                });
    return absl::OkStatus();
  });
}

Outputs NthElementGradient(At at, const Node& op, const Outputs& dy) {
  const Output value = ExpandDims(at, op.output(0), -1);
  const Output chosen = Cast(at, Equal(at, value, op.input(0)), BaseType(dy[0].dtype()));
  const Output ties = Sum(at, chosen, {-1}, {.keep_dims = true});
  return {Mul(at, RealDiv(at, chosen, ties), ExpandDims(at, dy[0], -1)), Output()};
}

}  // namespace

OpSpec NthElementOp() {
  return OpSpec("NthElement")
      .Input("input: T")
      .Input("n: int32")
      .Output("values: T")
      .Attr("reverse: bool = false")
      .Attr("T: realnumbertype")
      .Shape(NthElementShape)
      .Kernel(NthElementKernel)
      .Gradient(NthElementGradient);
}

Output NthElement(At at, Output input, Ints n, const NthElementOptions& options) {
  return at.Node("NthElement", {input, n.Tensor(at, "n")}, {{"reverse", options.reverse}});
}

}  // namespace sluice::ops
