// L2Loss: y = sum(t^2) / 2.
#include "ops/l2_loss.h"

#include <memory>

#include "core/kernel.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/flops.h"
#include "ops/kernels/reduce.h"

namespace sluice::ops {
namespace {

using kernels::ReduceFunction;
using kernels::Reduction;

absl::StatusOr<KernelRun> L2LossPrepare(PrepareContext& p) {
  const DType dtype = p.input_dtype(0);
  if (!Reduction::Supports(ReduceFunction::kHalfSumSquares, dtype))
    return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
  auto plan = std::make_shared<const Reduction>(ReduceFunction::kHalfSumSquares, dtype,
                                                TensorShape({p.input_shape(0).num_elements()}),
                                                absl::Span<const int64_t>({0}));
  p.RequestScratch(plan->scratch_bytes());
  return [plan](KernelContext& c) {
    plan->Run(c.input(0).raw(), c.output(0).mutable_raw(), c.scratch());
    return absl::OkStatus();
  };
}

Outputs L2LossGradient(At at, const Node& op, const Outputs& dy) {
  return {Mul(at, op.input(0), dy[0])};
}

}  // namespace

OpSpec L2LossOp() {
  return OpSpec("L2Loss")
      .Input("t: T")
      .Output("output: T")
      .Attr("T: {half, bfloat16, float, double}")
      .Shape(shapes::Scalar)
      .Prepare(L2LossPrepare)
      .Flops(FlopsPerElement(3, 0))
      .Gradient(L2LossGradient);
}

Output L2Loss(At at, Output t) { return at.Node("L2Loss", {t}); }

}  // namespace sluice::ops
