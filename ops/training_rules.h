// The table of optimizers' update rules that the dense (ops/training.h) and the sparse ops
// (ops/sparse_training.h) are made from.
#ifndef SLUICE_OPS_TRAINING_RULES_H_
#define SLUICE_OPS_TRAINING_RULES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/dtype.h"
#include "core/kernel.h"
#include "core/variable_resource.h"
#include "graph/op_spec.h"
#include "graph/shape_context.h"
#include "ops/kernels/optimizer_updates.h"
#include "ops/variable_util.h"

namespace sluice::ops {

struct UpdateRule {
  const char* name;
  double flops;                      // per element, without the option
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
  // The position of the gradient among the inputs.
  int gradient_input() const;
};

enum class Rule {
  kGradientDescent,
  kMomentum,
  kKerasMomentum,
  kAdam,
  kAdamWithAmsgrad,
  kAdaMax,
  kAdagrad,
  kAdagradV2,
  kAdagradDA,
  kAdadelta,
  kRmsProp,
  kCenteredRmsProp,
  kFtrl,
  kFtrlV2,
  kProximalGradientDescent,
  kProximalAdagrad,
  kAddSign,
  kPowerSign,
  kAdagradDARows,  // what the sparse form of AdagradDA does
};
// It lives forever.
const UpdateRule& GetRule(Rule rule);

// The type of scalar `name` in a schema: "T", but int64 for steps.
const char* ScalarType(const char* name);

// --- checks, with TensorFlow's words (rule OPT-13) ---

absl::Status NotTheSameShape(const UpdateRule& rule, int i, const TensorShape& variable,
                             const TensorShape& other);
absl::Status CheckScalar(const char* name, const TensorShape& shape);

// --- what both kinds of kernel do ---

// The variables of a rule: handles at the first inputs.
class RuleVariables {
 public:
  static absl::StatusOr<RuleVariables> Resolve(const UpdateRule& rule, const PrepareContext& p,
                                               DType dtype);
  absl::Status Lock(const KernelContext& c, VariableUpdate* locked) const;

 private:
  std::vector<VariableInput> inputs_;
};

// Fills arguments->updated from locked variables, which must have one shape.
template <typename T>
absl::Status CollectVariables(const UpdateRule& rule, VariableUpdate& locked,
                              UpdateArguments<T>* arguments);
// arguments->hyper[position] = input i, a scalar of the type that ScalarType() says.
template <typename T>
absl::Status CollectScalar(const char* name, const Tensor& input, int position,
                           UpdateArguments<T>* arguments);
// The rule's loop. T: float, double, Half, BFloat16 (computed in float).
template <typename T>
void ApplyRule(const UpdateRule& rule, const UpdateArguments<T>& arguments);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_TRAINING_RULES_H_
