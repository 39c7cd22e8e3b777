// The rules of ops/training_rules.h row by row. Both forms of an op are made from its rule: the
// dense op's inputs, with `indices` after the gradient.
#include "ops/sparse_training.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/dtype_sets.h"
#include "ops/flops.h"
#include "ops/training_rules.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

// Input i of the dense op is input i of the sparse one, or the next.
int SparseInput(const UpdateRule& rule, int i) { return i > rule.gradient_input() ? i + 1 : i; }
int IndicesInput(const UpdateRule& rule) { return rule.gradient_input() + 1; }

// --- shapes --------------------------------------------------------------------------------------

// grad.shape = indices.shape + var.shape[1:], as far as shapes are known.
absl::Status CheckRows(const TensorShape& var, const TensorShape& grad,
                       const TensorShape& indices) {
  if (var.rank() == 0) {
    return absl::InvalidArgumentError("var must be at least 1 dimensional, got a scalar");
  }
  if (indices.rank_known() && indices.rank() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("indices must be one-dimensional, got shape ", indices.ToString()));
  }
  if (grad.rank() == 0) {
    return absl::InvalidArgumentError("grad must be at least 1 dimensional, got a scalar");
  }
  if (indices.rank_known() && grad.rank_known() && grad.dim(0) >= 0 && indices.dim(0) >= 0 &&
      grad.dim(0) != indices.dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("grad must be the same size as indices in the first dimension, got shapes ",
                     grad.ToString(), " and ", indices.ToString()));
  }
  if (!var.rank_known() || !grad.rank_known()) return absl::OkStatus();
  TensorShape rows = var;
  rows.set_dim(0, -1);
  if (rows.CompatibleWith(grad)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("var and grad must match in all dimensions but the first, got shapes ",
                   var.ToString(), " and ", grad.ToString()));
}

absl::Status SparseShape(const UpdateRule& rule, ShapeContext& c) {
  const TensorShape var = c.variable_shape(0);
  for (int i = 1; i < rule.num_inputs(); ++i) {
    const TensorShape& shape = c.input(SparseInput(rule, i));
    if (i < rule.num_updated()) {
      const TensorShape slot = c.variable_shape(i);
      if (!var.CompatibleWith(slot)) return NotTheSameShape(rule, i, var, slot);
    } else if (rule.is_gradient(i)) {
      SLUICE_RETURN_IF_ERROR(CheckRows(var, shape, c.input(IndicesInput(rule))));
    } else {
      SLUICE_RETURN_IF_ERROR(CheckScalar(rule.input_name(i), shape));
    }
  }
  if (c.num_outputs() > 0) c.set_output(0, var);
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

template <typename T, typename Index>
absl::Status UpdateRows(const UpdateRule& rule, absl::Span<const Index> indices, int64_t rows,
                        int64_t length, UpdateArguments<T> row) {
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= rows) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Index ", indices[i], " at offset ", i, " in indices is out of range [0, ", rows, ")"));
    }
  }
  row.count = length;
  T* first[kMaxUpdated];
  std::copy_n(row.updated, kMaxUpdated, first);
  for (const Index index : indices) {
    for (int k = 0; k < rule.num_updated(); ++k) row.updated[k] = first[k] + index * length;
    ApplyRule(rule, row);
    row.gradient += length;
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status Update(const UpdateRule& rule, const KernelContext& c, bool option,
                    VariableUpdate& locked) {
  UpdateArguments<T> arguments;
  arguments.option = option;
  SLUICE_RETURN_IF_ERROR(CollectVariables(rule, locked, &arguments));
  int hypers = 0;
  for (int i = rule.num_updated(); i < rule.num_inputs(); ++i) {
    const Tensor& input = c.input(SparseInput(rule, i));
    if (!rule.is_gradient(i)) {
      SLUICE_RETURN_IF_ERROR(CollectScalar(rule.input_name(i), input, hypers++, &arguments));
    }
  }
  const Tensor &var = locked.value(0), &grad = c.input(rule.gradient_input()),
               &indices = c.input(IndicesInput(rule));
  SLUICE_RETURN_IF_ERROR(CheckRows(var.shape(), grad.shape(), indices.shape()));
  arguments.gradient = grad.data<T>();
  const int64_t rows = var.dim(0), length = rows > 0 ? var.num_elements() / rows : 0;
  return indices.dtype() == DType::kInt32
             ? UpdateRows(rule, indices.flat<int32_t>(), rows, length, arguments)
             : UpdateRows(rule, indices.flat<int64_t>(), rows, length, arguments);
}

template <typename T>
absl::StatusOr<KernelRun> PrepareRule(const UpdateRule& rule, PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto variables, RuleVariables::Resolve(rule, p, DTypeOf<T>::value));
  const bool option = rule.option != nullptr && p.attr<bool>(rule.option);
  const bool reference = p.num_outputs() > 0;
  if (reference) p.WillSetOutput(0);
  return KernelRun([=, rule = &rule](KernelContext& c) -> absl::Status {
    VariableUpdate locked;
    SLUICE_RETURN_IF_ERROR(variables.Lock(c, &locked));
    SLUICE_RETURN_IF_ERROR(Update<T>(*rule, c, option, locked));
    if (reference) ForwardReference(c);
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> Prepare(const UpdateRule& rule, PrepareContext& p) {
  absl::StatusOr<KernelRun> run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, Half, BFloat16>(p.attr<DType>("T"), [&](auto tag) {
        run = PrepareRule<typename decltype(tag)::type>(rule, p);
        return run.status();
      })));
  return run;
}

// --- specs ---------------------------------------------------------------------------------------

OpSpec SparseSpec(const UpdateRule& rule, bool reference) {
  OpSpec spec(absl::StrCat(reference ? "SparseApply" : "ResourceSparseApply", rule.name));
  for (int i = 0; i < rule.num_inputs(); ++i) {
    const char* name = rule.input_name(i);
    if (i < rule.num_updated()) {
      spec.Input(absl::StrCat(name, reference ? ": Ref(T)" : ": resource"));
    } else if (rule.is_gradient(i)) {
      spec.Input("grad: T").Input("indices: Tindices");  // never "delta"
    } else {
      spec.Input(absl::StrCat(name, ": ", ScalarType(name)));
    }
  }
  if (reference) spec.Output("out: Ref(T)");
  spec.Attr("T: numbertype").Attr("Tindices: {int32, int64}").Attr("use_locking: bool = false");
  if (rule.option != nullptr) {
    spec.Attr(absl::StrCat(rule.option, ": bool = ", rule.option_default ? "true" : "false"));
  }
  return spec.Shape([&rule](ShapeContext& c) { return SparseShape(rule, c); })
      .Prepare([&rule](PrepareContext& p) { return Prepare(rule, p); })
      .Flops(FlopsPerElement(rule.flops, rule.gradient_input()))
      .NoKernelFor("T", NotFloatingNumbers(), "optimizers train floating variables")
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .WritesResources();
}

OpSpec Resource(Rule rule) { return SparseSpec(GetRule(rule), false); }
OpSpec Reference(Rule rule) { return SparseSpec(GetRule(rule), true); }

}  // namespace

