#include "ops/training_rules.h"

#include <cstring>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"

namespace sluice::ops {

int UpdateRule::gradient_input() const {
  int i = num_updated();
  while (!is_gradient(i)) ++i;
  return i;
}

#define SLUICE_UPDATES(Update) Update<float>, Update<double>

// In the order of the enum.
const UpdateRule& GetRule(Rule rule) {
  // clang-format off
  static const auto* const rules = new std::vector<UpdateRule>{
      {"GradientDescent", 2, {"var"}, {"alpha", "delta"},
       "delta", nullptr, false, SLUICE_UPDATES(GradientDescentUpdate)},
      {"Momentum", 4, {"var", "accum"}, {"lr", "grad", "momentum"},
       "grad", "use_nesterov", false, SLUICE_UPDATES(MomentumUpdate)},
      {"KerasMomentum", 4, {"var", "accum"}, {"lr", "grad", "momentum"},
       "grad", "use_nesterov", false, SLUICE_UPDATES(KerasMomentumUpdate)},
      {"Adam", 12, {"var", "m", "v"},
       {"beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon", "grad"},
       "grad", "use_nesterov", false, SLUICE_UPDATES(AdamUpdate)},
      {"AdamWithAmsgrad", 13, {"var", "m", "v", "vhat"},
       {"beta1_power", "beta2_power", "lr", "beta1", "beta2", "epsilon", "grad"},
       "grad", nullptr, false, SLUICE_UPDATES(AmsgradUpdate)},
      {"AdaMax", 10, {"var", "m", "v"}, {"beta1_power", "lr", "beta1", "beta2", "epsilon", "grad"},
       "grad", nullptr, false, SLUICE_UPDATES(AdaMaxUpdate)},
      {"Adagrad", 6, {"var", "accum"}, {"lr", "grad"},
       "grad", "update_slots", true, SLUICE_UPDATES(AdagradUpdate)},
      {"AdagradV2", 7, {"var", "accum"}, {"lr", "epsilon", "grad"},
       "grad", "update_slots", true, SLUICE_UPDATES(AdagradV2Update)},
      {"AdagradDA", 7, {"var", "gradient_accumulator", "gradient_squared_accumulator"},
       {"grad", "lr", "l1", "l2", "global_step"},
       "grad", nullptr, false, SLUICE_UPDATES(AdagradDaUpdate)},
      {"Adadelta", 16, {"var", "accum", "accum_update"}, {"lr", "rho", "epsilon", "grad"},
       "grad", nullptr, false, SLUICE_UPDATES(AdadeltaUpdate)},
      {"RMSProp", 11, {"var", "ms", "mom"}, {"lr", "rho", "momentum", "epsilon", "grad"},
       "grad", nullptr, false, SLUICE_UPDATES(RmsPropUpdate)},
      {"CenteredRMSProp", 16, {"var", "mg", "ms", "mom"}, {"lr", "rho", "momentum", "epsilon", "grad"},
       "grad", nullptr, false, SLUICE_UPDATES(CenteredRmsPropUpdate)},
      {"Ftrl", 14, {"var", "accum", "linear"}, {"grad", "lr", "l1", "l2", "lr_power"},
       "grad", nullptr, false, SLUICE_UPDATES(FtrlUpdate)},
      {"FtrlV2", 16, {"var", "accum", "linear"},
       {"grad", "lr", "l1", "l2", "l2_shrinkage", "lr_power"},
       "grad", nullptr, false, SLUICE_UPDATES(FtrlV2Update)},
      {"ProximalGradientDescent", 3, {"var"}, {"alpha", "l1", "l2", "delta"},
       "delta", nullptr, false, SLUICE_UPDATES(ProximalGradientDescentUpdate)},
      {"ProximalAdagrad", 9, {"var", "accum"}, {"lr", "l1", "l2", "grad"},
       "grad", nullptr, false, SLUICE_UPDATES(ProximalAdagradUpdate)},
      {"AddSign", 9, {"var", "m"}, {"lr", "alpha", "sign_decay", "beta", "grad"},
       "grad", nullptr, false, SLUICE_UPDATES(AddSignUpdate)},
      {"PowerSign", 7, {"var", "m"}, {"lr", "logbase", "sign_decay", "beta", "grad"},
       "grad", nullptr, false, SLUICE_UPDATES(PowerSignUpdate)},
      {"AdagradDA", 7, {"var", "gradient_accumulator", "gradient_squared_accumulator"},
       {"grad", "lr", "l1", "l2", "global_step"},
       "grad", nullptr, false, SLUICE_UPDATES(AdagradDaRowsUpdate)},
  };
  // clang-format on
  return (*rules)[static_cast<size_t>(rule)];
}

#undef SLUICE_UPDATES

const char* ScalarType(const char* name) {
  return std::strcmp(name, "global_step") == 0 ? "int64" : "T";
}

absl::Status NotTheSameShape(const UpdateRule& rule, int i, const TensorShape& variable,
                             const TensorShape& other) {
  return absl::InvalidArgumentError(
      absl::StrCat(rule.updated[0], " and ", rule.input_name(i),
                   " do not have the same shape: ", variable.ToString(), " ", other.ToString()));
}

absl::Status CheckScalar(const char* name, const TensorShape& shape) {
  if (shape.rank() <= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is not a scalar: ", shape.ToString()));
}

absl::StatusOr<RuleVariables> RuleVariables::Resolve(const UpdateRule& rule,
                                                     const PrepareContext& p, DType dtype) {
  RuleVariables variables;
  for (int i = 0; i < rule.num_updated(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(VariableInput input, VariableInput::Resolve(p, i, dtype));
    variables.inputs_.push_back(std::move(input));
  }
  return variables;
}

absl::Status RuleVariables::Lock(const KernelContext& c, VariableUpdate* locked) const {
  VariableResource* variables[kMaxUpdated];
  for (size_t i = 0; i < inputs_.size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(variables[i], inputs_[i].Get(c));
  }
  return locked->Lock({variables, inputs_.size()}, c.budget());
}

template <typename T>
absl::Status CollectVariables(const UpdateRule& rule, VariableUpdate& locked,
                              UpdateArguments<T>* arguments) {
  const TensorShape& shape = locked.value(0).shape();
  for (int i = 0; i < rule.num_updated(); ++i) {
    Tensor& value = locked.value(i);
    if (value.shape() != shape) return NotTheSameShape(rule, i, shape, value.shape());
    arguments->updated[i] = value.mutable_data<T>();
  }
  return absl::OkStatus();
}

template <typename T>
absl::Status CollectScalar(const char* name, const Tensor& input, int position,
                           UpdateArguments<T>* arguments) {
  SLUICE_RETURN_IF_ERROR(CheckScalar(name, input.shape()));
  const bool step = input.dtype() == DType::kInt64;
  arguments->hyper[position] =
      step ? T(static_cast<float>(input.scalar<int64_t>())) : input.scalar<T>();
  return absl::OkStatus();
}

template <typename T>
void ApplyRule(const UpdateRule& rule, const UpdateArguments<T>& arguments) {
  if constexpr (std::is_same_v<T, float>) {
    rule.update_float(arguments);
  } else if constexpr (std::is_same_v<T, double>) {
    rule.update_double(arguments);
  } else {
    UpdateNarrow(arguments, rule.num_updated(), rule.update_float);
  }
}

#define SLUICE_FOR_TYPE(T)                                                                         \
  template absl::Status CollectVariables(const UpdateRule&, VariableUpdate&, UpdateArguments<T>*); \
  template absl::Status CollectScalar(const char*, const Tensor&, int, UpdateArguments<T>*);       \
  template void ApplyRule(const UpdateRule&, const UpdateArguments<T>&);
SLUICE_FOR_TYPE(float)
SLUICE_FOR_TYPE(double)
SLUICE_FOR_TYPE(Half)
SLUICE_FOR_TYPE(BFloat16)
#undef SLUICE_FOR_TYPE

}  // namespace sluice::ops
