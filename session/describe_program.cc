#include "session/describe_program.h"

#include <algorithm>
#include <set>
#include <utility>

namespace sluice {
namespace {

const char* HomeName(Home home) {
  switch (home) {
    case Home::kConstant:
      return "constant";
    case Home::kFeed:
      return "feed";
    case Home::kArena:
      return "arena";
    case Home::kOwned:
      return "owned";
    case Home::kResult:
      return "result";
    case Home::kRuntime:
      break;
  }
  return "runtime";
}

// Of a reference: its handle takes nothing worth telling.
int64_t BytesOf(const Value& value) {
  if (value.is_ref || value.dtype == DType::kResource || !value.shape.fully_defined()) return 0;
  return value.shape.num_elements() * static_cast<int64_t>(SizeOf(value.dtype));
}

class Describer {
 public:
  Describer(const Program& program, const Layout& layout) : program_(program), layout_(layout) {}

  PlanDescription Run() {
    plan_.rewrites = program_.rewrites;
    plan_.folded = program_.folded;
    plan_.arena_bytes = layout_.arena_bytes;
    plan_.lower_bound_bytes = layout_.lower_bound_bytes;
    index_.assign(program_.values.size(), -1);
    for (const int v : program_.feeds) TensorOf(v);
    AddSteps(program_.steps);
    return std::move(plan_);
  }

 private:
  // The bodies of loops stand behind the step that runs them.
  void AddSteps(const std::vector<ProgramStep>& steps) {
    for (const ProgramStep& step : steps) {
      AddStep(step);
      if (step.kind == StepKind::kLoop) AddSteps(program_.loops[step.loop].steps);
    }
  }

  void AddStep(const ProgramStep& step) {
    PlanDescription::Step told;
    told.node = step.node->name();
    told.op = StepOp(step);
    for (const int v : step.inputs) told.inputs.push_back(TensorOf(v));
    for (const int v : step.outputs) told.outputs.push_back(TensorOf(v));
    told.scratch_bytes = step.scratch_bytes;
    told.flops = StepFlops(program_, step);
    told.invariant = step.invariant;
    told.late = step.late;
    told.in_place = WorksInPlace(step);
    plan_.steps.push_back(std::move(told));
  }

  // Inputs live while a step runs: an output with the same place has taken over.
  bool WorksInPlace(const ProgramStep& step) const {
    if (step.kind != StepKind::kKernel) return false;
    const auto planned = [&](int v) {
      return program_.values[v].home == Home::kArena && BytesOf(program_.values[v]) > 0;
    };
    for (const int out : step.outputs) {
      for (const int in : step.inputs) {
        if (planned(out) && planned(in) && layout_.offsets[out] == layout_.offsets[in]) return true;
      }
    }
    return false;
  }

  int TensorOf(int v) {
    if (index_[v] >= 0) return index_[v];
    const Value& value = program_.values[v];
    PlanDescription::Tensor told;
    told.dtype = value.dtype;
    told.shape = value.shape;
    told.home = HomeName(value.home);
    told.bytes = BytesOf(value);
    if (value.home == Home::kArena) told.offset = layout_.offsets[v];
    const bool first = value.root < 0;
    if (value.home == Home::kOwned && first) plan_.owned_bytes += told.bytes;
    if (value.home == Home::kConstant && told.bytes > 0 && Counts(value.tensor)) {
      plan_.constant_bytes += told.bytes;
    }
    plan_.tensors.push_back(std::move(told));
    return index_[v] = static_cast<int>(plan_.tensors.size()) - 1;
  }

  // Constants of other shapes may share their elements.
  bool Counts(const Tensor& constant) {
    return !constant.empty_handle() && constants_.insert(constant.raw()).second;
  }

  const Program& program_;
  const Layout& layout_;
  PlanDescription plan_;
  std::vector<int> index_;  // of values among the tensors
  std::set<const void*> constants_;
};

}  // namespace

PlanDescription DescribeProgram(const Program& program, const Layout& layout) {
  return Describer(program, layout).Run();
}

double StepFlops(const Program& program, const ProgramStep& step) {
  if (step.kind != StepKind::kKernel || step.node->spec().flops() == nullptr) return 0;
  const auto shapes_of = [&](const std::vector<int>& values) {
    std::vector<TensorShape> shapes;
    for (const int v : values) shapes.push_back(program.values[v].shape);
    return shapes;
  };
  const std::vector<TensorShape> inputs = shapes_of(step.inputs), outputs = shapes_of(step.outputs);
  const auto known = [](const TensorShape& shape) { return shape.fully_defined(); };
  if (!std::all_of(inputs.begin(), inputs.end(), known)) return 0;
  if (!std::all_of(outputs.begin(), outputs.end(), known)) return 0;
  return step.node->spec().flops()(step.node->attrs(), inputs, outputs);
}

std::string StepOp(const ProgramStep& step) {
  switch (step.kind) {
    case StepKind::kKernel:
      break;
    case StepKind::kAlias:
      return "alias";
    case StepKind::kRead:
      return "read";
    case StepKind::kFetch:
      return "fetch";
    case StepKind::kBranch:
      return "branch";
    case StepKind::kJoin:
      return "join";
    case StepKind::kMerge:
      return "merge";
    case StepKind::kLoop:
      return "loop";
  }
  return step.node->op();
}

}  // namespace sluice
