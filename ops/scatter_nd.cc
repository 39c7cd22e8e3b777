// ScatterNd: y = 0; y[indices[j]] += updates[j] for every tuple j. The adjoint of GatherNd.
#include "ops/scatter_nd.h"

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/dtype_sets.h"
#include "ops/gather.h"
#include "ops/scatter_nd_util.h"

namespace sluice::ops {
namespace {

absl::Status ScatterNdShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(ShapeFromInput(c, 2));
  return CheckScatterShapes(c.input(0), c.input(1), c.output(0), "output");
}

absl::Status ScatterNdKernel(KernelContext& c) {
  Tensor& output = c.output(0);
  SLUICE_ASSIGN_OR_RETURN(const Dims dims, ReadInts(c.input(2), "shape"));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, TensorShape(absl::Span<const int64_t>(dims))));
  ZeroElements(output.dtype(), output.mutable_raw(), output.num_elements());
  return ScatterSlices(Combine::kAdd, c.input(0), c.input(1), output, "output");
}

Outputs ScatterNdGradient(At at, const Node& op, const Outputs& dy) {
  return {Output(), GatherNd(at, dy[0], op.input(0)), Output()};
}

}  // namespace

OpSpec ScatterNdOp() {
  return OpSpec("ScatterNd")
      .Input("indices: Tindices")
      .Input("updates: T")
      .Input("shape: Tindices")
      .Output("output: T")
      .Attr("T: type")
      .Attr("Tindices: {int32, int64}")
      .Shape(ScatterNdShape)
      .Kernel(ScatterNdKernel)
      .Gradient(ScatterNdGradient)
      .NoKernelFor("T", NeitherNumbersNorStrings(),
                   "only numbers, bools and strings can be added up");
}

Output ScatterNd(At at, Output indices, Output updates, Ints shape) {
  const At in = at.Composite("ScatterNd");
  const DType dtype = indices.empty() ? DType::kInt32 : indices.dtype();
  return in.AsScope().Node("ScatterNd", {indices, updates, shape.Tensor(in, "shape", dtype)});
}

}  // namespace sluice::ops
