// ScatterNd: y = 0; y[indices[j]] += updates[j] for every tuple j. The adjoint of GatherNd.
#include "ops/scatter_nd.h"

#include <complex>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/gather.h"
#include "ops/kernels/accumulate.h"
#include "ops/kernels/gather.h"

namespace sluice::ops {
namespace {

// OK when updates.shape = indices.shape[:-1] + shape[k:] as far as known.
absl::Status CheckUpdates(const TensorShape& indices, const TensorShape& updates,
                          const TensorShape& shape) {
  if (!indices.rank_known() || !shape.rank_known() || indices.dim(-1) < 0) return absl::OkStatus();
  const int64_t k = indices.dim(-1);
  if (k > shape.rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("indices.shape[-1] must be <= the rank of the result, but saw indices shape: ",
                     indices.ToString(), " and result shape: ", shape.ToString()));
  }
  TensorShape wanted;
  for (int i = 0; i + 1 < indices.rank(); ++i) wanted.AddDim(indices.dim(i));
  for (int i = static_cast<int>(k); i < shape.rank(); ++i) wanted.AddDim(shape.dim(i));
  if (wanted.CompatibleWith(updates)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("updates must have shape ", wanted.ToString(),
                                                 " (indices ", indices.ToString(), ", result ",
                                                 shape.ToString(), "), got ", updates.ToString()));
}

absl::Status ScatterNdShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRankAtLeast(0, 1));
  SLUICE_RETURN_IF_ERROR(ShapeFromInput(c, 2));
  return CheckUpdates(indices, c.input(1), c.output(0));
}

template <typename T, typename Index>
absl::Status ScatterTuples(KernelContext& c) {
  const Tensor& indices = c.input(0);
  Tensor& output = c.output(0);
  SLUICE_ASSIGN_OR_RETURN(const Dims dims, ReadInts(c.input(2), "shape"));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, TensorShape(absl::Span<const int64_t>(dims))));
  SLUICE_RETURN_IF_ERROR(CheckUpdates(indices.shape(), c.input(1).shape(), output.shape()));
  const TupleLayout layout = TupleLayoutOf(output.shape().dims(), indices.shape().dims());
  const Index* tuples = indices.data<Index>();
  const int64_t bad = FirstOutside<Index>(layout, tuples);
  if (bad >= 0) {
    const auto k = static_cast<size_t>(indices.dim(-1));
    return absl::InvalidArgumentError(absl::StrCat(
        "indices[", bad, "] = [",
        absl::StrJoin(absl::Span<const Index>(tuples + bad * static_cast<int64_t>(k), k), ", "),
        "] does not index into shape ", output.shape().ToString()));
  }
  ZeroElements(output.dtype(), output.mutable_raw(), output.num_elements());
  const T* updates = c.input(1).data<T>();
  T* to = output.mutable_data<T>();
  for (int64_t t = 0; t < layout.count && layout.slice > 0; ++t) {
    AddRow(updates + t * layout.slice, to + SliceStart(layout, tuples, t), layout.slice);
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> ScatterNdPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, Half, BFloat16,
                std::complex<float>, std::complex<double>>(p.input_dtype(1), [&](auto tag) {
        using T = typename decltype(tag)::type;
        run = p.input_dtype(0) == DType::kInt32 ? &ScatterTuples<T, int32_t>
                                                : &ScatterTuples<T, int64_t>;
        return absl::OkStatus();
      })));
  return run;
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
      .Prepare(ScatterNdPrepare)
      .Gradient(ScatterNdGradient);
}

Output ScatterNd(At at, Output indices, Output updates, Ints shape) {
  const At in = at.Composite("ScatterNd");
  const DType dtype = indices.empty() ? DType::kInt32 : indices.dtype();
  return in.AsScope().Node("ScatterNd", {indices, updates, shape.Tensor(in, "shape", dtype)});
}

}  // namespace sluice::ops
