#include "tests/testing/registry/op_samples.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "graph/evaluate.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

struct Sample {
  const char* op;
  OpTrial trial;
};

// One line per op that random search does not call with success. Other dtypes follow from it.
const std::vector<Sample>& Table() {
  static const auto& table = *new std::vector<Sample>{};
  return table;
}

bool HasElements(const std::vector<Tensor>& outputs) {
  const auto some = [](const Tensor& t) { return t.num_elements() > 0; };
  return outputs.empty() || std::any_of(outputs.begin(), outputs.end(), some);
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> RunTrial(const OpSpec& spec, const OpTrial& trial) {
  // Random streams follow the node's name: the name that RunKernelGuarded gives.
  EvaluateOptions options{.node_name = "guarded"};
  if (!TakesVariables(spec)) return EvaluateOp(spec, trial.attrs, trial.inputs, options);
  StateRunner state;
  options.resources = &state;
  std::vector<Tensor> inputs = trial.inputs;
  const std::vector<const ArgSpec*> args = FlatArgs(spec.inputs(), trial.attrs);
  for (size_t i = 0; i < inputs.size() && i < args.size(); ++i) {
    if (!IsVariable(*args[i])) continue;
    const std::string name = absl::StrCat("variable", i);
    inputs[i] = trial.uninitialized
                    ? state.Uninitialized(name, inputs[i].dtype(), inputs[i].shape())
                    : state.Variable(name, inputs[i]);
  }
  return EvaluateOp(spec, trial.attrs, inputs, options);
}

std::vector<OpTrial> ListedSamples(const OpSpec& spec) {
  std::vector<OpTrial> samples;
  for (const Sample& sample : Table())
    if (sample.op == spec.name()) samples.push_back(sample.trial);
  return samples;
}

std::vector<OpTrial> FindSamples(const OpSpec& spec, TrialMaker* maker, int trials, int wanted) {
  std::vector<OpTrial> found = ListedSamples(spec);
  for (int i = 0; i < trials && static_cast<int>(found.size()) < wanted; ++i) {
    OpTrial trial = maker->Fresh();
    const auto outputs = RunTrial(spec, trial);
    if (outputs.ok() && HasElements(*outputs)) found.push_back(std::move(trial));
  }
  return found;
}

}  // namespace sluice
