// Calls that succeed, for tests over the whole registry.
#ifndef SLUICE_TESTS_TESTING_REGISTRY_OP_SAMPLES_H_
#define SLUICE_TESTS_TESTING_REGISTRY_OP_SAMPLES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "tests/testing/registry/op_trial.h"

namespace sluice {

// EvaluateOp on one trial.
absl::StatusOr<std::vector<Tensor>> RunTrial(const OpSpec& spec, const OpTrial& trial);

// The calls of `spec` that op_samples.cc lists, because luck does not find them.
std::vector<OpTrial> ListedSamples(const OpSpec& spec);

// Calls that succeed with at least one element of output, first the listed ones: at most `wanted`,
// drawn from `maker` in at most `trials` attempts.
std::vector<OpTrial> FindSamples(const OpSpec& spec, TrialMaker* maker, int trials, int wanted);

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_REGISTRY_OP_SAMPLES_H_
