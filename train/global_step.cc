#include "train/global_step.h"

#include "core/status.h"
#include "graph/graph.h"

namespace sluice::train {

Variable GetGlobalStep(At at) {
  const std::vector<Variable> steps = at.graph().Variables(keys::kGlobalStep);
  if (steps.empty()) return {};
  const Variable& step = steps[0];
  absl::Status status;
  if (steps.size() > 1)
    status = absl::InvalidArgumentError("Multiple tensors in global_step collection.");
  if (!IsInteger(step.dtype()))
    status = absl::InvalidArgumentError(absl::StrCat(
        "Existing \"global_step\" does not have integer type: ", DTypeName(step.dtype())));
  if (step.shape().rank() > 0)
    status = absl::InvalidArgumentError(
        absl::StrCat("Existing \"global_step\" is not scalar: ", step.shape().ToString()));
  if (status.ok()) return step;
  at.Fail("global_step", status);
  return {};
}

Variable CreateGlobalStep(At at) {
  if (!GetGlobalStep(at).empty()) {
    at.Fail("global_step", absl::AlreadyExistsError("\"global_step\" already exists."));
    return {};
  }
  if (!at.ok()) return {};
  return GetVariable(at.In(at.scope().Sub("")), "global_step",
                     {.shape = {},
                      .dtype = DType::kInt64,
                      .initializer = ZerosInitializer,
                      .trainable = false,
                      .collections = {keys::kGlobalVariables, keys::kGlobalStep}});
}

Variable GetOrCreateGlobalStep(At at) {
  const Variable step = GetGlobalStep(at);
  return step.empty() && at.ok() ? CreateGlobalStep(at) : step;
}

}  // namespace sluice::train
