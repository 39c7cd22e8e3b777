// Select and SelectV2: z = condition ? t : e, element by element.
#include "ops/select.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/broadcast_gradient.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/kernels/select.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

constexpr double kCost = 0.5;  // nanoseconds per element

// --- shape functions ---

absl::Status SelectShape(ShapeContext& c) {
  absl::StatusOr<TensorShape> merged = c.input(1).MergeWith(c.input(2));
  if (!merged.ok()) return merged.status();
  const TensorShape& condition = c.input(0);
  TensorShape data = *merged;
  if (condition.rank_known() && condition.rank() == 1 && data.rank() > 1) {
    SLUICE_RETURN_IF_ERROR(condition.MergeWith({data.dim(0)}).status());
    if (condition.dim(0) >= 0) data.set_dim(0, condition.dim(0));
  } else if (condition.rank() > 1 || (condition.rank() == 1 && data.rank_known())) {
    absl::StatusOr<TensorShape> all = data.MergeWith(condition);
    if (!all.ok()) return all.status();
    data = *all;
  }
  c.set_output(0, data);
  return absl::OkStatus();
}

absl::Status SelectV2Shape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape data, BroadcastShapes(c.input(1), c.input(2)));
  SLUICE_ASSIGN_OR_RETURN(TensorShape all, BroadcastShapes(c.input(0), data));
  c.set_output(0, std::move(all));
  return absl::OkStatus();
}

// --- kernels ---

absl::StatusOr<KernelRun> SelectPrepare(PrepareContext& p) {
  const DType dtype = p.input_dtype(1);
  const int64_t size = p.output_shape(0).num_elements();
  const int64_t conditions = p.input_shape(0).num_elements();
  const bool scalar = p.input_shape(0).rank() == 0;
  // Elements that one condition decides about.
  const int64_t row = scalar ? size : conditions == 0 ? 0 : size / conditions;
  return [=](KernelContext& c) {
    const bool* condition = c.input(0).data<bool>();
    const void *t = c.input(1).raw(), *e = c.input(2).raw();
    void* to = c.output(0).mutable_raw();
    auto select = [&](int64_t i, int64_t condition_step, int64_t begin, int64_t count) {
      kernels::SelectElements(dtype, condition + i, condition_step, ElementAt(t, begin, dtype), 1,
                              ElementAt(e, begin, dtype), 1, ElementAt(to, begin, dtype), count);
    };
    if (scalar || row <= 1) {
      ParallelFor(size, GrainFor(kCost), [&](int64_t begin, int64_t end) {
        select(scalar ? 0 : begin, scalar ? 0 : 1, begin, end - begin);
      });
    } else {
      ParallelFor(conditions, GrainFor(kCost * static_cast<double>(row) + 2),
                  [&](int64_t begin, int64_t end) {
                    for (int64_t i = begin; i < end; ++i) select(i, 0, i * row, row);
                  });
    }
    return absl::OkStatus();
  };
}

// Steps of one operand along the dimensions of the result: 0 where it is repeated.
Dims BroadcastSteps(const TensorShape& shape, const TensorShape& result) {
  Dims steps(result.rank(), 0);
  int64_t step = 1;
  for (int i = 1; i <= shape.rank(); ++i) {
    if (shape.dim(-i) != 1) steps[result.rank() - i] = step;
    step *= shape.dim(-i);
  }
  return steps;
}

absl::StatusOr<KernelRun> SelectV2Prepare(PrepareContext& p) {
  const DType dtype = p.input_dtype(1);
  const TensorShape result = p.output_shape(0);
  const int rank = result.rank();
  Dims steps[3];
  for (int k = 0; k < 3; ++k) steps[k] = BroadcastSteps(p.input_shape(k), result);
  const int64_t row = rank == 0 ? 1 : result.dim(-1);
  const int64_t rows = row == 0 ? 0 : result.num_elements() / row;
  auto inner = [rank](const Dims& s) { return rank == 0 ? 0 : std::min<int64_t>(s[rank - 1], 1); };
  const int64_t inner_steps[3] = {inner(steps[0]), inner(steps[1]), inner(steps[2])};
  return [=](KernelContext& c) {
    ParallelFor(rows, GrainFor(kCost * static_cast<double>(row) + 5), [&](int64_t b, int64_t e) {
      for (int64_t i = b; i < e; ++i) {
        int64_t offset[3] = {0, 0, 0};
        int64_t rest = i;
        for (int d = rank - 2; d >= 0; --d) {
          const int64_t index = rest % result.dim(d);
          rest /= result.dim(d);
          for (int k = 0; k < 3; ++k) offset[k] += index * steps[k][d];
        }
        kernels::SelectElements(dtype, c.input(0).data<bool>() + offset[0], inner_steps[0],
                                ElementAt(c.input(1).raw(), offset[1], dtype), inner_steps[1],
                                ElementAt(c.input(2).raw(), offset[2], dtype), inner_steps[2],
                                ElementAt(c.output(0).mutable_raw(), i * row, dtype), row);
      }
    });
    return absl::OkStatus();
  };
}

template <typename T>
void SelectTile(const void* const* inputs, void* output, int64_t n, const double*) {
  kernels::SelectElements(DTypeOf<T>::value, static_cast<const bool*>(inputs[0]), 1, inputs[1], 1,
                          inputs[2], 1, output, n);
}

std::optional<TileKernel> SelectTileOf(const AttrMap&, DType dtype) {
  if (dtype == DType::kFloat) return TileKernel{SelectTile<float>};
  if (dtype == DType::kDouble) return TileKernel{SelectTile<double>};
  return std::nullopt;
}

// --- gradients ---

Outputs SelectGradient(At at, const Node& op, const Outputs& dy) {
  const Output condition = op.input(0), zeros = ZerosLike(at, op.input(1));
  return {Output(), Select(at, condition, dy[0], zeros), Select(at, condition, zeros, dy[0])};
}

Outputs SelectV2Gradient(At at, const Node& op, const Outputs& dy) {
  const Output condition = op.input(0), zero = ConstOf(at, BaseType(dy[0].dtype()), 0);
  const Output to_t = SelectV2(at, condition, dy[0], zero);
  const Output to_e = SelectV2(at, condition, zero, dy[0]);
  return {Output(), SumToShape(at, op.input(1), dy[0], to_t),
          SumToShape(at, op.input(2), dy[0], to_e)};
}

OpSpec Choice(absl::string_view name) {
  return OpSpec(name)
      .Input("condition: bool")
      .Input("t: T")
      .Input("e: T")
      .Output("output: T")
      .Attr("T: type")
      .InPlace(1, 0)
      .InPlace(2, 0);
}

}  // namespace

OpSpec SelectOp() {
  return Choice("Select").Shape(SelectShape).Prepare(SelectPrepare).Gradient(SelectGradient);
}
OpSpec SelectV2Op() {
  return Choice("SelectV2")
      .Shape(SelectV2Shape)
      .Prepare(SelectV2Prepare)
      .Tiled(SelectTileOf)
      .Gradient(SelectV2Gradient);
}

Output Select(At at, Output condition, Output t, Output e) {
  return at.Node("Select", {condition, t, e});
}
Output SelectV2(At at, Output condition, Output t, Output e) {
  return at.Node("SelectV2", {condition, t, e});
}

}  // namespace sluice::ops
