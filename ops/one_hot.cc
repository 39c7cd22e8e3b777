// OneHot: y[p, d, s] = indices[p, s] == d ? on_value : off_value.
#include "ops/one_hot.h"

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "ops/kernels/unit.h"

namespace sluice::ops {
namespace {

absl::StatusOr<int64_t> ReadDepth(const Tensor& tensor) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t depth, ReadInt(tensor, "depth"));
  if (depth >= 0) return depth;
  return absl::InvalidArgumentError(absl::StrCat("depth must be non-negative, got: ", depth));
}

absl::Status OneHotShape(ShapeContext& c) {
  for (const int scalar : {1, 2, 3}) SLUICE_RETURN_IF_ERROR(c.WithRank(scalar, 0).status());
  int64_t depth = -1;
  if (const Tensor* value = c.value(1)) {
    SLUICE_ASSIGN_OR_RETURN(depth, ReadDepth(*value));
  }
  TensorShape output = c.input(0);
  const auto axis = c.attr<int64_t>("axis");
  if (axis < -1 || (output.rank_known() && axis > output.rank())) {
    return absl::InvalidArgumentError(
        absl::StrCat("axis must be -1 or between 0 and the rank of indices ", output.ToString(),
                     ", got ", axis));
  }
  if (!output.rank_known()) return absl::OkStatus();
  output.InsertDim(axis == -1 ? output.rank() : static_cast<int>(axis), depth);
  SLUICE_RETURN_IF_ERROR(output.Check());
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// `indices` is [prefix, suffix]; the result [prefix, depth, suffix].
template <typename E, typename Index>
void PlaceOnes(absl::Span<const Index> indices, int64_t depth, int64_t suffix, const E& on, E* to) {
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || static_cast<int64_t>(indices[i]) >= depth) continue;
    const auto p = static_cast<int64_t>(i) / suffix, s = static_cast<int64_t>(i) % suffix;
    to[(p * depth + static_cast<int64_t>(indices[i])) * suffix + s] = on;
  }
}

template <typename Index>
absl::Status OneHotRun(KernelContext& c) {
  const Tensor& indices = c.input(0);
  SLUICE_ASSIGN_OR_RETURN(const int64_t depth, ReadDepth(c.input(1)));
  const auto axis = static_cast<int>(c.attr<int64_t>("axis"));
  const int rank = indices.shape().rank();
  TensorShape wanted = indices.shape();
  wanted.InsertDim(axis == -1 ? rank : axis, depth);
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, wanted));
  Tensor& output = c.output(0);
  FillElements(output.dtype(), c.input(3).raw(), output.mutable_raw(), output.num_elements());
  if (output.num_elements() == 0) return absl::OkStatus();
  int64_t suffix = 1;
  for (int i = axis; axis >= 0 && i < rank; ++i) suffix *= indices.dim(i);
  DispatchUnit(output.dtype(), [&](auto tag) {
    using E = typename decltype(tag)::type;
    PlaceOnes(indices.flat<Index>(), depth, suffix, *static_cast<const E*>(c.input(2).raw()),
              static_cast<E*>(output.mutable_raw()));
  });
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> OneHotPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<uint8_t, int32_t, int64_t>(p.input_dtype(0), [&](auto tag) {
    run = &OneHotRun<typename decltype(tag)::type>;
    return absl::OkStatus();
  })));
  return run;
}

}  // namespace

OpSpec OneHotOp() {
  return OpSpec("OneHot")
      .Input("indices: TI")
      .Input("depth: int32")
      .Input("on_value: T")
      .Input("off_value: T")
      .Output("output: T")
      .Attr("axis: int = -1")
      .Attr("T: type")
      .Attr("TI: {uint8, int32, int64} = DT_INT64")
      .Shape(OneHotShape)
      .Prepare(OneHotPrepare)
      .NotDifferentiable("indices have no gradient");
}

Output OneHot(At at, Output indices, Ints depth, Output on_value, Output off_value,
              const OneHotOptions& options) {
  const At in = at.Composite("OneHot");
  return in.AsScope().Node("OneHot", {indices, depth.Tensor(in, "depth"), on_value, off_value},
                           {{"axis", options.axis}});
}

}  // namespace sluice::ops
