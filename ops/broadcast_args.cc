// BroadcastArgs: dimension by dimension from the last, the one that is not 1.
#include "ops/broadcast_args.h"

#include <algorithm>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"

namespace sluice::ops {
namespace {

absl::Status BroadcastArgsShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape a, c.WithRank(0, 1));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape b, c.WithRank(1, 1));
  const bool known = a.dim(0) >= 0 && b.dim(0) >= 0;
  c.set_output(0, {known ? std::max(a.dim(0), b.dim(0)) : -1});
  return absl::OkStatus();
}

template <typename T>
absl::Status BroadcastArgsRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Dims a, ReadInts(c.input(0), "s0"));
  SLUICE_ASSIGN_OR_RETURN(const Dims b, ReadInts(c.input(1), "s1"));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape both,
                          BroadcastShapes(TensorShape(absl::Span<const int64_t>(a)),
                                          TensorShape(absl::Span<const int64_t>(b))));
  T* to = c.output(0).mutable_data<T>();
  for (const int64_t d : both.dims()) *to++ = static_cast<T>(d);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> BroadcastArgsPrepare(PrepareContext& p) {
  return KernelRun(p.input_dtype(0) == DType::kInt32 ? &BroadcastArgsRun<int32_t>
                                                     : &BroadcastArgsRun<int64_t>);
}

}  // namespace

OpSpec BroadcastArgsOp() {
  return OpSpec("BroadcastArgs")
      .Input("s0: T")
      .Input("s1: T")
      .Output("r0: T")
      .Attr("T: {int32, int64} = DT_INT32")
      .Shape(BroadcastArgsShape)
      .Prepare(BroadcastArgsPrepare)
      .NotDifferentiable("shapes have no gradient");
}

Output BroadcastArgs(At at, Ints s0, Ints s1) {
  const At in = at.Composite("BroadcastArgs");
  const DType dtype = CommonDType({&s0, &s1});
  return in.AsScope().Node("BroadcastArgs",
                           {s0.Tensor(in, "s0", dtype), s1.Tensor(in, "s1", dtype)});
}

}  // namespace sluice::ops
