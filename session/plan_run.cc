// The loop that runs a plan's steps.
#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/threads.h"
#include "core/variable_resource.h"
#include "glog/logging.h"
#include "session/plan.h"
#include "session/prune.h"
#include "session/uninitialized.h"

namespace sluice {

absl::Status Plan::Run(absl::Span<const std::pair<Output, Tensor>> feeds, int threads,
                       std::vector<Tensor>* results, RunMetadata* trace) {
  CHECK_EQ(feeds.size(), program_.feeds.size());
  SLUICE_RETURN_IF_ERROR(EnterArena());
  struct Releaser {
    Plan* plan;
    ~Releaser() {
      plan->ReleaseAll();
      plan->session_.arenas.GiveBack(plan);
    }
  } releaser{this};
  for (size_t i = 0; i < feeds.size(); ++i) slots_[program_.feeds[i]] = feeds[i].second;
  state_.threads = threads;
  if (program_.random) {
    state_.random_run = session_.random_run.fetch_add(1, std::memory_order_relaxed);
  }
  if (!direct_results_.empty()) SLUICE_RETURN_IF_ERROR(PlaceResults(*results));
  trace_ = trace;
  if (trace_ != nullptr) BeginTrace();
  const int invariant = program_.invariant_reads + program_.invariant_steps;
  if (invariant > 0) SLUICE_RETURN_IF_ERROR(RunInvariants(results));
  const absl::Span<Step> rest = absl::MakeSpan(steps_).subspan(invariant);
  SLUICE_RETURN_IF_ERROR(session_.inter_op_pool == nullptr ? RunSteps(rest, results)
                                                           : RunWaves(rest, results));
  if (trace_ != nullptr) EndTrace();
  return absl::OkStatus();
}

// What depends on variables alone is computed when one of them has changed since the last run.
absl::Status Plan::RunInvariants(std::vector<Tensor>* results) {
  const absl::Span<Step> steps = absl::MakeSpan(steps_);
  SLUICE_RETURN_IF_ERROR(RunSteps(steps.subspan(0, program_.invariant_reads), results));
  const absl::Span<Step> computed =
      steps.subspan(program_.invariant_reads, program_.invariant_steps);
  if (!VersionsChanged()) {
    for (Step& step : computed) {
      for (Tensor* slot : step.releases) *slot = Tensor();
    }
    return absl::OkStatus();
  }
  const absl::Status status = RunSteps(computed, results);
  if (!status.ok()) std::fill(versions_.begin(), versions_.end(), 0);
  for (Step& step : computed) {
    for (int v : step.source->outputs) slots_[v].SetNewVersion();
  }
  return status;
}

bool Plan::VersionsChanged() {
  bool changed = false;
  for (int r = 0; r < program_.invariant_reads; ++r) {
    const uint64_t version = slots_[steps_[r].source->outputs[0]].version();
    changed |= version == 0 || version != versions_[r];
    versions_[r] = version;
  }
  return changed;
}

void Plan::ReleaseAll() {
  for (Tensor* slot : borrowed_) {
    if (!slot->empty_handle()) *slot = Tensor();
  }
  for (Tensor* slot : owned_resources_) {
    for (ResourceRef& element : slot->mutable_flat<ResourceRef>()) element = nullptr;
  }
}

absl::Status Plan::RunSteps(absl::Span<Step> steps, std::vector<Tensor>* results) {
  for (Step& step : steps) {
    if (session_.closed.load(std::memory_order_relaxed)) [[unlikely]] {
      return absl::CancelledError("Session has been closed.");
    }
    absl::Status status = trace_ == nullptr ? RunOne(step, results) : RunTraced(step, results, 0);
    if (!status.ok()) [[unlikely]]
      return StepError(step, status);
    for (Tensor* slot : step.releases) *slot = Tensor();
  }
  return absl::OkStatus();
}

// Steps of one wave at the same time, one wave after another.
absl::Status Plan::RunWaves(absl::Span<Step> steps, std::vector<Tensor>* results) {
  while (!steps.empty()) {
    size_t size = 1;
    const int wave = steps[0].source->wave;
    while (size < steps.size() && wave >= 0 && steps[size].source->wave == wave) ++size;
    const absl::Span<Step> now = steps.subspan(0, size);
    SLUICE_RETURN_IF_ERROR(size == 1 ? RunSteps(now, results) : RunWave(now, results));
    steps.remove_prefix(size);
  }
  return absl::OkStatus();
}

absl::Status Plan::RunWave(absl::Span<Step> steps, std::vector<Tensor>* results) {
  if (session_.closed.load(std::memory_order_relaxed)) {
    return absl::CancelledError("Session has been closed.");
  }
  wave_status_.assign(steps.size(), absl::OkStatus());
  session_.inter_op_pool->Run(static_cast<int>(steps.size()), [&](int i, int thread) {
    const ThreadBudget threads(state_.threads);
    wave_status_[i] =
        trace_ == nullptr ? RunOne(steps[i], results) : RunTraced(steps[i], results, thread);
  });
  for (size_t i = 0; i < steps.size(); ++i) {
    if (!wave_status_[i].ok()) return StepError(steps[i], wave_status_[i]);
  }
  for (Step& step : steps) {
    for (Tensor* slot : step.releases) *slot = Tensor();
  }
  return absl::OkStatus();
}

absl::Status Plan::StepError(const Step& step, const absl::Status& status) {
  if (step.kind == StepKind::kLoop) return status;  // names the node inside
  absl::Status named = status;
  if (&step >= steps_.data() && &step < steps_.data() + steps_.size()) {
    named = NameUninitialized(program_, static_cast<size_t>(&step - steps_.data()), status);
  }
  return NodeError(*step.source->node, named);
}

absl::Status Plan::RunKernel(Step& step) {
  if (step.one_thread) [[unlikely]] {
    const ThreadBudget one(1);
    return RunPrepared(step);
  }
  return RunPrepared(step);
}

absl::Status Plan::RunPrepared(Step& step) {
  if (step.late != nullptr) {
    SLUICE_RETURN_IF_ERROR(step.late->Infer());
    SLUICE_RETURN_IF_ERROR(step.late->Run(&*step.context));
  } else {
    SLUICE_RETURN_IF_ERROR(step.run(*step.context));
  }
  if (step.context->failed()) [[unlikely]] {
    return step.context->TakeError();
  }
  return step.sets_outputs ? FinishKernel(step) : absl::OkStatus();
}

absl::Status Plan::FinishKernel(Step& step) {
  for (size_t i = 0; i < step.source->outputs.size(); ++i) {
    const StepContext::Out& out = step.context->outputs()[i];
    const bool is_ref = program_.values[step.source->outputs[i]].is_ref;
    if (is_ref && out.slot->empty_handle() && step.forwarded_ref) *out.slot = *step.forwarded_ref;
  }
  return step.context->CheckOutputs();
}

absl::Status Plan::RunStep(Step& step, std::vector<Tensor>* results) {
  switch (step.kind) {
    case StepKind::kKernel:
      return RunKernel(step);
    case StepKind::kAlias:
      return RunAlias(step);
    case StepKind::kRead:
      return RunRead(step);
    case StepKind::kFetch:
      return RunFetch(step, results);
    case StepKind::kBranch:
      return RunBranch(*step.source);
    case StepKind::kJoin:
      RunJoin(*step.source);
      return absl::OkStatus();
    case StepKind::kMerge:
      return RunMerge(*step.source);
    case StepKind::kLoop:
      return RunLoop(*step.loop, results);
  }
  return absl::OkStatus();
}

absl::Status Plan::RunAlias(Step& step) {
  const TensorShape* shape = &program_.values[step.source->outputs[0]].shape;
  if (step.late != nullptr) {
    SLUICE_RETURN_IF_ERROR(step.late->Infer());
    shape = &step.late->output_shape(step.source->alias_output);
    if (!shape->fully_defined()) {
      return absl::InvalidArgumentError(absl::StrCat("the shape of output ",
                                                     step.source->alias_output,
                                                     " stays unknown: ", shape->ToString()));
    }
  }
  SLUICE_ASSIGN_OR_RETURN(*step.out, step.in->Reshaped(*shape));
  return absl::OkStatus();
}

absl::Status Plan::RunRead(Step& step) {
  const auto* variable =
      dynamic_cast<const VariableResource*>(step.in->scalar<ResourceRef>().get());
  const Value& expected = program_.values[step.source->outputs[0]];
  if (variable == nullptr || variable->dtype() != expected.dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat("the reference is not to a variable of type ", DTypeName(expected.dtype)));
  }
  absl::StatusOr<Tensor> value = variable->Read();
  if (!value.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("Attempting to use uninitialized value ", Printable(variable->name())));
  }
  *step.out = *std::move(value);
  return absl::OkStatus();
}

