#include "ops/reduction_util.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/array_util.h"

namespace sluice::ops {

using kernels::Reduction;

absl::StatusOr<Dims> ReadAxes(const Tensor& indices, int rank) {
  SLUICE_ASSIGN_OR_RETURN(const Dims given, ReadInts(indices, "reduction_indices"));
  Dims axes;
  for (int64_t axis : given) {
    if (axis < -rank || axis >= rank) {
      return absl::InvalidArgumentError(absl::StrCat("Invalid reduction dimension ", axis,
                                                     " for input with ", rank, " dimension(s)"));
    }
    if (axis < 0) axis += rank;
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Invalid reduction arguments: Axes contains duplicate dimension: ", axis));
    }
    axes.push_back(axis);
  }
  return axes;
}

TensorShape ReducedShape(const TensorShape& shape, const Dims& axes, bool keep_dims) {
  TensorShape reduced;
  for (int i = 0; i < shape.rank(); ++i) {
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) {
      reduced.AddDim(shape.dim(i));
    } else if (keep_dims) {
      reduced.AddDim(1);
    }
  }
  return reduced;
}

absl::Status ReductionShape(ShapeContext& c) {
  const TensorShape& input = c.input(0);
  const bool keep_dims = c.attr<bool>("keep_dims");
  if (c.input(1).rank() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("Shape must be at most rank 1 but is rank ",
                                                   c.input(1).rank(), ": reduction_indices"));
  }
  if (!input.rank_known()) return absl::OkStatus();
  if (!c.value(1)) {
    if (keep_dims) c.set_output(0, TensorShape::OfRank(input.rank()));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const Dims axes, ReadAxes(*c.value(1), input.rank()));
  c.set_output(0, ReducedShape(input, axes, keep_dims));
  return absl::OkStatus();
}

namespace {

absl::StatusOr<std::shared_ptr<const Reduction>> MakePlan(kernels::ReduceFunction function,
                                                          DType dtype, const TensorShape& shape,
                                                          const Tensor& indices) {
  SLUICE_ASSIGN_OR_RETURN(const Dims axes, ReadAxes(indices, shape.rank()));
  return std::make_shared<const Reduction>(function, dtype, shape, axes);
}

// Axes that only a run knows: planned in every run.
absl::Status RunUnplanned(kernels::ReduceFunction function, KernelContext& c) {
  const Tensor& input = c.input(0);
  SLUICE_ASSIGN_OR_RETURN(const Dims axes, ReadAxes(c.input(1), input.shape().rank()));
  const Reduction plan(function, input.dtype(), input.shape(), axes);
  const TensorShape wanted = ReducedShape(input.shape(), axes, c.attr<bool>("keep_dims"));
  Tensor* output = &c.output(0);
  if (output->empty_handle() || output->shape() != wanted) {
    SLUICE_ASSIGN_OR_RETURN(output, c.Allocate(0, wanted));
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor scratch,
                          Tensor::Make(DType::kUint8, {plan.scratch_bytes()}, c.budget()));
  plan.Run(input.raw(), output->mutable_raw(), scratch.mutable_raw());
  return absl::OkStatus();
}

}  // namespace

KernelPrepare ReductionKernel(kernels::ReduceFunction function) {
  return [function](PrepareContext& p) -> absl::StatusOr<KernelRun> {
    const DType dtype = p.input_dtype(0);
    if (!Reduction::Supports(function, dtype))
      return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
    if (!p.constant_input(1))
      return [function](KernelContext& c) { return RunUnplanned(function, c); };
    SLUICE_ASSIGN_OR_RETURN(auto plan,
                            MakePlan(function, dtype, p.input_shape(0), *p.constant_input(1)));
    p.RequestScratch(plan->scratch_bytes());
    return [plan](KernelContext& c) {
      plan->Run(c.input(0).raw(), c.output(0).mutable_raw(), c.scratch());
      return absl::OkStatus();
    };
  };
}

}  // namespace sluice::ops
