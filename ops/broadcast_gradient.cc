// BroadcastGradientArgs: which axes were repeated when two shapes were broadcast (numpy's rules).
#include "ops/broadcast_gradient.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/const.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

struct RepeatedAxes {
  Dims of_0, of_1;
};

// A dimension that is 1 in both shapes counts as repeated in both, as in TensorFlow: summing over
// it changes nothing. Equal shapes have no such axes.
absl::StatusOr<RepeatedAxes> FindRepeatedAxes(const Dims& s0, const Dims& s1) {
  RepeatedAxes axes;
  if (s0 == s1) return axes;
  const int rank = static_cast<int>(std::max(s0.size(), s1.size()));
  for (int axis = 0; axis < rank; ++axis) {
    auto dim = [&](const Dims& s) {
      const int i = axis - (rank - static_cast<int>(s.size()));
      return i < 0 ? 1 : s[i];
    };
    const int64_t dim_0 = dim(s0), dim_1 = dim(s1);
    if (dim_0 != dim_1 && dim_0 != 1 && dim_1 != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("Incompatible shapes: ", TensorShape(absl::MakeConstSpan(s0)).ToString(),
                       " vs. ", TensorShape(absl::MakeConstSpan(s1)).ToString()));
    }
    if (dim_0 == 1) axes.of_0.push_back(axis);
    if (dim_1 == 1) axes.of_1.push_back(axis);
  }
  return axes;
}

absl::StatusOr<RepeatedAxes> AxesOfValues(const Tensor& s0, const Tensor& s1) {
  SLUICE_ASSIGN_OR_RETURN(const Dims dims_0, ReadInts(s0, "s0"));
  SLUICE_ASSIGN_OR_RETURN(const Dims dims_1, ReadInts(s1, "s1"));
  return FindRepeatedAxes(dims_0, dims_1);
}

absl::Status BroadcastGradientArgsShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 1).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  c.set_output(0, TensorShape::OfRank(1));
  c.set_output(1, TensorShape::OfRank(1));
  if (!c.value(0) || !c.value(1)) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const RepeatedAxes axes, AxesOfValues(*c.value(0), *c.value(1)));
  c.set_output(0, {static_cast<int64_t>(axes.of_0.size())});
  c.set_output(1, {static_cast<int64_t>(axes.of_1.size())});
  return absl::OkStatus();
}

template <typename T>
absl::Status SetAxes(KernelContext& c, int i, const Dims& axes) {
  Tensor* output = &c.output(i);
  const TensorShape shape = {static_cast<int64_t>(axes.size())};
  if (output->empty_handle() || output->shape() != shape) {
    SLUICE_ASSIGN_OR_RETURN(output, c.Allocate(i, shape));
  }
  std::copy(axes.begin(), axes.end(), output->mutable_data<T>());
  return absl::OkStatus();
}

absl::Status BroadcastGradientArgsKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const RepeatedAxes axes, AxesOfValues(c.input(0), c.input(1)));
  return Dispatch<int32_t, int64_t>(c.input(0).dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    SLUICE_RETURN_IF_ERROR(SetAxes<T>(c, 0, axes.of_0));
    return SetAxes<T>(c, 1, axes.of_1);
  });
}

// The gradient summed to a shape that is known.
Output SumToStaticShape(At at, const Output& g, const TensorShape& shape, const Dims& axes) {
  if (g.empty()) return {};
  const Output sum = axes.empty() ? g : Sum(at, g, std::vector<int64_t>(axes.begin(), axes.end()));
  return sum.shape() == shape ? sum : Reshape(at, sum, shape);
}

}  // namespace

OpSpec BroadcastGradientArgsOp() {
  return OpSpec("BroadcastGradientArgs")
      .Input("s0: T")
      .Input("s1: T")
      .Output("r0: T")
      .Output("r1: T")
      .Attr("T: {int32, int64} = DT_INT32")
      .Shape(BroadcastGradientArgsShape)
      .Kernel(BroadcastGradientArgsKernel)
      .NotDifferentiable("its inputs and outputs are integers");
}

BroadcastGradientArgsOutputs BroadcastGradientArgs(At at, Output s0, Output s1) {
  const Outputs r = at.Nodes("BroadcastGradientArgs", {s0, s1});
  return r.size() == 2 ? BroadcastGradientArgsOutputs{r[0], r[1]} : BroadcastGradientArgsOutputs{};
}

std::vector<Output> SumToShapes(At at, const Output& x, const Output& y, Output gx, Output gy) {
  const TensorShape shape_x = x.shape(), shape_y = y.shape();
  if (shape_x.fully_defined() && shape_y.fully_defined()) {
    const Dims dims_x(shape_x.dims().begin(), shape_x.dims().end());
    const Dims dims_y(shape_y.dims().begin(), shape_y.dims().end());
    absl::StatusOr<RepeatedAxes> axes = FindRepeatedAxes(dims_x, dims_y);
    if (!axes.ok()) return {at.Fail("BroadcastGradientArgs", axes.status()), Output()};
    return {SumToStaticShape(at, gx, shape_x, axes->of_0),
            SumToStaticShape(at, gy, shape_y, axes->of_1)};
  }
  const Output sx = Shape(at, x), sy = Shape(at, y);
  const BroadcastGradientArgsOutputs axes = BroadcastGradientArgs(at, sx, sy);
  return {gx.empty() ? gx : Reshape(at, Sum(at, gx, axes.r0), sx),
          gy.empty() ? gy : Reshape(at, Sum(at, gy, axes.r1), sy)};
}

Output SumToShape(At at, const Output& x, const Output& result, Output gx) {
  return SumToShapes(at, x, result, std::move(gx), Output())[0];
}

}  // namespace sluice::ops
