#include "session/uninitialized.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "core/variable_resource.h"

namespace sluice {
namespace {

constexpr size_t kMostNames = 20;

// The variable whose handle the value is; null when it is none, or known while running only.
const VariableResource* VariableOf(const Value& value) {
  if (value.dtype != DType::kResource || value.home != Home::kConstant) return nullptr;
  if (value.tensor.empty_handle() || value.tensor.num_elements() != 1) return nullptr;
  return dynamic_cast<const VariableResource*>(value.tensor.scalar<ResourceRef>().get());
}

// What the steps from one on miss, in their order.
class Missing {
 public:
  explicit Missing(const Program& program) : program_(program) {}

  void Look(const ProgramStep& step) {
    const OpSpec& spec = step.node->spec();
    const bool needs_value = step.kind == StepKind::kRead ||
                             (step.kind == StepKind::kKernel && !spec.allows_uninitialized_input());
    for (const int v : step.inputs) {
      const VariableResource* variable = VariableOf(program_.values[v]);
      if (variable == nullptr || written_.contains(variable)) continue;
      if (needs_value && !variable->initialized() && seen_.insert(variable).second)
        missing_.push_back(variable);
    }
    if (step.kind != StepKind::kKernel || !spec.writes_resources()) return;
    for (const int v : step.inputs) {
      const VariableResource* variable = VariableOf(program_.values[v]);
      if (variable != nullptr) written_.insert(variable);
    }
  }

  const std::vector<const VariableResource*>& all() const { return missing_; }

 private:
  const Program& program_;
  absl::flat_hash_set<const VariableResource*> written_, seen_;
  std::vector<const VariableResource*> missing_;
};

std::string List(const std::set<std::string>& names) {
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (shown.size() == kMostNames) break;
    shown.push_back(Printable(name));
  }
  std::string list = absl::StrJoin(shown, ", ");
  if (names.size() > shown.size())
    absl::StrAppend(&list, " and ", names.size() - shown.size(), " more");
  return list;
}

}  // namespace

absl::Status NameUninitialized(const Program& program, size_t failed, const absl::Status& error) {
  if (!absl::IsFailedPrecondition(error)) return error;
  Missing missing(program);
  missing.Look(program.steps[failed]);
  if (missing.all().empty()) return error;
  for (size_t s = failed + 1; s < program.steps.size(); ++s) missing.Look(program.steps[s]);
  // The first is the one that the error names.
  std::set<std::string> others;
  for (size_t i = 1; i < missing.all().size(); ++i) others.insert(missing.all()[i]->name());
  if (others.empty()) return error;
  const bool ended = absl::EndsWith(error.message(), ".");
  return absl::Status(error.code(), absl::StrCat(error.message(), ended ? " Also" : "; also",
                                                 " uninitialized in this run: ", List(others)));
}

}  // namespace sluice