// Where results are computed: in the caller's tensor when it fits and is his alone, else in a fresh
// one.
absl::Status Plan::PlaceResults(const std::vector<Tensor>& results) {
  for (const ProgramStep* fetch : direct_results_) {
    const Value& value = program_.values[fetch->inputs[0]];
    const Tensor& result = results[fetch->fetch];
    Tensor& slot = slots_[fetch->inputs[0]];
    if (result.unique() && result.dtype() == value.dtype && result.shape() == value.shape) {
      slot = result;
    } else {
      const auto fresh = Tensor::Make(value.dtype, value.shape, session_.budget);
      if (!fresh.ok()) return NodeError(*fetch->node, fresh.status());
      slot = *fresh;
    }
  }
  return absl::OkStatus();
}

absl::Status Plan::RunFetch(Step& step, std::vector<Tensor>* results) {
  Tensor& result = (*results)[step.source->fetch];
  if (step.source->direct) {
    result = std::exchange(*step.in, Tensor());
  } else if (step.source->share) {
    result = *step.in;
  } else if (result.unique() && result.dtype() == step.in->dtype() &&
             result.shape() == step.in->shape()) {
    result.CopyElements(*step.in);
  } else if (step.source->movable && step.in->unique()) {
    result = std::exchange(*step.in, Tensor());
  } else {
    SLUICE_ASSIGN_OR_RETURN(result, step.in->Clone(session_.budget));
  }
  return absl::OkStatus();
}

}  // namespace sluice
