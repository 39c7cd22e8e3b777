#include "session/layout.h"

#include <algorithm>

#include "session/memory_plan.h"

namespace sluice {
namespace {

class LayoutPlanner {
 public:
  LayoutPlanner(const Program& program, bool optimize)
      : program_(program), optimize_(optimize), values_(program.values) {}

  Layout Run() {
    FindTimes();
    FindLastUses();
    AssignBlocks();
    PlaceBlocks();
    FindReleases();
    return std::move(layout_);
  }

 private:
  int Root(int v) const { return values_[v].root >= 0 ? values_[v].root : v; }
  int num_steps() const { return static_cast<int>(program_.steps.size()); }

  // Steps of one wave run at the same time.
  void FindTimes() {
    int time = -1, wave = -1;
    for (int s = 0; s < num_steps(); ++s) {
      if (wave < 0 || program_.steps[s].wave != wave) ++time;
      wave = program_.steps[s].wave;
      time_.push_back(time);
      last_of_time_.resize(time + 1);
      last_of_time_[time] = s;
    }
  }

  // Of a value itself, and of a root and all its aliases. -1: never used.
  void FindLastUses() {
    last_use_.assign(values_.size(), -1);
    root_last_use_.assign(values_.size(), -1);
    readers_then_.assign(values_.size(), 0);
    for (int s = 0; s < num_steps(); ++s) {
      for (int v : program_.steps[s].inputs) {
        last_use_[v] = s;
        if (root_last_use_[Root(v)] < time_[s]) readers_then_[Root(v)] = 0;
        root_last_use_[Root(v)] = time_[s];
        ++readers_then_[Root(v)];
      }
    }
  }

  // A block is memory that one value after another takes over in place.
  void AssignBlocks() {
    block_.assign(values_.size(), -1);
    for (int s = 0; s < num_steps(); ++s) {
      const ProgramStep& step = program_.steps[s];
      if (step.kind != StepKind::kKernel) continue;
      for (size_t i = 0; i < step.outputs.size(); ++i) {
        const int v = step.outputs[i];
        if (values_[v].home != Home::kArena) continue;
        const int taken = optimize_ ? InPlaceInput(step, s, static_cast<int>(i)) : -1;
        if (taken >= 0) {
          block_[v] = block_[Root(taken)];
        } else {
          block_[v] = static_cast<int>(blocks_.size());
          blocks_.push_back({Bytes(v), time_[s], time_[s]});
        }
        MemoryRequest& block = blocks_[block_[v]];
        block.last = std::max({block.last, time_[s], root_last_use_[v]});
      }
    }
  }

  int64_t Bytes(int v) const {
    return values_[v].shape.num_elements() * static_cast<int64_t>(SizeOf(values_[v].dtype));
  }

  // The input whose memory output `i` of step `s` may take over, -1 if none.
  int InPlaceInput(const ProgramStep& step, int s, int i) {
    if (step.late) return -1;
    for (const auto& [in, out] : step.node->spec().in_place()) {
      if (out != i || in >= static_cast<int>(step.inputs.size())) continue;
      const int root = Root(step.inputs[in]);
      if (values_[root].home != Home::kArena || block_[root] < 0) continue;
      const auto shares = [&](int v) { return block_[Root(v)] == block_[root]; };
      const bool ends_here = blocks_[block_[root]].last == time_[s] && readers_then_[root] <= 1;
      const bool once = std::count_if(step.inputs.begin(), step.inputs.end(), shares) == 1;
      const bool untaken = std::none_of(step.outputs.begin(), step.outputs.begin() + i, shares);
      if (ends_here && once && untaken && Bytes(root) == Bytes(step.outputs[i])) return root;
    }
    return -1;
  }

  void PlaceBlocks() {
    std::vector<MemoryRequest> requests = blocks_;
    std::vector<int> scratch(program_.steps.size(), -1);
    for (int s = 0; s < num_steps(); ++s) {
      if (program_.steps[s].scratch_bytes == 0) continue;
      scratch[s] = static_cast<int>(requests.size());
      requests.push_back({program_.steps[s].scratch_bytes, time_[s], time_[s]});
    }
    const MemoryPlan plan = PlanMemory(requests, optimize_);
    layout_.arena_bytes = plan.total;
    layout_.lower_bound_bytes = MemoryLowerBound(requests);
    layout_.offsets.assign(values_.size(), -1);
    layout_.scratch_offsets.assign(program_.steps.size(), 0);
    for (size_t v = 0; v < values_.size(); ++v) {
      const int block = block_[Root(static_cast<int>(v))];
      if (block >= 0) layout_.offsets[v] = plan.offsets[block];
    }
    for (int s = 0; s < num_steps(); ++s) {
      if (scratch[s] >= 0) layout_.scratch_offsets[s] = plan.offsets[scratch[s]];
    }
  }

  // A runtime value holds a reference: it goes after its last use, or at once when nobody uses it.
  void FindReleases() {
    layout_.releases.resize(program_.steps.size());
    for (int s = 0; s < num_steps(); ++s) {
      for (int v : program_.steps[s].outputs) {
        if (values_[v].home != Home::kRuntime) continue;
        layout_.releases[last_of_time_[time_[std::max(s, last_use_[v])]]].push_back(v);
      }
    }
  }

  const Program& program_;
  const bool optimize_;
  const std::deque<Value>& values_;
  Layout layout_;
  std::vector<int> time_, last_of_time_;  // by step; by time: its last step
  std::vector<int> last_use_;             // by value: the step
  std::vector<int> root_last_use_;        // by root: the time
  std::vector<int> readers_then_;         // by root: how often it is read at that time
  std::vector<int> block_;                // by value
  std::vector<MemoryRequest> blocks_;
};

}  // namespace

Layout PlanLayout(const Program& program, bool optimize) {
  return LayoutPlanner(program, optimize).Run();
}

}  // namespace sluice
