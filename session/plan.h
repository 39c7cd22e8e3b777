// A compiled run: a flat array of steps over one block of memory.
#ifndef SLUICE_SESSION_PLAN_H_
#define SLUICE_SESSION_PLAN_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "session/arena_pool.h"
#include "session/kernel_host.h"
#include "session/late_step.h"
#include "session/layout.h"
#include "session/program.h"
#include "session/run_metadata.h"
#include "session/signature.h"
#include "session/state.h"

namespace sluice {

// Made for one signature; run by one thread at a time. Between runs it holds its memory, its
// constants and what kernels prepared, but no feed, no snapshot of a variable and no result.
class Plan final : public ArenaUser {
 public:
  // ResourceExhausted, naming the largest tensor, when the session's budget refuses the memory.
  static absl::StatusOr<std::unique_ptr<Plan>> Make(SessionState& session, Program program);
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() override;

  // Runs the steps in order with `feeds` (those of the signature) on `threads` threads. `results`
  // (null when the request discards them) has one element per fetch; a tensor in it is filled in
  // place when dtype and shape fit and nobody else holds it. The first error ends the run and names
  // its node; Cancelled when the session is closed meanwhile.
  // `trace`, when not null, gets the time of every step.
  absl::Status Run(absl::Span<const std::pair<Output, Tensor>> feeds, int threads,
                   std::vector<Tensor>* results, RunMetadata* trace = nullptr);

  // For tests and tools.
  const Program& program() const { return program_; }
  const Layout& layout() const { return layout_; }

  void LeaveArena() override;

 private:
  struct PlanLoop;
  struct Step {
    StepKind kind = StepKind::kKernel;
    const ProgramStep* source = nullptr;
    KernelRun run;                       // kKernel
    std::optional<StepContext> context;  // kKernel
    std::unique_ptr<LateStep> late;      // late steps only
    bool sets_outputs = false;           // kKernel: some output is set while running
    const Tensor* forwarded_ref =
        nullptr;            // kKernel: becomes each reference that the kernel does not set
    Tensor* in = nullptr;   // other kinds
    Tensor* out = nullptr;  // kAlias, kRead
    std::vector<Tensor*> releases;
    int guard = kLive;
    bool one_thread = false;  // a deterministic session: its results would depend on the number
    std::unique_ptr<PlanLoop> loop;  // kLoop
  };
  // A Loop with its steps made. `next`: what comes around, between two iterations.
  struct PlanLoop {
    const Loop* source = nullptr;
    std::vector<Step> steps;
    std::vector<Tensor> next;
    std::vector<char> next_dead;
    std::vector<bool> left;  // by exit: a value has left
  };

  Plan(SessionState& session, Program program);
  absl::Status MakeSlots();
  absl::Status EnterArena();
  void PlaceInArena(const BufferRef& arena);
  Step MakeStep(ProgramStep* source, absl::Span<const int> releases);
  void MakeKernelStep(const ProgramStep& source, Step* step);
  std::unique_ptr<PlanLoop> MakeLoop(Loop* source);
  std::unique_ptr<LateStep> MakeLateStep(const ProgramStep& source);

  absl::Status RunInvariants(std::vector<Tensor>* results);
  bool VersionsChanged();
  absl::Status RunSteps(absl::Span<Step> steps, std::vector<Tensor>* results);
  absl::Status RunOne(Step& step, std::vector<Tensor>* results) {
    return dead(step.guard)                 ? SkipStep(step)
           : step.kind == StepKind::kKernel ? RunKernel(step)
                                            : RunStep(step, results);
  }
  absl::Status RunWaves(absl::Span<Step> steps, std::vector<Tensor>* results);
  absl::Status RunWave(absl::Span<Step> steps, std::vector<Tensor>* results);
  absl::Status RunTraced(Step& step, std::vector<Tensor>* results, int thread);
  absl::Status StepError(const Step& step, const absl::Status& status);
  void BeginTrace();
  void EndTrace();
  absl::Status RunStep(Step& step, std::vector<Tensor>* results);
  absl::Status RunKernel(Step& step);
  absl::Status RunPrepared(Step& step);
  absl::Status FinishKernel(Step& step);
  absl::Status RunAlias(Step& step);
  absl::Status RunRead(Step& step);
  absl::Status PlaceResults(const std::vector<Tensor>& results);
  absl::Status RunFetch(Step& step, std::vector<Tensor>* results);
  bool dead(int token) const { return token != kLive && dead_[token]; }
  absl::Status SkipStep(const Step& step);
  absl::Status RunBranch(const ProgramStep& step);
  void RunJoin(const ProgramStep& step);
  absl::Status RunMerge(const ProgramStep& step);
  absl::Status RunLoop(PlanLoop& loop, std::vector<Tensor>* results);
  absl::Status LeaveLoop(PlanLoop* loop);
  bool NextIteration(PlanLoop* loop);
  absl::Status Forward(const Tensor& from, Tensor* to) const;
  const Tensor& IndexScalar(int i);
  void ReleaseAll();

  SessionState& session_;
  Program program_;
  Layout layout_;
  RunState state_;
  std::vector<Tensor> slots_;  // by value
  std::vector<Step> steps_;
  std::vector<uint64_t> versions_;  // of what the invariant reads gave when last looked at
  RunMetadata* trace_ = nullptr;    // of the run under way
  int64_t trace_start_ns_ = 0;
  std::mutex trace_mutex_;
  std::vector<absl::Status> wave_status_;           // of the steps of the present wave
  std::vector<char> dead_;                          // by token
  std::vector<Tensor> index_scalars_;               // 0, 1, 2, ...: what Merge gives as value_index
  std::vector<const ProgramStep*> direct_results_;  // fetches whose values are made in the result
  std::vector<Tensor*> borrowed_;                   // slots that are empty between runs
  std::vector<Tensor*> owned_resources_;            // slots whose elements are empty between runs
};

}  // namespace sluice

#endif  // SLUICE_SESSION_PLAN_H_