OpSpec ResourceSparseApplyMomentumOp() { return Resource(Rule::kMomentum); }
OpSpec ResourceSparseApplyKerasMomentumOp() { return Resource(Rule::kKerasMomentum); }
OpSpec ResourceSparseApplyAdagradOp() { return Resource(Rule::kAdagrad); }
OpSpec ResourceSparseApplyAdagradV2Op() { return Resource(Rule::kAdagradV2); }
OpSpec ResourceSparseApplyAdagradDAOp() { return Resource(Rule::kAdagradDARows); }
OpSpec ResourceSparseApplyAdadeltaOp() { return Resource(Rule::kAdadelta); }
OpSpec ResourceSparseApplyRMSPropOp() { return Resource(Rule::kRmsProp); }
OpSpec ResourceSparseApplyCenteredRMSPropOp() { return Resource(Rule::kCenteredRmsProp); }
OpSpec ResourceSparseApplyFtrlOp() { return Resource(Rule::kFtrl); }
OpSpec ResourceSparseApplyFtrlV2Op() { return Resource(Rule::kFtrlV2); }
OpSpec ResourceSparseApplyProximalGradientDescentOp() {
  return Resource(Rule::kProximalGradientDescent);
}
OpSpec ResourceSparseApplyProximalAdagradOp() { return Resource(Rule::kProximalAdagrad); }

OpSpec SparseApplyMomentumOp() { return Reference(Rule::kMomentum); }
OpSpec SparseApplyAdagradOp() { return Reference(Rule::kAdagrad); }
OpSpec SparseApplyAdagradV2Op() { return Reference(Rule::kAdagradV2); }
OpSpec SparseApplyAdagradDAOp() { return Reference(Rule::kAdagradDARows); }
OpSpec SparseApplyAdadeltaOp() { return Reference(Rule::kAdadelta); }
OpSpec SparseApplyRMSPropOp() { return Reference(Rule::kRmsProp); }
OpSpec SparseApplyCenteredRMSPropOp() { return Reference(Rule::kCenteredRmsProp); }
OpSpec SparseApplyFtrlOp() { return Reference(Rule::kFtrl); }
OpSpec SparseApplyFtrlV2Op() { return Reference(Rule::kFtrlV2); }
OpSpec SparseApplyProximalGradientDescentOp() { return Reference(Rule::kProximalGradientDescent); }
OpSpec SparseApplyProximalAdagradOp() { return Reference(Rule::kProximalAdagrad); }

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

