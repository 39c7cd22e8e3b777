// Runs the kernel of one op by hand, with guards around its memory: what a plan does, but
// suspicious.
#ifndef SLUICE_TESTS_TESTING_KERNEL_RUNNER_H_
#define SLUICE_TESTS_TESTING_KERNEL_RUNNER_H_

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/tensor.h"
#include "graph/op_spec.h"

namespace sluice {

struct KernelRunnerOptions {
  int threads = 1;
  bool constant_inputs =
      false;  // Prepare finds the inputs' values: packing and folding of constants
  std::vector<std::pair<int, int>> in_place =
      {};  // (in, out) pairs that share memory: a subset of spec.in_place()
};

// Shape function, Prepare, then Run twice on fresh outputs. `attrs` must be complete. Beside the
// op's own errors, Internal when the kernel: writes outside an output or the scratch memory,
// changes an input that it was not given to overwrite, or gives other bits the second time. Outputs
// and scratch are filled with 0xFB bytes before each run, so that reading them shows in the result.
// An op that only renames memory (Alias) is served without a kernel. Numbers, bools and strings; no
// resources.
absl::StatusOr<std::vector<Tensor>> RunKernelGuarded(const OpSpec& spec, const AttrMap& attrs,
                                                     const std::vector<Tensor>& inputs,
                                                     const KernelRunnerOptions& options = {});

// `attrs` with the type and count attributes that follow from the inputs' dtypes and number added,
// defaults filled and everything checked, as building a node would. Ambiguous counts (two lists
// with counts of their own) must be given.
absl::StatusOr<AttrMap> CompleteAttrs(const OpSpec& spec, AttrMap attrs,
                                      const std::vector<Tensor>& inputs);

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_KERNEL_RUNNER_H_
