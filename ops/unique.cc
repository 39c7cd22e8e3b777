// Unique: y[idx[i]] = x[i], y without repetitions. ListDiff: out[k] = x[idx[k]], those that y
// lacks.
#include "ops/unique.h"

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"

namespace sluice::ops {
namespace {

absl::Status UniqueShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape x, c.WithRank(0, 1));
  c.set_output(0, TensorShape::OfRank(1));
  c.set_output(1, std::move(x));
  if (c.num_outputs() == 3) c.set_output(2, TensorShape::OfRank(1));
  return absl::OkStatus();
}

absl::Status ListDiffShape(ShapeContext& c) {
  for (const int vector : {0, 1}) SLUICE_RETURN_IF_ERROR(c.WithRank(vector, 1).status());
  for (const int out : {0, 1}) c.set_output(out, TensorShape::OfRank(1));
  return absl::OkStatus();
}

template <typename T, typename Index>
absl::Status UniqueRun(KernelContext& c) {
  const absl::Span<const T> x = c.input(0).flat<T>();
  const absl::Span<Index> idx = c.output(1).mutable_flat<Index>();
  absl::flat_hash_map<T, Index> seen;
  for (size_t i = 0; i < x.size(); ++i) {
    idx[i] = seen.try_emplace(x[i], static_cast<Index>(seen.size())).first->second;
  }
  const auto count = static_cast<int64_t>(seen.size());
  SLUICE_ASSIGN_OR_RETURN(Tensor * y, c.Allocate(0, {count}));
  const absl::Span<T> values = y->mutable_flat<T>();
  for (size_t i = 0; i < x.size(); ++i) values[idx[i]] = x[i];
  if (c.num_outputs() == 2) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(Tensor * counts, c.Allocate(2, {count}));
  const absl::Span<Index> times = counts->mutable_flat<Index>();
  std::fill(times.begin(), times.end(), Index{0});
  for (const Index i : idx) ++times[i];
  return absl::OkStatus();
}

template <typename T, typename Index>
absl::Status ListDiffRun(KernelContext& c) {
  const absl::Span<const T> x = c.input(0).flat<T>(), y = c.input(1).flat<T>();
  const absl::flat_hash_set<T> other(y.begin(), y.end());
  int64_t count = 0;
  for (const T& value : x) count += !other.contains(value);
  SLUICE_ASSIGN_OR_RETURN(Tensor * out, c.Allocate(0, {count}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * idx, c.Allocate(1, {count}));
  T* values = out->mutable_data<T>();
  Index* positions = idx->mutable_data<Index>();
  for (size_t i = 0; i < x.size(); ++i) {
    if (other.contains(x[i])) continue;
    *values++ = x[i];
    *positions++ = static_cast<Index>(i);
  }
  return absl::OkStatus();
}

struct UniqueKernel {
  template <typename T, typename Index>
  static absl::Status Run(KernelContext& c) {
    return UniqueRun<T, Index>(c);
  }
};
struct ListDiffKernel {
  template <typename T, typename Index>
  static absl::Status Run(KernelContext& c) {
    return ListDiffRun<T, Index>(c);
  }
};

template <typename Kernel>
absl::StatusOr<KernelRun> HashedPrepare(PrepareContext& p) {
  KernelRun run;
  const bool wide = p.output_dtype(1) == DType::kInt64;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t,
                                   uint16_t, bool, std::string>(p.input_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = wide ? &Kernel::template Run<T, int64_t> : &Kernel::template Run<T, int32_t>;
    return absl::OkStatus();
  })));
  return run;
}

}  // namespace

OpSpec UniqueOp() {
  return OpSpec("Unique")
      .Input("x: T")
      .Output("y: T")
      .Output("idx: out_idx")
      .Attr("T: type")
      .Attr("out_idx: {int32, int64} = DT_INT32")
      .Shape(UniqueShape)
      .Prepare(HashedPrepare<UniqueKernel>)
      .NotDifferentiable("which elements are equal does not vary smoothly");
}

OpSpec UniqueWithCountsOp() {
  return OpSpec("UniqueWithCounts")
      .Input("x: T")
      .Output("y: T")
      .Output("idx: out_idx")
      .Output("count: out_idx")
      .Attr("T: type")
      .Attr("out_idx: {int32, int64} = DT_INT32")
      .Shape(UniqueShape)
      .Prepare(HashedPrepare<UniqueKernel>)
      .NotDifferentiable("which elements are equal does not vary smoothly");
}

OpSpec ListDiffOp() {
  return OpSpec("ListDiff")
      .Input("x: T")
      .Input("y: T")
      .Output("out: T")
      .Output("idx: out_idx")
      .Attr("T: type")
      .Attr("out_idx: {int32, int64} = DT_INT32")
      .Shape(ListDiffShape)
      .Prepare(HashedPrepare<ListDiffKernel>)
      .NotDifferentiable("which elements are equal does not vary smoothly");
}

Outputs Unique(At at, Output x, const UniqueOptions& options) {
  return at.Nodes("Unique", {x}, {{"out_idx", options.out_idx}});
}
Outputs UniqueWithCounts(At at, Output x, const UniqueOptions& options) {
  return at.Nodes("UniqueWithCounts", {x}, {{"out_idx", options.out_idx}});
}
Outputs ListDiff(At at, Output x, Output y, const UniqueOptions& options) {
  return at.Nodes("ListDiff", {x, y}, {{"out_idx", options.out_idx}});
}

}  // namespace sluice::ops
