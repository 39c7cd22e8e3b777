// The parts of a plan that follow the flow of control: dead work and loops (program.h).
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "session/plan.h"

namespace sluice {
namespace {

// By step: the values made in the loop that nobody in it needs after the step. What comes around
// and what leaves stays.
std::vector<std::vector<int>> FindReleases(const Loop& loop) {
  absl::flat_hash_map<int, size_t> last_use;  // of the values made in the loop
  for (size_t s = 0; s < loop.steps.size(); ++s) {
    for (const int v : loop.steps[s].outputs) last_use[v] = s;
    for (const int v : loop.steps[s].inputs) {
      const auto found = last_use.find(v);
      if (found != last_use.end()) found->second = s;
    }
  }
  for (const Loop::Carried& carried : loop.carried) last_use.erase(carried.next);
  for (const Loop::Exit& exit : loop.exits) last_use.erase(exit.from);
  std::vector<std::vector<int>> releases(loop.steps.size());
  for (const auto& [v, s] : last_use) releases[s].push_back(v);
  return releases;
}

}  // namespace

std::unique_ptr<Plan::PlanLoop> Plan::MakeLoop(Loop* source) {
  auto loop = std::make_unique<PlanLoop>();
  loop->source = source;
  const std::vector<std::vector<int>> releases = FindReleases(*source);
  for (size_t s = 0; s < source->steps.size(); ++s) {
    loop->steps.push_back(MakeStep(&source->steps[s], releases[s]));
  }
  loop->next.resize(source->carried.size());
  loop->next_dead.resize(source->carried.size());
  loop->left.resize(source->exits.size());
  return loop;
}

const Tensor& Plan::IndexScalar(int i) {
  while (static_cast<int>(index_scalars_.size()) <= i) {
    index_scalars_.push_back(
        Tensor::Of<int32_t>({}, {static_cast<int32_t>(index_scalars_.size())}));
  }
  return index_scalars_[i];
}

// Shares `from`, unless its memory is planned and will hold something else later.
absl::Status Plan::Forward(const Tensor& from, Tensor* to) const {
  if (!from.SharesBufferWith(state_.arena)) {
    *to = from;
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(*to, from.Clone(session_.budget));
  return absl::OkStatus();
}

absl::Status Plan::SkipStep(const Step& step) {
  if (step.kind == StepKind::kBranch) {
    for (const int token : step.source->tokens) dead_[token] = 1;
  }
  if (step.kind != StepKind::kFetch) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "has no value in this run: it is on the side of a Switch that was not taken");
}

absl::Status Plan::RunBranch(const ProgramStep& step) {
  const Tensor& predicate = slots_[step.inputs[0]];
  if (predicate.num_elements() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The second input must be a scalar, but it has shape ", predicate.shape().ToString()));
  }
  const bool taken = predicate.flat<bool>()[0];
  dead_[step.tokens[0]] = taken;
  dead_[step.tokens[1]] = !taken;
  return absl::OkStatus();
}

void Plan::RunJoin(const ProgramStep& step) {
  dead_[step.tokens[0]] = std::any_of(step.tokens.begin() + 1, step.tokens.end(),
                                      [this](int token) { return dead(token); });
}

absl::Status Plan::RunMerge(const ProgramStep& step) {
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    if (dead(step.tokens[i + 1])) continue;
    if (step.tokens[0] != kLive) dead_[step.tokens[0]] = 0;
    slots_[step.outputs[1]] = IndexScalar(static_cast<int>(i));
    return Forward(slots_[step.inputs[i]], &slots_[step.outputs[0]]);
  }
  dead_[step.tokens[0]] = 1;
  return absl::OkStatus();
}

absl::Status Plan::RunLoop(PlanLoop& loop, std::vector<Tensor>* results) {
  std::fill(loop.left.begin(), loop.left.end(), false);
  for (const Loop::Carried& carried : loop.source->carried) {
    dead_[carried.token] = dead(carried.entered_token);
    if (dead_[carried.token]) continue;
    slots_[carried.value] = slots_[carried.entered];
    slots_[carried.index] = IndexScalar(carried.entry);
  }
  do {
    SLUICE_RETURN_IF_ERROR(RunSteps(absl::MakeSpan(loop.steps), results));
    SLUICE_RETURN_IF_ERROR(LeaveLoop(&loop));
  } while (NextIteration(&loop));
  for (size_t i = 0; i < loop.left.size(); ++i) {
    dead_[loop.source->exits[i].token] = !loop.left[i];
  }
  return absl::OkStatus();
}

absl::Status Plan::LeaveLoop(PlanLoop* loop) {
  for (size_t i = 0; i < loop->left.size(); ++i) {
    const Loop::Exit& exit = loop->source->exits[i];
    if (dead(exit.from_token)) continue;
    SLUICE_RETURN_IF_ERROR(Forward(slots_[exit.from], &slots_[exit.value]));
    loop->left[i] = true;
  }
  return absl::OkStatus();
}

// Moves on what comes around; false when nothing does.
bool Plan::NextIteration(PlanLoop* loop) {
  const std::vector<Loop::Carried>& carried = loop->source->carried;
  const bool more = std::any_of(carried.begin(), carried.end(),
                                [this](const Loop::Carried& c) { return !dead(c.next_token); });
  if (!more) return false;
  for (size_t i = 0; i < carried.size(); ++i) {
    if (!dead(carried[i].next_token)) loop->next[i] = slots_[carried[i].next];
  }
  // Tokens too are read before they are written: one Merge's may be what comes around to another.
  for (size_t i = 0; i < carried.size(); ++i) loop->next_dead[i] = dead(carried[i].next_token);
  for (size_t i = 0; i < carried.size(); ++i) {
    dead_[carried[i].token] = loop->next_dead[i];
    slots_[carried[i].value] = std::move(loop->next[i]);
    slots_[carried[i].index] = IndexScalar(1 - carried[i].entry);
  }
  if (loop->source->random) {
    state_.random_run = session_.random_run.fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

}  // namespace sluice
