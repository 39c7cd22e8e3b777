// Every rule is a row of the table (ops/training_rules.h). Both forms of its op are made from it.
#include "ops/training.h"

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

// --- shapes --------------------------------------------------------------------------------------

absl::Status RuleShape(const UpdateRule& rule, ShapeContext& c) {
  const TensorShape variable = c.variable_shape(0);
  for (int i = 1; i < rule.num_inputs(); ++i) {
    const bool updated = i < rule.num_updated();
    const TensorShape shape = updated ? c.variable_shape(i) : c.input(i);
    if (updated || rule.is_gradient(i)) {
      if (!variable.CompatibleWith(shape)) return NotTheSameShape(rule, i, variable, shape);
    } else {
      SLUICE_RETURN_IF_ERROR(CheckScalar(rule.input_name(i), shape));
    }
  }
  if (c.num_outputs() > 0) c.set_output(0, variable);
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

// Fills `arguments` from locked variables and the other inputs.
template <typename T>
absl::Status Collect(const UpdateRule& rule, const KernelContext& c, VariableUpdate& locked,
                     UpdateArguments<T>* arguments) {
  const TensorShape& shape = locked.value(0).shape();
  arguments->count = locked.value(0).num_elements();
  SLUICE_RETURN_IF_ERROR(CollectVariables(rule, locked, arguments));
  int hypers = 0;
  for (int i = rule.num_updated(); i < rule.num_inputs(); ++i) {
    const Tensor& input = c.input(i);
    if (rule.is_gradient(i)) {
      if (input.shape() != shape) return NotTheSameShape(rule, i, shape, input.shape());
      arguments->gradient = input.data<T>();
    } else {
      SLUICE_RETURN_IF_ERROR(CollectScalar(rule.input_name(i), input, hypers++, arguments));
    }
  }
  return absl::OkStatus();
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
    UpdateArguments<T> arguments;
    arguments.option = option;
    SLUICE_RETURN_IF_ERROR(Collect(*rule, c, locked, &arguments));
    ApplyRule(*rule, arguments);
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

OpSpec RuleSpec(const UpdateRule& rule, bool reference) {
  OpSpec spec(absl::StrCat(reference ? "Apply" : "ResourceApply", rule.name));
  for (int i = 0; i < rule.num_inputs(); ++i) {
    const char* name = rule.input_name(i);
    const char* type = i >= rule.num_updated() ? ScalarType(name)
                       : reference             ? "Ref(T)"
                                               : "resource";
    spec.Input(absl::StrCat(name, ": ", type));
  }
  if (reference) spec.Output("out: Ref(T)");
  spec.Attr("T: numbertype").Attr("use_locking: bool = false");
  if (rule.option != nullptr) {
    spec.Attr(absl::StrCat(rule.option, ": bool = ", rule.option_default ? "true" : "false"));
  }
  return spec.Shape([&rule](ShapeContext& c) { return RuleShape(rule, c); })
      .Prepare([&rule](PrepareContext& p) { return Prepare(rule, p); })
      .Flops(FlopsPerElement(rule.flops, rule.gradient_input()))
      .NoKernelFor("T", NotFloatingNumbers(), "optimizers train floating variables")
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .WritesResources();
}

OpSpec Resource(Rule rule) { return RuleSpec(GetRule(rule), false); }
OpSpec Reference(Rule rule) { return RuleSpec(GetRule(rule), true); }

}  // namespace

OpSpec ResourceApplyGradientDescentOp() { return Resource(Rule::kGradientDescent); }
OpSpec ResourceApplyMomentumOp() { return Resource(Rule::kMomentum); }
OpSpec ResourceApplyKerasMomentumOp() { return Resource(Rule::kKerasMomentum); }
OpSpec ResourceApplyAdamOp() { return Resource(Rule::kAdam); }
OpSpec ResourceApplyAdamWithAmsgradOp() { return Resource(Rule::kAdamWithAmsgrad); }
OpSpec ResourceApplyAdaMaxOp() { return Resource(Rule::kAdaMax); }
OpSpec ResourceApplyAdagradOp() { return Resource(Rule::kAdagrad); }
OpSpec ResourceApplyAdagradV2Op() { return Resource(Rule::kAdagradV2); }
OpSpec ResourceApplyAdagradDAOp() { return Resource(Rule::kAdagradDA); }
OpSpec ResourceApplyAdadeltaOp() { return Resource(Rule::kAdadelta); }
OpSpec ResourceApplyRMSPropOp() { return Resource(Rule::kRmsProp); }
OpSpec ResourceApplyCenteredRMSPropOp() { return Resource(Rule::kCenteredRmsProp); }
OpSpec ResourceApplyFtrlOp() { return Resource(Rule::kFtrl); }
OpSpec ResourceApplyFtrlV2Op() { return Resource(Rule::kFtrlV2); }
OpSpec ResourceApplyProximalGradientDescentOp() { return Resource(Rule::kProximalGradientDescent); }
OpSpec ResourceApplyProximalAdagradOp() { return Resource(Rule::kProximalAdagrad); }
OpSpec ResourceApplyAddSignOp() { return Resource(Rule::kAddSign); }
OpSpec ResourceApplyPowerSignOp() { return Resource(Rule::kPowerSign); }

OpSpec ApplyGradientDescentOp() { return Reference(Rule::kGradientDescent); }
OpSpec ApplyMomentumOp() { return Reference(Rule::kMomentum); }
OpSpec ApplyAdamOp() { return Reference(Rule::kAdam); }
OpSpec ApplyAdaMaxOp() { return Reference(Rule::kAdaMax); }
OpSpec ApplyAdagradOp() { return Reference(Rule::kAdagrad); }
OpSpec ApplyAdagradV2Op() { return Reference(Rule::kAdagradV2); }
OpSpec ApplyAdagradDAOp() { return Reference(Rule::kAdagradDA); }
OpSpec ApplyAdadeltaOp() { return Reference(Rule::kAdadelta); }
OpSpec ApplyRMSPropOp() { return Reference(Rule::kRmsProp); }
OpSpec ApplyCenteredRMSPropOp() { return Reference(Rule::kCenteredRmsProp); }
OpSpec ApplyFtrlOp() { return Reference(Rule::kFtrl); }
OpSpec ApplyFtrlV2Op() { return Reference(Rule::kFtrlV2); }
OpSpec ApplyProximalGradientDescentOp() { return Reference(Rule::kProximalGradientDescent); }
OpSpec ApplyProximalAdagradOp() { return Reference(Rule::kProximalAdagrad); }
OpSpec ApplyAddSignOp() { return Reference(Rule::kAddSign); }
OpSpec ApplyPowerSignOp() { return Reference(Rule::kPowerSign); }

Output ResourceApplyGradientDescent(At at, Output var, Output alpha, Output delta,
                                    bool use_locking) {
  return at.Node("ResourceApplyGradientDescent", {var, alpha, delta},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyMomentum(At at, Output var, Output accum, Output lr, Output grad,
                             Output momentum, ResourceApplyMomentumOptions options) {
  return at.Node("ResourceApplyMomentum", {var, accum, lr, grad, momentum},
                 {{"use_locking", options.use_locking}, {"use_nesterov", options.use_nesterov}});
}

Output ResourceApplyKerasMomentum(At at, Output var, Output accum, Output lr, Output grad,
                                  Output momentum, ResourceApplyMomentumOptions options) {
  return at.Node("ResourceApplyKerasMomentum", {var, accum, lr, grad, momentum},
                 {{"use_locking", options.use_locking}, {"use_nesterov", options.use_nesterov}});
}

Output ResourceApplyAdam(At at, Output var, Output m, Output v, Output beta1_power,
                         Output beta2_power, Output lr, Output beta1, Output beta2, Output epsilon,
                         Output grad, ResourceApplyAdamOptions options) {
  return at.Node("ResourceApplyAdam",
                 {var, m, v, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad},
                 {{"use_locking", options.use_locking}, {"use_nesterov", options.use_nesterov}});
}

Output ResourceApplyAdagrad(At at, Output var, Output accum, Output lr, Output grad,
                            ResourceApplyAdagradOptions options) {
  return at.Node("ResourceApplyAdagrad", {var, accum, lr, grad},
                 {{"use_locking", options.use_locking}, {"update_slots", options.update_slots}});
}

Output ResourceApplyRMSProp(At at, Output var, Output ms, Output mom, Output lr, Output rho,
                            Output momentum, Output epsilon, Output grad, bool use_locking) {
  return at.Node("ResourceApplyRMSProp", {var, ms, mom, lr, rho, momentum, epsilon, grad},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyAdamWithAmsgrad(At at, Output var, Output m, Output v, Output vhat,
                                    Output beta1_power, Output beta2_power, Output lr, Output beta1,
                                    Output beta2, Output epsilon, Output grad, bool use_locking) {
  return at.Node("ResourceApplyAdamWithAmsgrad",
                 {var, m, v, vhat, beta1_power, beta2_power, lr, beta1, beta2, epsilon, grad},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyAdaMax(At at, Output var, Output m, Output v, Output beta1_power, Output lr,
                           Output beta1, Output beta2, Output epsilon, Output grad,
                           bool use_locking) {
  return at.Node("ResourceApplyAdaMax", {var, m, v, beta1_power, lr, beta1, beta2, epsilon, grad},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyAdagradV2(At at, Output var, Output accum, Output lr, Output epsilon,
                              Output grad, ResourceApplyAdagradOptions options) {
  return at.Node("ResourceApplyAdagradV2", {var, accum, lr, epsilon, grad},
                 {{"use_locking", options.use_locking}, {"update_slots", options.update_slots}});
}

Output ResourceApplyAdagradDA(At at, Output var, Output gradient_accumulator,
                              Output gradient_squared_accumulator, Output grad, Output lr,
                              Output l1, Output l2, Output global_step, bool use_locking) {
  return at.Node(
      "ResourceApplyAdagradDA",
      {var, gradient_accumulator, gradient_squared_accumulator, grad, lr, l1, l2, global_step},
      {{"use_locking", use_locking}});
}

Output ResourceApplyAdadelta(At at, Output var, Output accum, Output accum_update, Output lr,
                             Output rho, Output epsilon, Output grad, bool use_locking) {
  return at.Node("ResourceApplyAdadelta", {var, accum, accum_update, lr, rho, epsilon, grad},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyCenteredRMSProp(At at, Output var, Output mg, Output ms, Output mom, Output lr,
                                    Output rho, Output momentum, Output epsilon, Output grad,
                                    bool use_locking) {
  return at.Node("ResourceApplyCenteredRMSProp",
                 {var, mg, ms, mom, lr, rho, momentum, epsilon, grad},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyFtrl(At at, Output var, Output accum, Output linear, Output grad, Output lr,
                         Output l1, Output l2, Output lr_power, bool use_locking) {
  return at.Node("ResourceApplyFtrl", {var, accum, linear, grad, lr, l1, l2, lr_power},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyFtrlV2(At at, Output var, Output accum, Output linear, Output grad, Output lr,
                           Output l1, Output l2, Output l2_shrinkage, Output lr_power,
                           bool use_locking) {
  return at.Node("ResourceApplyFtrlV2",
                 {var, accum, linear, grad, lr, l1, l2, l2_shrinkage, lr_power},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyProximalGradientDescent(At at, Output var, Output alpha, Output l1, Output l2,
                                            Output delta, bool use_locking) {
  return at.Node("ResourceApplyProximalGradientDescent", {var, alpha, l1, l2, delta},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyProximalAdagrad(At at, Output var, Output accum, Output lr, Output l1,
                                    Output l2, Output grad, bool use_locking) {
  return at.Node("ResourceApplyProximalAdagrad", {var, accum, lr, l1, l2, grad},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyAddSign(At at, Output var, Output m, Output lr, Output alpha, Output sign_decay,
                            Output beta, Output grad, bool use_locking) {
  return at.Node("ResourceApplyAddSign", {var, m, lr, alpha, sign_decay, beta, grad},
                 {{"use_locking", use_locking}});
}

Output ResourceApplyPowerSign(At at, Output var, Output m, Output lr, Output logbase,
                              Output sign_decay, Output beta, Output grad, bool use_locking) {
  return at.Node("ResourceApplyPowerSign", {var, m, lr, logbase, sign_decay, beta, grad},
                 {{"use_locking", use_locking}});
}

}  // namespace sluice::ops
