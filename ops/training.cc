// Every rule is a row: its name, its slots, its other inputs in the order of TensorFlow's schema,
// its loop. Both forms of its op are made from the row.
#include "ops/training.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/kernels/optimizer_updates.h"
#include "ops/variable_util.h"

namespace sluice::ops {
namespace {

struct Rule {
  const char* name;
  std::vector<const char*> updated;  // the variable and its slots
  std::vector<const char*> inputs;   // then these: scalars and `gradient`
  const char* gradient;
  const char* option;  // a bool attr beside use_locking, or null
  bool option_default;
  void (*update_float)(const UpdateArguments<float>&);
  void (*update_double)(const UpdateArguments<double>&);

  int num_updated() const { return static_cast<int>(updated.size()); }
  int num_inputs() const { return num_updated() + static_cast<int>(inputs.size()); }
  const char* input_name(int i) const {
    return i < num_updated() ? updated[i] : inputs[i - num_updated()];
  }
  bool is_gradient(int i) const { return input_name(i) == gradient; }
};

// --- shapes --------------------------------------------------------------------------------------

absl::Status NotTheSameShape(const Rule& rule, int i, const TensorShape& variable,
                             const TensorShape& other) {
  return absl::InvalidArgumentError(
      absl::StrCat(rule.updated[0], " and ", rule.input_name(i),
                   " do not have the same shape: ", variable.ToString(), " ", other.ToString()));
}

absl::Status NotAScalar(const Rule& rule, int i, const TensorShape& shape) {
  return absl::InvalidArgumentError(
      absl::StrCat(rule.input_name(i), " is not a scalar: ", shape.ToString()));
}

absl::Status RuleShape(const Rule& rule, ShapeContext& c) {
  const TensorShape variable = c.variable_shape(0);
  for (int i = 1; i < rule.num_inputs(); ++i) {
    const bool updated = i < rule.num_updated();
    const TensorShape shape = updated ? c.variable_shape(i) : c.input(i);
    if (updated || rule.is_gradient(i)) {
      if (!variable.CompatibleWith(shape)) return NotTheSameShape(rule, i, variable, shape);
    } else if (shape.rank() > 0) {
      return NotAScalar(rule, i, shape);
    }
  }
  if (c.num_outputs() > 0) c.set_output(0, variable);
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

// Fills `arguments` from locked variables and the other inputs.
template <typename T>
absl::Status Collect(const Rule& rule, const KernelContext& c, VariableUpdate& locked,
                     UpdateArguments<T>* arguments) {
  const TensorShape& shape = locked.value(0).shape();
  arguments->count = locked.value(0).num_elements();
  for (int i = 0; i < rule.num_updated(); ++i) {
    Tensor& value = locked.value(i);
    if (value.shape() != shape) return NotTheSameShape(rule, i, shape, value.shape());
    arguments->updated[i] = value.mutable_data<T>();
  }
  int hypers = 0;
  for (int i = rule.num_updated(); i < rule.num_inputs(); ++i) {
    const Tensor& input = c.input(i);
    if (rule.is_gradient(i)) {
      if (input.shape() != shape) return NotTheSameShape(rule, i, shape, input.shape());
      arguments->gradient = input.data<T>();
    } else {
      if (input.shape().rank() != 0) return NotAScalar(rule, i, input.shape());
      arguments->hyper[hypers++] = input.scalar<T>();
    }
  }
  return absl::OkStatus();
}

template <typename T>
absl::StatusOr<KernelRun> PrepareRule(const Rule& rule, PrepareContext& p,
                                      void (*update)(const UpdateArguments<T>&)) {
  std::vector<VariableInput> inputs;
  for (int i = 0; i < rule.num_updated(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(VariableInput input, VariableInput::Resolve(p, i, DTypeOf<T>::value));
    inputs.push_back(std::move(input));
  }
  const bool option = rule.option != nullptr && p.attr<bool>(rule.option);
  const bool reference = p.num_outputs() > 0;
  if (reference) p.WillSetOutput(0);
  return KernelRun([=, rule = &rule](KernelContext& c) -> absl::Status {
    VariableResource* variables[kMaxUpdated];
    for (int i = 0; i < rule->num_updated(); ++i) {
      SLUICE_ASSIGN_OR_RETURN(variables[i], inputs[i].Get(c));
    }
    VariableUpdate locked;
    SLUICE_RETURN_IF_ERROR(locked.Lock({variables, inputs.size()}, c.budget()));
    UpdateArguments<T> arguments;
    arguments.option = option;
    SLUICE_RETURN_IF_ERROR(Collect(*rule, c, locked, &arguments));
    update(arguments);
    if (reference) ForwardReference(c);
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> Prepare(const Rule& rule, PrepareContext& p) {
  const DType dtype = p.attr<DType>("T");
  if (dtype == DType::kFloat) return PrepareRule(rule, p, rule.update_float);
  if (dtype == DType::kDouble) return PrepareRule(rule, p, rule.update_double);
  return absl::UnimplementedError(
      absl::StrCat("no kernel for dtype ", DTypeName(dtype), ": only float32 and float64"));
}

// --- specs ---------------------------------------------------------------------------------------

// `rule` must live forever.
OpSpec RuleSpec(const Rule& rule, bool reference) {
  OpSpec spec(absl::StrCat(reference ? "Apply" : "ResourceApply", rule.name));
  for (int i = 0; i < rule.num_inputs(); ++i) {
    const char* type = i >= rule.num_updated() ? ": T" : reference ? ": Ref(T)" : ": resource";
    spec.Input(absl::StrCat(rule.input_name(i), type));
  }
  if (reference) spec.Output("out: Ref(T)");
  spec.Attr("T: numbertype").Attr("use_locking: bool = false");
  if (rule.option != nullptr) {
    spec.Attr(absl::StrCat(rule.option, ": bool = ", rule.option_default ? "true" : "false"));
  }
  return spec.Shape([&rule](ShapeContext& c) { return RuleShape(rule, c); })
      .Prepare([&rule](PrepareContext& p) { return Prepare(rule, p); })
      .NotDifferentiable("it changes a variable")
      .Stateful()
      .WritesResources();
}

// --- the rules -----------------------------------------------------------------------------------

#define SLUICE_UPDATES(Update) Update<float>, Update<double>

const Rule* Rules() {
  static const auto* const rules = new std::vector<Rule>{
      {"GradientDescent",
       {"var"},
       {"alpha", "delta"},
       "delta",
       nullptr,
       false,
       SLUICE_UPDATES(GradientDescentUpdate)},
      {"Momentum",
       {"var", "accum"},
       {"lr", "grad", "momentum"},
       "grad",
       "use_nesterov",
       false,
       SLUICE_UPDATES(MomentumUpdate)},
      {"KerasMomentum",
       {"var", "accum"},
       {"lr", "grad", "momentum"},
       "grad",
       "use_nesterov",
       false,
       SLUICE_UPDATES(KerasMomentumUpdate)},
      {"Adam",
       {"var", "m", "v"},
       {"beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon", "grad"},
       "grad",
       "use_nesterov",
       false,
       SLUICE_UPDATES(AdamUpdate)},
      {"AdaMax",
       {"var", "m", "v"},
       {"beta1_power", "lr", "beta1", "beta2", "epsilon", "grad"},
       "grad",
       nullptr,
       false,
       SLUICE_UPDATES(AdaMaxUpdate)},
      {"Adagrad",
       {"var", "accum"},
       {"lr", "grad"},
       "grad",
       "update_slots",
       true,
       SLUICE_UPDATES(AdagradUpdate)},
      {"Adadelta",
       {"var", "accum", "accum_update"},
       {"lr", "rho", "epsilon", "grad"},
       "grad",
       nullptr,
       false,
       SLUICE_UPDATES(AdadeltaUpdate)},
      {"RMSProp",
       {"var", "ms", "mom"},
       {"lr", "rho", "momentum", "epsilon", "grad"},
       "grad",
       nullptr,
       false,
       SLUICE_UPDATES(RmsPropUpdate)},
      {"CenteredRMSProp",
       {"var", "mg", "ms", "mom"},
       {"lr", "rho", "momentum", "epsilon", "grad"},
       "grad",
       nullptr,
       false,
       SLUICE_UPDATES(CenteredRmsPropUpdate)},
      {"Ftrl",
       {"var", "accum", "linear"},
       {"grad", "lr", "l1", "l2", "lr_power"},
       "grad",
       nullptr,
       false,
       SLUICE_UPDATES(FtrlUpdate)},
      {"FtrlV2",
       {"var", "accum", "linear"},
       {"grad", "lr", "l1", "l2", "l2_shrinkage", "lr_power"},
       "grad",
       nullptr,
       false,
       SLUICE_UPDATES(FtrlV2Update)},
  };
  return rules->data();
}

#undef SLUICE_UPDATES

// Positions in Rules().
enum RuleIndex {
  kGradientDescent,
  kMomentum,
  kKerasMomentum,
  kAdam,
  kAdaMax,
  kAdagrad,
  kAdadelta,
  kRmsProp,
  kCenteredRmsProp,
  kFtrl,
  kFtrlV2,
};

OpSpec Resource(RuleIndex i) { return RuleSpec(Rules()[i], false); }
OpSpec Reference(RuleIndex i) { return RuleSpec(Rules()[i], true); }

}  // namespace

OpSpec ResourceApplyGradientDescentOp() { return Resource(kGradientDescent); }
OpSpec ResourceApplyMomentumOp() { return Resource(kMomentum); }
OpSpec ResourceApplyKerasMomentumOp() { return Resource(kKerasMomentum); }
OpSpec ResourceApplyAdamOp() { return Resource(kAdam); }
OpSpec ResourceApplyAdaMaxOp() { return Resource(kAdaMax); }
OpSpec ResourceApplyAdagradOp() { return Resource(kAdagrad); }
OpSpec ResourceApplyAdadeltaOp() { return Resource(kAdadelta); }
OpSpec ResourceApplyRMSPropOp() { return Resource(kRmsProp); }
OpSpec ResourceApplyCenteredRMSPropOp() { return Resource(kCenteredRmsProp); }
OpSpec ResourceApplyFtrlOp() { return Resource(kFtrl); }
OpSpec ResourceApplyFtrlV2Op() { return Resource(kFtrlV2); }

OpSpec ApplyGradientDescentOp() { return Reference(kGradientDescent); }
OpSpec ApplyMomentumOp() { return Reference(kMomentum); }
OpSpec ApplyAdamOp() { return Reference(kAdam); }
OpSpec ApplyAdaMaxOp() { return Reference(kAdaMax); }
OpSpec ApplyAdagradOp() { return Reference(kAdagrad); }
OpSpec ApplyAdadeltaOp() { return Reference(kAdadelta); }
OpSpec ApplyRMSPropOp() { return Reference(kRmsProp); }
OpSpec ApplyCenteredRMSPropOp() { return Reference(kCenteredRmsProp); }
OpSpec ApplyFtrlOp() { return Reference(kFtrl); }
OpSpec ApplyFtrlV2Op() { return Reference(kFtrlV2); }

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

}  // namespace sluice::ops
