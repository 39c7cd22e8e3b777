// AddN: y = x0 + x1 + ..., in that order.
#include "ops/add_n.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/flops.h"
#include "ops/kernels/binary_math.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

absl::Status AddNShape(ShapeContext& c) {
  TensorShape shape = c.input(c.num_inputs() - 1);
  for (int i = c.num_inputs() - 2; i >= 0; --i) {
    absl::StatusOr<TensorShape> merged = shape.MergeWith(c.input(i));
    if (!merged.ok()) {
      return Annotate(merged.status(),
                      absl::StrCat("From merging shape ", i, " with other shapes"));
    }
    shape = *std::move(merged);
  }
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status AccumulateNV2Shape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(AddNShape(c));
  absl::StatusOr<TensorShape> merged = c.output(0).MergeWith(c.attr<TensorShape>("shape"));
  if (!merged.ok()) return merged.status();
  c.set_output(0, *std::move(merged));
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> AddNPrepare(PrepareContext& p) {
  const DType dtype = p.input_dtype(0);
  const kernels::BinaryKernel add = kernels::FindBinary(kernels::BinaryFunction::kAdd, dtype);
  if (!add.vv || dtype == DType::kString)
    return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
  const int inputs = p.num_inputs();
  const int64_t grain = GrainFor(add.cost * inputs);
  return [=](KernelContext& c) {
    constexpr int64_t kTile = 2048;  // elements of the result that stay in the first-level cache
    Tensor& sum = c.output(0);
    ParallelFor(sum.num_elements(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i += kTile) {
        const int64_t n = std::min(kTile, end - i);
        void* to = ElementAt(sum.mutable_raw(), i, dtype);
        const void* so_far = ElementAt(c.input(0).raw(), i, dtype);
        if (inputs == 1 && so_far != to) CopyElements(dtype, so_far, to, n);
        for (int k = 1; k < inputs; ++k) {
          add.vv(so_far, ElementAt(c.input(k).raw(), i, dtype), to, n);
          so_far = to;
        }
      }
    });
    return absl::OkStatus();
  };
}

template <typename T>
void AddThree(const void* const* inputs, void* output, int64_t n, const double*) {
  const T* x = static_cast<const T*>(inputs[0]);
  const T* y = static_cast<const T*>(inputs[1]);
  const T* z = static_cast<const T*>(inputs[2]);
  T* sum = static_cast<T*>(output);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) sum[i] = x[i] + y[i] + z[i];
}

// Sums of two and three tensors are steps of chains.
std::optional<TileKernel> AddNTile(const AttrMap& attrs, DType dtype) {
  const int64_t n = GetAttr<int64_t>(attrs, "N");
  const TileFn add = kernels::FindBinary(kernels::BinaryFunction::kAdd, dtype).tile;
  if (n == 2 && add) return TileKernel{add};
  if (n == 3 && dtype == DType::kFloat) return TileKernel{AddThree<float>};
  if (n == 3 && dtype == DType::kDouble) return TileKernel{AddThree<double>};
  return std::nullopt;
}

Outputs AddNGradient(At, const Node& op, const Outputs& dy) {
  return Outputs(op.num_inputs(), dy[0]);
}

OpSpec SumOf(absl::string_view name, absl::string_view types) {
  return OpSpec(name)
      .Input("inputs: N * T")
      .Output("sum: T")
      .Attr("N: int >= 1")
      .Attr(types)
      .Prepare(AddNPrepare)
      .Tiled(AddNTile)
      .NoKernelFor("T",
                   {DType::kUint32, DType::kUint64, DType::kQint8, DType::kQuint8, DType::kQint32},
                   "TensorFlow has no CPU kernel either")
      .InPlace(0, 0)
      .Flops(SumOfAllFlops)
      .Commutative()
      .Aggregate()
      .Gradient(AddNGradient);
}

}  // namespace

OpSpec AddNOp() { return SumOf("AddN", "T: {numbertype, variant}").Shape(AddNShape); }
OpSpec AccumulateNV2Op() {
  return SumOf("AccumulateNV2", "T: numbertype").Attr("shape: shape").Shape(AccumulateNV2Shape);
}

Output AddN(At at, const Outputs& inputs) { return at.Node("AddN", inputs); }
Output AccumulateNV2(At at, const Outputs& inputs, const TensorShape& shape) {
  return at.Node("AccumulateNV2", inputs, {{"shape", shape}});
}

}  // namespace sluice::ops
