// What the ops on variables share: finding the variable behind a handle, checks of shapes.
#ifndef SLUICE_OPS_VARIABLE_UTIL_H_
#define SLUICE_OPS_VARIABLE_UTIL_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "core/variable_resource.h"
#include "graph/op_spec.h"
#include "graph/shape_context.h"
#include "ops/kernels/combine.h"

namespace sluice::ops {

// The variable that input i of a kernel names. A reference (the output of VariableV2, Assign, ...)
// reaches a kernel as a handle, like a resource: one kernel serves both forms of an op.
class VariableInput {
 public:
  // Looks the variable up now when the plan knows the handle; else every run will.
  // InvalidArgument when the handle names something else, or a variable of another dtype than
  // `dtype` (kInvalid: any).
  static absl::StatusOr<VariableInput> Resolve(const PrepareContext& p, int i, DType dtype);
  // REQUIRES: the kernel's own context.
  absl::StatusOr<VariableResource*> Get(const KernelContext& c) const;

 private:
  int input_ = 0;
  DType dtype_ = DType::kInvalid;
  std::shared_ptr<VariableResource> known_;
};

// Kernel of VarHandleOp, VariableV2 and Variable: hands over the handle of the session's variable
// called `shared_name` (the node's name when empty) in `container`, made with attr dtype and the
// shape `shape` when there is none yet. InvalidArgument when one of another dtype or shape exists.
absl::StatusOr<KernelRun> PrepareVariableHandle(PrepareContext& p, const TensorShape& shape);

// Output 0 of a kernel is the reference that input 0 is.
void ForwardReference(KernelContext& c);

// "Assign requires shapes of both tensors to match. lhs shape= [2] rhs shape= [3]" unless input
// `value` fits the variable that input `variable` names (rule VAR-8).
absl::Status CheckAssignable(const ShapeContext& c, int variable, int value);

// AssignAdd and AssignSub in both forms: input 1 must have the shape of the variable that input 0
// names; a reference output has that shape too.
absl::Status CombineShape(ShapeContext& c);
// The kernels' work: variable = variable `how` input 1.
absl::Status CombineVariable(Combine how, VariableResource& variable, const KernelContext& c);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_VARIABLE_UTIL_H_
