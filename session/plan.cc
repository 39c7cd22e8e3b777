#include "session/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/variable_resource.h"
#include "glog/logging.h"
#include "session/prune.h"

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
  SLUICE_RETURN_IF_ERROR(plan->MakeSlots());
  std::vector<ProgramStep>& steps = plan->program_.steps;
  plan->steps_.reserve(steps.size());
  for (size_t s = 0; s < steps.size(); ++s) {
    plan->steps_.push_back(plan->MakeStep(&steps[s], plan->layout_.releases[s]));
  }
  // Memory that is refused is refused now, not in the first run.
  SLUICE_RETURN_IF_ERROR(plan->EnterArena());
  session.arenas.GiveBack(plan.get());
  for (const ProgramStep& step : steps) {
    if (step.direct) plan->direct_results_.push_back(&step);
  }
  return plan;
}

Plan::Plan(SessionState& session, Program program)
    : session_(session),
      program_(std::move(program)),
      layout_(PlanLayout(program_, session.optimize)) {
  state_.session = &session_;
}

Plan::~Plan() { session_.arenas.Leave(this); }

// Takes a block of memory for one run; the caller gives it back.
absl::Status Plan::EnterArena() {
  // Never empty: tensors without elements need an address too.
  const int64_t bytes = std::max<int64_t>(layout_.arena_bytes, kBufferAlignment);
  bool fresh = false;
  const absl::StatusOr<BufferRef> arena = session_.arenas.Take(this, bytes, &fresh);
  if (!arena.ok()) {
    return Annotate(arena.status(), absl::StrCat("planned memory of ", bytes, " bytes (",
                                                 LargestTensor(program_), ")"));
  }
  if (fresh) PlaceInArena(*arena);
  return absl::OkStatus();
}

void Plan::PlaceInArena(const BufferRef& arena) {
  state_.arena = Tensor::View(arena, 0, DType::kUint8, {arena->bytes()});
  for (size_t v = 0; v < slots_.size(); ++v) {
    const Value& value = program_.values[v];
    if (value.home == Home::kArena && layout_.offsets[v] >= 0) {
      slots_[v] = Tensor::View(arena, layout_.offsets[v], value.dtype, value.shape);
    }
  }
  for (size_t s = 0; s < steps_.size(); ++s) {
    if (program_.steps[s].scratch_bytes == 0) continue;
    steps_[s].context->set_scratch(static_cast<char*>(state_.arena.mutable_raw()) +
                                   layout_.scratch_offsets[s]);
  }
}

void Plan::LeaveArena() {
  const Tensor none;
  state_.arena = none;
  for (size_t v = 0; v < slots_.size(); ++v) {
    if (program_.values[v].home == Home::kArena) slots_[v] = none;
  }
}

absl::Status Plan::MakeSlots() {
  dead_.assign(program_.num_tokens, 0);
  versions_.assign(program_.invariant_reads, 0);
  slots_.resize(program_.values.size());
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
      case Home::kResult:
      case Home::kRuntime:
        borrowed_.push_back(&slots_[v]);
        break;
    }
  }
  return absl::OkStatus();
}

Plan::Step Plan::MakeStep(ProgramStep* source, absl::Span<const int> releases) {
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
      step.one_thread =
          StepThreads(*source->node, session_, session_.threads) == 1 && session_.threads > 1;
      if (step.one_thread) step.context->set_threads(1);
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
    const bool fixed =
        value.home == Home::kArena || value.home == Home::kOwned || value.home == Home::kResult;
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

}  // namespace sluice
