// Running one op by itself: constant folding here, in plans and in tests.
#ifndef SLUICE_GRAPH_EVALUATE_H_
#define SLUICE_GRAPH_EVALUATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "graph/op_spec.h"

namespace sluice {

struct EvaluateOptions {
  int threads = 1;
  std::shared_ptr<MemoryBudget> budget = MemoryBudget::Process();
  ResourceStore* resources = nullptr;  // null: ops with resources fail
  uint64_t random_run = 0;
  uint64_t session_seed = 0;
  std::string node_name = "evaluate";
};

// Checks attributes, infers shapes, prepares and runs the kernel of `spec` on `inputs`, each step
// as a plan would. Aliases are served without a kernel. Unimplemented when the op has no kernel for
// these dtypes.
absl::StatusOr<std::vector<Tensor>> EvaluateOp(const OpSpec& spec, const AttrMap& attrs,
                                               const std::vector<Tensor>& inputs,
                                               const EvaluateOptions& options = {});

}  // namespace sluice

#endif  // SLUICE_GRAPH_EVALUATE_H_
