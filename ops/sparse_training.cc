#include "ops/sparse_training.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/kernels/optimizer_updates.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// The inputs of both forms, in this order.
enum Input { kVar, kAccum, kLearningRate, kGrad, kIndices, kMomentum };

absl::Status NotAScalar(const char* name, const TensorShape& shape) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is not a scalar: ", shape.ToString()));
}

// grad.shape = indices.shape + var.shape[1:], as far as shapes are known.
absl::Status CheckShapes(const TensorShape& var, const TensorShape& accum, const TensorShape& grad,
                         const TensorShape& indices) {
  if (!var.CompatibleWith(accum)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "var and accum do not have the same shape: ", var.ToString(), " ", accum.ToString()));
  }
  if (var.rank() == 0) {
    return absl::InvalidArgumentError("var must be at least 1 dimensional, got a scalar");
  }
  if (indices.rank_known() && indices.rank() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("indices must be one-dimensional, got shape ", indices.ToString()));
  }
  if (!var.rank_known() || !indices.rank_known()) return absl::OkStatus();
  TensorShape wanted = indices;
  for (int i = 1; i < var.rank(); ++i) wanted.AddDim(var.dim(i));
  if (wanted.CompatibleWith(grad)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("grad must have shape indices.shape + var.shape[1:] = ", wanted.ToString(),
                   ", got ", grad.ToString()));
}

absl::Status MomentumShape(ShapeContext& c) {
  const TensorShape var = c.variable_shape(kVar);
  SLUICE_RETURN_IF_ERROR(
      CheckShapes(var, c.variable_shape(kAccum), c.input(kGrad), c.input(kIndices)));
  if (c.input(kLearningRate).rank() > 0) return NotAScalar("lr", c.input(kLearningRate));
  if (c.input(kMomentum).rank() > 0) return NotAScalar("momentum", c.input(kMomentum));
  if (c.num_outputs() > 0) c.set_output(0, var);
  return absl::OkStatus();
}

template <typename T, typename Index>
absl::Status UpdateRows(const KernelContext& c, bool nesterov, Tensor& var, Tensor& accum) {
  const absl::Span<const Index> indices = c.input(kIndices).flat<Index>();
  const int64_t rows = var.dim(0);
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= rows) {
      return absl::InvalidArgumentError(
          absl::StrCat("indices[", i, "] = ", indices[i], " is not in [0, ", rows, ")"));
    }
  }
  if (var.num_elements() == 0) return absl::OkStatus();
  UpdateArguments<T> row;
  row.count = var.num_elements() / rows;
  row.hyper[0] = c.input(kLearningRate).scalar<T>();
  row.hyper[1] = c.input(kMomentum).scalar<T>();
  row.option = nesterov;
  T *w = var.mutable_data<T>(), *a = accum.mutable_data<T>();
  row.gradient = c.input(kGrad).data<T>();
  for (const Index index : indices) {
    row.updated[0] = w + index * row.count;
    row.updated[1] = a + index * row.count;
    MomentumUpdate(row);
    row.gradient += row.count;
  }
  return absl::OkStatus();
}

template <typename T>
absl::StatusOr<KernelRun> PrepareMomentum(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto var, VariableInput::Resolve(p, kVar, DTypeOf<T>::value));
  SLUICE_ASSIGN_OR_RETURN(auto accum, VariableInput::Resolve(p, kAccum, DTypeOf<T>::value));
  const bool nesterov = p.attr<bool>("use_nesterov");
  const bool wide = p.input_dtype(kIndices) == DType::kInt64;
  const bool reference = p.num_outputs() > 0;
  if (reference) p.WillSetOutput(0);
  return KernelRun([=](KernelContext& c) -> absl::Status {
    VariableResource* variables[2];
    SLUICE_ASSIGN_OR_RETURN(variables[0], var.Get(c));
    SLUICE_ASSIGN_OR_RETURN(variables[1], accum.Get(c));
    VariableUpdate locked;
    SLUICE_RETURN_IF_ERROR(locked.Lock(variables, c.budget()));
    Tensor &w = locked.value(0), &a = locked.value(1);
    for (const Input hyper : {kLearningRate, kMomentum}) {
      const TensorShape& shape = c.input(hyper).shape();
      if (shape.rank() != 0) return NotAScalar(hyper == kMomentum ? "momentum" : "lr", shape);
    }
    SLUICE_RETURN_IF_ERROR(
        CheckShapes(w.shape(), a.shape(), c.input(kGrad).shape(), c.input(kIndices).shape()));
    SLUICE_RETURN_IF_ERROR((wide ? UpdateRows<T, int64_t>(c, nesterov, w, a)
                                 : UpdateRows<T, int32_t>(c, nesterov, w, a)));
    if (reference) ForwardReference(c);
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> Prepare(PrepareContext& p) {
  const DType dtype = p.attr<DType>("T");
  if (dtype == DType::kFloat) return PrepareMomentum<float>(p);
  if (dtype == DType::kDouble) return PrepareMomentum<double>(p);
  return absl::UnimplementedError(
      absl::StrCat("no kernel for dtype ", DTypeName(dtype), ": only float32 and float64"));
}

OpSpec MomentumSpec(bool reference) {
  const char* type = reference ? ": Ref(T)" : ": resource";
  OpSpec spec(reference ? "SparseApplyMomentum" : "ResourceSparseApplyMomentum");
  spec.Input(absl::StrCat("var", type)).Input(absl::StrCat("accum", type));
  spec.Input("lr: T").Input("grad: T").Input("indices: Tindices").Input("momentum: T");
  if (reference) spec.Output("out: Ref(T)");
  return spec.Attr("T: numbertype")
      .Attr("Tindices: {int32, int64}")
      .Attr("use_locking: bool = false")
      .Attr("use_nesterov: bool = false")
      .Shape(MomentumShape)
      .Prepare(Prepare)
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .WritesResources();
}

}  // namespace

OpSpec ResourceSparseApplyMomentumOp() { return MomentumSpec(false); }
OpSpec SparseApplyMomentumOp() { return MomentumSpec(true); }

Output ResourceSparseApplyMomentum(At at, Output var, Output accum, Output lr, Output grad,
                                   Output indices, Output momentum,
                                   SparseApplyMomentumOptions options) {
  return at.Node("ResourceSparseApplyMomentum", {var, accum, lr, grad, indices, momentum},
                 {{"use_locking", options.use_locking}, {"use_nesterov", options.use_nesterov}});
}

Output SparseApplyMomentum(At at, Output var, Output accum, Output lr, Output grad, Output indices,
                           Output momentum, SparseApplyMomentumOptions options) {
  return at.Node("SparseApplyMomentum", {var, accum, lr, grad, indices, momentum},
                 {{"use_locking", options.use_locking}, {"use_nesterov", options.use_nesterov}});
}

}  // namespace sluice::ops
