// Transpose: y[j] = x[k], k[perm[i]] = j[i]. One strided copy, planned when the permutation is
// known.
#include "ops/transpose.h"

#include <algorithm>
#include <complex>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

// OK when `perm` holds 0 .. rank-1 once each.
absl::Status CheckPermutation(absl::Span<const int64_t> perm, int rank) {
  if (static_cast<int>(perm.size()) != rank) {
    return absl::InvalidArgumentError(absl::StrCat("perm must have one entry per dimension, got ",
                                                   perm.size(), " for rank ", rank));
  }
  for (int i = 0; i < rank; ++i) {
    if (perm[i] < 0 || perm[i] >= rank) {
      return absl::InvalidArgumentError(
          absl::StrCat("perm dim ", perm[i], " is out of range of input rank ", rank));
    }
    if (std::count(perm.begin(), perm.end(), i) != 1) {
      return absl::InvalidArgumentError(absl::StrCat("perm must hold ", i, " exactly once, got [",
                                                     absl::StrJoin(perm, ","), "]"));
    }
  }
  return absl::OkStatus();
}

absl::Status TransposeShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape vector, c.WithRank(1, 1));
  const TensorShape& input = c.input(0);
  const int64_t entries = vector.dim(0);
  if (!input.rank_known()) {
    if (entries >= 0 && entries <= kMaxRank)
      c.set_output(0, TensorShape::OfRank(static_cast<int>(entries)));
    return absl::OkStatus();
  }
  if (entries >= 0 && entries != input.rank()) {
    return absl::InvalidArgumentError(absl::StrCat("perm must have one entry per dimension, got ",
                                                   entries, " for input shape ", input.ToString()));
  }
  TensorShape output = TensorShape::OfRank(input.rank());
  if (const Tensor* perm = c.value(1)) {
    SLUICE_ASSIGN_OR_RETURN(const Dims dims, ReadInts(*perm, "perm"));
    SLUICE_RETURN_IF_ERROR(CheckPermutation(dims, input.rank()));
    for (int i = 0; i < input.rank(); ++i) output.set_dim(i, input.dim(static_cast<int>(dims[i])));
  }
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status VectorShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape vector, c.WithRank(0, 1));
  c.set_output(0, std::move(vector));
  return absl::OkStatus();
}

struct PlannedTranspose {
  TensorShape output;
  StridedCopy copy;
};

absl::StatusOr<PlannedTranspose> PlanTranspose(DType dtype, const TensorShape& input,
                                               const Tensor& perm_tensor) {
  SLUICE_ASSIGN_OR_RETURN(const Dims perm, ReadInts(perm_tensor, "perm"));
  SLUICE_RETURN_IF_ERROR(CheckPermutation(perm, input.rank()));
  const Dims input_strides = RowMajorStrides(input.dims());
  PlannedTranspose plan;
  Dims from_strides;
  for (const int64_t axis : perm) {
    plan.output.AddDim(input.dim(static_cast<int>(axis)));
    from_strides.push_back(input_strides[axis]);
  }
  const absl::Span<const int64_t> dims = plan.output.dims();
  plan.copy = StridedCopy(dtype, dims, {0, from_strides}, {0, RowMajorStrides(dims)});
  return plan;
}

template <typename Complex>
void ConjugateAll(Tensor* t) {
  Complex* values = t->mutable_data<Complex>();
  ParallelFor(t->num_elements(), GrainFor(0.5), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) values[i] = std::conj(values[i]);
  });
}

template <bool conjugate>
absl::Status RunTranspose(KernelContext& c, const StridedCopy& copy) {
  Tensor& output = c.output(0);
  copy.Run(c.input(0).raw(), output.mutable_raw());
  if (conjugate && output.dtype() == DType::kComplex64) ConjugateAll<std::complex<float>>(&output);
  if (conjugate && output.dtype() == DType::kComplex128)
    ConjugateAll<std::complex<double>>(&output);
  return absl::OkStatus();
}

template <bool conjugate>
absl::StatusOr<KernelRun> TransposePrepare(PrepareContext& p) {
  if (const Tensor* perm = p.constant_input(1)) {
    SLUICE_ASSIGN_OR_RETURN(const PlannedTranspose plan,
                            PlanTranspose(p.input_dtype(0), p.input_shape(0), *perm));
    return KernelRun(
        [copy = plan.copy](KernelContext& c) { return RunTranspose<conjugate>(c, copy); });
  }
  return KernelRun([](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const PlannedTranspose plan,
                            PlanTranspose(c.input(0).dtype(), c.input(0).shape(), c.input(1)));
    SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, plan.output));
    return RunTranspose<conjugate>(c, plan.copy);
  });
}

template <typename T>
absl::Status InvertPermutationRun(KernelContext& c) {
  const absl::Span<const T> perm = c.input(0).flat<T>();
  const absl::Span<T> inverse = c.output(0).mutable_flat<T>();
  std::fill(inverse.begin(), inverse.end(), T{-1});
  for (size_t i = 0; i < perm.size(); ++i) {
    const T at = perm[i];
    if (at < 0 || static_cast<size_t>(at) >= perm.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(at, " is not between 0 and ", perm.size(), " (entry ", i, ")"));
    }
    if (inverse[at] != -1) {
      return absl::InvalidArgumentError(absl::StrCat(at, " is duplicated in the input"));
    }
    inverse[at] = static_cast<T>(i);
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> InvertPermutationPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<int32_t, int64_t>(p.input_dtype(0), [&](auto tag) {
    run = &InvertPermutationRun<typename decltype(tag)::type>;
    return absl::OkStatus();
  })));
  return run;
}

Outputs TransposeGradient(At at, const Node& op, const Outputs& dy) {
  const Output inverse = InvertPermutation(at, op.input(1));
  return {at.Named("transpose").Node(op.op(), {dy[0], inverse}), Output()};
}

OpSpec TransposeSpec(absl::string_view name) {
  return OpSpec(name)
      .Input("x: T")
      .Input("perm: Tperm")
      .Output("y: T")
      .Attr("T: type")
      .Attr("Tperm: {int32, int64} = DT_INT32")
      .Shape(TransposeShape)
      .Gradient(TransposeGradient);
}

}  // namespace

OpSpec TransposeOp() { return TransposeSpec("Transpose").Prepare(TransposePrepare<false>); }

OpSpec ConjugateTransposeOp() {
  return TransposeSpec("ConjugateTranspose").Prepare(TransposePrepare<true>);
}

OpSpec InvertPermutationOp() {
  return OpSpec("InvertPermutation")
      .Input("x: T")
      .Output("y: T")
      .Attr("T: {int32, int64} = DT_INT32")
      .Shape(VectorShape)
      .Prepare(InvertPermutationPrepare)
      .NotDifferentiable("integers have no gradient");
}

Output Transpose(At at, Output x, Ints perm) {
  const At in = at.Composite("Transpose");
  return in.AsScope().Node("Transpose", {x, perm.Tensor(in, "perm")});
}

Output ConjugateTranspose(At at, Output x, Ints perm) {
  const At in = at.Composite("ConjugateTranspose");
  return in.AsScope().Node("ConjugateTranspose", {x, perm.Tensor(in, "perm")});
}

Output InvertPermutation(At at, Output x) { return at.Node("InvertPermutation", {x}); }

}  // namespace sluice::ops
