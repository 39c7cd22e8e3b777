// Softmax: y = exp(x) / sum exp(x). LogSoftmax: y = x - log(sum exp(x)). Sums along the last
// dimension.
#include "ops/softmax.h"

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/flops.h"
#include "ops/kernels/softmax.h"
#include "ops/narrow.h"
#include "ops/reduction.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

absl::Status SoftmaxShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRankAtLeast(0, 1).status());
  return shapes::SameAsInput(c);
}

template <bool kLog>
absl::StatusOr<KernelRun> SoftmaxPrepare(PrepareContext& p) {
  KernelRun run;
  const int64_t n = p.input_shape(0).dim(-1);
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(p.input_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [n](KernelContext& c) {
      const Tensor& x = c.input(0);
      const int64_t rows = n == 0 ? 0 : x.num_elements() / n;
      T* y = c.output(0).template mutable_data<T>();
      if (kLog) {
        kernels::LogSoftmaxRows(x.data<T>(), y, rows, n);
      } else {
        kernels::SoftmaxRows(x.data<T>(), y, rows, n);
      }
      return absl::OkStatus();
    };
    return absl::OkStatus();
  })));
  return run;
}

Output SumOfRows(At at, Output x) { return Sum(at, x, {-1}, {.keep_dims = true}); }

// dx = (dy - sum(dy y)) y
Outputs SoftmaxGradient(At at, const Node& op, const Outputs& dy) {
  const Output y = op.output(0);
  return {Mul(at, Sub(at, dy[0], SumOfRows(at, Mul(at, dy[0], y))), y)};
}

// dx = dy - sum(dy) exp(y)
Outputs LogSoftmaxGradient(At at, const Node& op, const Outputs& dy) {
  return {Sub(at, dy[0], Mul(at, SumOfRows(at, dy[0]), Exp(at, op.output(0))))};
}

OpSpec RowsSpec(absl::string_view name, absl::string_view output) {
  return OpSpec(name)
      .Input("logits: T")
      .Output(output)
      .Attr("T: {half, bfloat16, float, double}")
      .Shape(SoftmaxShape)
      .InPlace(0, 0)
      .Flops(FlopsPerElement(5));
}

}  // namespace

OpSpec SoftmaxOp() {
  return RowsSpec("Softmax", "softmax: T")
      .Prepare(InFloat(SoftmaxPrepare<false>))
      .Gradient(SoftmaxGradient);
}
OpSpec LogSoftmaxOp() {
  return RowsSpec("LogSoftmax", "logsoftmax: T")
      .Prepare(InFloat(SoftmaxPrepare<true>))
      .Gradient(LogSoftmaxGradient);
}

Output Softmax(At at, Output logits) { return at.Node("Softmax", {logits}); }
Output LogSoftmax(At at, Output logits) { return at.Node("LogSoftmax", {logits}); }

}  // namespace sluice::ops