Output ResourceSparseApplyKerasMomentum(At at, Output var, Output accum, Output lr, Output grad,
                                        Output indices, Output momentum,
                                        SparseApplyMomentumOptions options) {
  return at.Node("ResourceSparseApplyKerasMomentum", {var, accum, lr, grad, indices, momentum},
                 {{"use_locking", options.use_locking}, {"use_nesterov", options.use_nesterov}});
}

Output ResourceSparseApplyAdagrad(At at, Output var, Output accum, Output lr, Output grad,
                                  Output indices, SparseApplyAdagradOptions options) {
  return at.Node("ResourceSparseApplyAdagrad", {var, accum, lr, grad, indices},
                 {{"use_locking", options.use_locking}, {"update_slots", options.update_slots}});
}

Output ResourceSparseApplyAdagradV2(At at, Output var, Output accum, Output lr, Output epsilon,
                                    Output grad, Output indices,
                                    SparseApplyAdagradOptions options) {
  return at.Node("ResourceSparseApplyAdagradV2", {var, accum, lr, epsilon, grad, indices},
                 {{"use_locking", options.use_locking}, {"update_slots", options.update_slots}});
}

Output ResourceSparseApplyAdagradDA(At at, Output var, Output gradient_accumulator,
                                    Output gradient_squared_accumulator, Output grad,
                                    Output indices, Output lr, Output l1, Output l2,
                                    Output global_step, bool use_locking) {
  return at.Node("ResourceSparseApplyAdagradDA",
                 {var, gradient_accumulator, gradient_squared_accumulator, grad, indices, lr, l1,
                  l2, global_step},
                 {{"use_locking", use_locking}});
}

Output ResourceSparseApplyAdadelta(At at, Output var, Output accum, Output accum_update, Output lr,
                                   Output rho, Output epsilon, Output grad, Output indices,
                                   bool use_locking) {
  return at.Node("ResourceSparseApplyAdadelta",
                 {var, accum, accum_update, lr, rho, epsilon, grad, indices},
                 {{"use_locking", use_locking}});
}

Output ResourceSparseApplyRMSProp(At at, Output var, Output ms, Output mom, Output lr, Output rho,
                                  Output momentum, Output epsilon, Output grad, Output indices,
                                  bool use_locking) {
  return at.Node("ResourceSparseApplyRMSProp",
                 {var, ms, mom, lr, rho, momentum, epsilon, grad, indices},
                 {{"use_locking", use_locking}});
}

Output ResourceSparseApplyCenteredRMSProp(At at, Output var, Output mg, Output ms, Output mom,
                                          Output lr, Output rho, Output momentum, Output epsilon,
                                          Output grad, Output indices, bool use_locking) {
  return at.Node("ResourceSparseApplyCenteredRMSProp",
                 {var, mg, ms, mom, lr, rho, momentum, epsilon, grad, indices},
                 {{"use_locking", use_locking}});
}

Output ResourceSparseApplyFtrl(At at, Output var, Output accum, Output linear, Output grad,
                               Output indices, Output lr, Output l1, Output l2, Output lr_power,
                               bool use_locking) {
  return at.Node("ResourceSparseApplyFtrl",
                 {var, accum, linear, grad, indices, lr, l1, l2, lr_power},
                 {{"use_locking", use_locking}});
}

Output ResourceSparseApplyFtrlV2(At at, Output var, Output accum, Output linear, Output grad,
                                 Output indices, Output lr, Output l1, Output l2,
                                 Output l2_shrinkage, Output lr_power, bool use_locking) {
  return at.Node("ResourceSparseApplyFtrlV2",
                 {var, accum, linear, grad, indices, lr, l1, l2, l2_shrinkage, lr_power},
                 {{"use_locking", use_locking}});
}

Output ResourceSparseApplyProximalGradientDescent(At at, Output var, Output alpha, Output l1,
                                                  Output l2, Output grad, Output indices,
                                                  bool use_locking) {
  return at.Node("ResourceSparseApplyProximalGradientDescent", {var, alpha, l1, l2, grad, indices},
                 {{"use_locking", use_locking}});
}

Output ResourceSparseApplyProximalAdagrad(At at, Output var, Output accum, Output lr, Output l1,
                                          Output l2, Output grad, Output indices,
                                          bool use_locking) {
  return at.Node("ResourceSparseApplyProximalAdagrad", {var, accum, lr, l1, l2, grad, indices},
                 {{"use_locking", use_locking}});
}

}  // namespace sluice::ops
