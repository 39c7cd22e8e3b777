#include "session/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/variable_resource.h"
#include "glog/logging.h"
#include "session/prune.h"
#include "session/uninitialized.h"

namespace sluice {
namespace {

// What takes the most memory in an arena that was refused.
std::string LargestTensor(const Program& program) {
  const Value* largest = nullptr;
  const Node* node = nullptr;
  for (const ProgramStep& step : program.steps) {
    for (int v : step.outputs) {
      const Value& value = program.values[v];
      if (value.home != Home::kArena) continue;
      if (largest == nullptr || value.shape.num_elements() * SizeOf(value.dtype) >
                                    largest->shape.num_elements() * SizeOf(largest->dtype)) {
        largest = &value;
        node = step.node;
      }
    }
  }
  if (largest == nullptr) return "scratch memory only";
  return absl::StrCat("the largest tensor is ", DTypeName(largest->dtype),
                      largest->shape.ToString(), ", ",
                      largest->shape.num_elements() * SizeOf(largest->dtype), " bytes, of node '",
                      Printable(node->name()), "' (", node->op(), ")");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Plan>> Plan::Make(SessionState& session, Program program) {
  std::unique_ptr<Plan> plan(new Plan(session, std::move(program)));
  SLUICE_RETURN_IF_ERROR(plan->MakeArena());
  SLUICE_RETURN_IF_ERROR(plan->MakeSlots());
  std::vector<ProgramStep>& steps = plan->program_.steps;
  plan->steps_.reserve(steps.size());
  for (size_t s = 0; s < steps.size(); ++s) {
    plan->steps_.push_back(
        plan->MakeStep(&steps[s], plan->layout_.releases[s], plan->layout_.scratch_offsets[s]));
  }
  return plan;
}

Plan::Plan(SessionState& session, Program program)
    : session_(session),
      program_(std::move(program)),
      layout_(PlanLayout(program_, session.optimize)) {
  state_.session = &session_;
}

absl::Status Plan::MakeArena() {
  // Never empty: tensors without elements need an address too.
  const int64_t bytes = std::max<int64_t>(layout_.arena_bytes, kBufferAlignment);
  auto buffer = Buffer::Make(DType::kUint8, bytes, session_.budget);
  if (!buffer.ok()) {
    return Annotate(buffer.status(), absl::StrCat("planned memory of ", bytes, " bytes (",
                                                  LargestTensor(program_), ")"));
  }
  dead_.assign(program_.num_tokens, 0);
  state_.arena = Tensor::View(*buffer, 0, DType::kUint8, {bytes});
  slots_.resize(program_.values.size());
  for (size_t v = 0; v < slots_.size(); ++v) {
    const Value& value = program_.values[v];
    if (value.home == Home::kArena) {
      slots_[v] = Tensor::View(*buffer, layout_.offsets[v], value.dtype, value.shape);
    }
  }
  return absl::OkStatus();
}

absl::Status Plan::MakeSlots() {
  for (size_t v = 0; v < slots_.size(); ++v) {
    Value& value = program_.values[v];
    switch (value.home) {
      case Home::kArena:
        break;
      case Home::kConstant:
        slots_[v] = value.tensor;
        break;
      case Home::kOwned:
        if (value.root >= 0) {
          SLUICE_ASSIGN_OR_RETURN(slots_[v], slots_[value.root].Reshaped(value.shape));
        } else {
          SLUICE_ASSIGN_OR_RETURN(slots_[v],
                                  Tensor::Make(value.dtype, value.shape, session_.budget));
          if (value.dtype == DType::kResource) owned_resources_.push_back(&slots_[v]);
        }
        break;
      case Home::kFeed:
      case Home::kRuntime:
        borrowed_.push_back(&slots_[v]);
        break;
    }
  }
  return absl::OkStatus();
}

Plan::Step Plan::MakeStep(ProgramStep* source, absl::Span<const int> releases,
                          int64_t scratch_offset) {
  Step step;
  step.kind = source->kind;
  step.source = source;
  step.guard = source->guard;
  for (int v : releases) step.releases.push_back(&slots_[v]);
  if (source->late) step.late = MakeLateStep(*source);
  switch (source->kind) {
    case StepKind::kKernel:
      MakeKernelStep(*source, &step);
      step.run = std::move(source->run);
      if (source->scratch_bytes > 0) {
        step.context->set_scratch(static_cast<char*>(state_.arena.mutable_raw()) + scratch_offset);
      }
      break;
    case StepKind::kLoop:
      step.loop = MakeLoop(&program_.loops[source->loop]);
      break;
    case StepKind::kAlias:
    case StepKind::kRead:
    case StepKind::kFetch:
      step.in = &slots_[source->inputs[source->alias_input]];
      if (!source->outputs.empty()) step.out = &slots_[source->outputs[0]];
      break;
    case StepKind::kBranch:
    case StepKind::kJoin:
    case StepKind::kMerge:
      break;
  }
  return step;
}

void Plan::MakeKernelStep(const ProgramStep& source, Step* step) {
  std::vector<const Tensor*> inputs;
  for (size_t i = 0; i < source.inputs.size(); ++i) {
    inputs.push_back(&slots_[source.inputs[i]]);
    if (step->forwarded_ref == nullptr && IsRef(source.node->input_dtype(static_cast<int>(i)))) {
      step->forwarded_ref = inputs.back();
    }
  }
  std::vector<StepContext::Out> outputs;
  for (int v : source.outputs) {
    const Value& value = program_.values[v];
    const bool planned = !value.is_ref && value.shape.fully_defined();
    const bool fixed = value.home == Home::kArena || value.home == Home::kOwned;
    const bool preset = value.home == Home::kConstant;
    outputs.push_back({&slots_[v], value.dtype, planned ? &value.shape : nullptr, fixed, preset});
    step->sets_outputs |= value.home == Home::kRuntime;
  }
  step->context.emplace(*source.node, state_, std::move(inputs), std::move(outputs));
}

std::unique_ptr<LateStep> Plan::MakeLateStep(const ProgramStep& source) {
  std::vector<LateStep::Input> inputs;
  for (int v : source.inputs) {
    const Value& value = program_.values[v];
    inputs.push_back({&slots_[v], value.home == Home::kConstant && !value.is_ref,
                      value.is_ref ? &value.shape : nullptr});
  }
  // A late alias makes one of its node's outputs: only that one can be planned.
  std::vector<const TensorShape*> planned(source.node->num_outputs(), nullptr);
  for (size_t i = 0; i < source.outputs.size(); ++i) {
    const Value& value = program_.values[source.outputs[i]];
    const size_t output = source.kind == StepKind::kAlias ? source.alias_output : i;
    if (!value.is_ref && value.shape.fully_defined()) planned[output] = &value.shape;
  }
  return std::make_unique<LateStep>(*source.node, session_, std::move(inputs), std::move(planned));
}

absl::Status Plan::Run(absl::Span<const std::pair<Output, Tensor>> feeds, int threads,
                       std::vector<Tensor>* results, RunMetadata*) {
  CHECK_EQ(feeds.size(), program_.feeds.size());
  struct Releaser {
    Plan* plan;
    ~Releaser() { plan->ReleaseAll(); }
  } releaser{this};
  for (size_t i = 0; i < feeds.size(); ++i) slots_[program_.feeds[i]] = feeds[i].second;
  state_.threads = threads;
  if (program_.random) {
    state_.random_run = session_.random_run.fetch_add(1, std::memory_order_relaxed);
  }
  return RunSteps(absl::MakeSpan(steps_), results);
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
    absl::Status status = dead(step.guard)                 ? SkipStep(step)
                          : step.kind == StepKind::kKernel ? RunKernel(step)
                                                           : RunStep(step, results);
    if (!status.ok()) [[unlikely]] {
      if (step.kind == StepKind::kLoop) return status;  // names the node inside
      if (steps.data() == steps_.data()) {
        const auto failed = static_cast<size_t>(&step - steps_.data());
        status = NameUninitialized(program_, failed, status);
      }
      return NodeError(*step.source->node, status);
    }
    for (Tensor* slot : step.releases) *slot = Tensor();
  }
  return absl::OkStatus();
}

absl::Status Plan::RunKernel(Step& step) {
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

absl::Status Plan::RunFetch(Step& step, std::vector<Tensor>* results) {
  Tensor& result = (*results)[step.source->fetch];
  if (step.source->share) {
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
