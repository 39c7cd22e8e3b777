#include "session/program_editor.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/algorithm/container.h"
#include "glog/logging.h"
#include "session/aliases.h"
#include "session/constant_folding.h"
#include "session/infer_step.h"

namespace sluice {
namespace {

constexpr int64_t kGap = int64_t{1} << 32;  // between the positions of neighbours at first

}  // namespace

ProgramEditor::ProgramEditor(SessionState& session, const OpRegistry& registry, Program* program)
    : session_(session),
      registry_(registry),
      program_(*program),
      uses_(program->values.size()),
      aliases_(program->values.size()),
      maker_(program->values.size(), kNone),
      invariant_(InvariantValues(*program)) {
  for (size_t v = 0; v < program_.values.size(); ++v) {
    const int root = program_.values[v].root;
    if (root >= 0) aliases_[root].push_back(static_cast<int>(v));
  }
  for (size_t s = 0; s < steps().size(); ++s) {
    alive_.push_back(true);
    position_.push_back((static_cast<int64_t>(s) + 1) * kGap);
    order_[position_.back()] = static_cast<int>(s);
    Link(static_cast<int>(s));
  }
}

void ProgramEditor::Finish() {
  std::vector<ProgramStep> ordered;
  ordered.reserve(order_.size());
  for (const auto& [position, step] : order_) ordered.push_back(std::move(steps()[step]));
  steps() = std::move(ordered);
}

std::vector<int> ProgramEditor::Works() const {
  std::vector<int> works;
  for (const auto& [position, step] : order_) {
    if (Visible(steps()[step])) works.push_back(step);
  }
  return works;
}

// --- looking -------------------------------------------------------------------------------------

bool ProgramEditor::Visible(const ProgramStep& step) const {
  if (step.kind != StepKind::kKernel || step.late || step.guard != kLive) return false;
  const auto plain = [&](int v) {
    return !program_.values[v].is_ref && program_.values[v].shape.fully_defined();
  };
  return std::all_of(step.inputs.begin(), step.inputs.end(), plain) &&
         std::all_of(step.outputs.begin(), step.outputs.end(), plain);
}

int ProgramEditor::producer(int value) const {
  const int step = maker_[value];
  return step != kNone && Visible(steps()[step]) ? step : kNone;
}

bool ProgramEditor::Unused(int value) const {
  return uses_[value].none() && std::all_of(aliases_[value].begin(), aliases_[value].end(),
                                            [&](int a) { return uses_[a].none(); });
}

bool ProgramEditor::only_readers(int value) const {
  return uses_[value].hidden.empty() && std::all_of(aliases_[value].begin(), aliases_[value].end(),
                                                    [&](int a) { return uses_[a].none(); });
}

const Tensor* ProgramEditor::constant(int value) const {
  const Value& v = program_.values[value];
  return v.home == Home::kConstant && !v.is_ref ? &v.tensor : nullptr;
}

int ProgramEditor::unaliased(int value) const {
  const int root = program_.values[value].root;
  return root >= 0 ? root : value;
}

// --- keeping the books ---------------------------------------------------------------------------

void ProgramEditor::Link(int s) {
  const ProgramStep& step = steps()[s];
  const bool visible = Visible(step);
  for (int v : step.inputs) (visible ? uses_[v].seen : uses_[v].hidden).push_back(s);
  for (int v : step.outputs) maker_[v] = s;
}

void ProgramEditor::Unlink(int s, int value) {
  for (std::vector<int>* users : {&uses_[value].seen, &uses_[value].hidden}) {
    users->erase(std::remove(users->begin(), users->end(), s), users->end());
  }
}

int ProgramEditor::NewValue(DType dtype, const TensorShape& shape) {
  const Home home = IsTriviallyCopyable(dtype) ? Home::kArena : Home::kOwned;
  program_.values.push_back({.dtype = dtype, .home = home, .shape = shape});
  uses_.emplace_back();
  aliases_.emplace_back();
  maker_.push_back(kNone);
  invariant_.push_back(false);
  return static_cast<int>(program_.values.size()) - 1;
}

int ProgramEditor::Constant(const Tensor& tensor) {
  const int v = NewValue(tensor.dtype(), tensor.shape());
  program_.values[v].home = Home::kConstant;
  program_.values[v].tensor = tensor;
  invariant_[v] = true;
  return v;
}

// --- places --------------------------------------------------------------------------------------

int64_t ProgramEditor::LastMaker(absl::Span<const int> inputs) const {
  int64_t last = 0;
  for (int v : inputs) {
    for (int made : {v, unaliased(v)}) {
      if (maker_[made] != kNone) last = std::max(last, position_[maker_[made]]);
    }
  }
  return last;
}

int64_t ProgramEditor::FirstReader(absl::Span<const int> outputs) const {
  int64_t first = std::numeric_limits<int64_t>::max();
  const auto look = [&](int v) {
    for (int s : uses_[v].seen) first = std::min(first, position_[s]);
    for (int s : uses_[v].hidden) first = std::min(first, position_[s]);
  };
  for (int v : outputs) {
    if (v == kNone) continue;
    look(v);
    for (int alias : aliases_[v]) look(alias);
  }
  return first;
}

void ProgramEditor::SpreadPositions() {
  std::map<int64_t, int> spread;
  int64_t next = 0;
  for (const auto& [position, step] : order_) {
    position_[step] = next += kGap;
    spread[next] = step;
  }
  order_ = std::move(spread);
}

// A free position just before that of some step.
int64_t ProgramEditor::PlaceBefore(int64_t position) {
  auto at = order_.find(position);
  CHECK(at != order_.end());
  const int step = at->second;
  int64_t before = at == order_.begin() ? 0 : std::prev(at)->first;
  if (position - before < 2) {
    SpreadPositions();
    at = order_.find(position_[step]);
    before = at == order_.begin() ? 0 : std::prev(at)->first;
  }
  return before + (at->first - before) / 2;
}

// --- changing ------------------------------------------------------------------------------------

bool ProgramEditor::Check(int like, const Work& work, Draft* draft) {
  const OpSpec* spec = registry_.Find(work.op);
  CHECK(spec != nullptr) << "a rewrite asks for op " << work.op << ", which does not exist";
  std::vector<DType> dtypes;
  std::vector<TensorShape> shapes;
  std::vector<const Tensor*> known;
  for (int v : work.inputs) {
    dtypes.push_back(dtype(v));
    shapes.push_back(shape(v));
    known.push_back(constant(v));
  }
  auto node = program_.made->Make(*steps()[like].node, *spec, work.attrs, dtypes);
  if (!node.ok()) {
    VLOG(1) << "rewrite: " << node.status();
    return false;
  }
  auto inferred = InferStep(**node, std::move(shapes), std::move(known));
  if (!inferred.ok()) {
    VLOG(1) << "rewrite to " << work.op << ": " << inferred.status();
    return false;
  }
  draft->node = *node;
  draft->shapes = *std::move(inferred);
  return std::all_of(draft->shapes.begin(), draft->shapes.end(),
                     [](const TensorShape& s) { return s.fully_defined(); });
}

// `value` is made by `new_maker` from now on: who made it before makes a new one that nobody reads.
void ProgramEditor::TakeOver(int value, int new_maker) {
  if (maker_[value] != kNone) {
    const int unread = NewValue(dtype(value), shape(value));
    ProgramStep& old = steps()[maker_[value]];
    std::replace(old.outputs.begin(), old.outputs.end(), value, unread);
    maker_[unread] = maker_[value];
  }
  maker_[value] = new_maker;
}

int ProgramEditor::AddStep(Draft draft, const Work& work, int64_t position) {
  const int s = static_cast<int>(steps().size());
  ProgramStep step;
  step.node = draft.node;
  step.inputs = work.inputs;
  for (int i = 0; i < draft.node->num_outputs(); ++i) {
    const bool given = i < static_cast<int>(work.outputs.size()) && work.outputs[i] != kNone;
    const int v = given ? work.outputs[i] : NewValue(draft.node->output_dtype(i), draft.shapes[i]);
    if (given) TakeOver(v, s);
    step.outputs.push_back(v);
  }
  steps().push_back(std::move(step));
  alive_.push_back(true);
  position_.push_back(position);
  order_[position] = s;
  Link(s);
  NoteInvariant(s);
  return s;
}

void ProgramEditor::NoteInvariant(int s) {
  const ProgramStep& step = steps()[s];
  const bool invariant =
      IsPlainWork(program_, step) &&
      std::all_of(step.inputs.begin(), step.inputs.end(), [&](int v) { return invariant_[v]; });
  for (int v : step.outputs) invariant_[v] = invariant;
}

// Removes those of `works` that nobody needs, then what only they needed. What somebody asked to
// run (a control edge) is done by `instead` now; without one it stays.
void ProgramEditor::RemoveUnneeded(std::vector<int> works, int instead) {
  while (!works.empty()) {
    const int s = works.back();
    works.pop_back();
    ProgramStep& step = steps()[s];
    if (!alive_[s] || s == instead || step.kind != StepKind::kKernel || step.guard != kLive ||
        !std::all_of(step.outputs.begin(), step.outputs.end(), [&](int v) { return Unused(v); })) {
      continue;
    }
    if (step.required) {
      if (instead == kNone || step.node->spec().stateful() || step.outputs.empty()) continue;
      steps()[instead].required = true;
    }
    alive_[s] = false;
    order_.erase(position_[s]);
    for (int v : step.outputs) maker_[v] = kNone;
    for (int v : step.inputs) {
      Unlink(s, v);
      const int made = unaliased(v);
      if (maker_[made] != kNone) works.push_back(maker_[made]);
    }
  }
}

int ProgramEditor::Replace(int work, Work by) {
  Draft draft;
  if (!Check(work, by, &draft)) return kNone;
  CHECK_LE(by.outputs.size(), draft.shapes.size()) << by.op;
  std::vector<int> old_makers = {work};
  for (size_t i = 0; i < by.outputs.size(); ++i) {
    const int v = by.outputs[i];
    if (v == kNone) continue;
    if (dtype(v) != draft.node->output_dtype(static_cast<int>(i)) || shape(v) != draft.shapes[i]) {
      VLOG(1) << "rewrite to " << by.op << ": output " << i << " would have another type or shape";
      return kNone;
    }
    if (maker_[v] != kNone) old_makers.push_back(maker_[v]);
  }
  const int64_t after = LastMaker(by.inputs), before = FirstReader(by.outputs);
  int64_t position = position_[work];
  if (after >= position || before <= position) {
    if (after >= before || before == std::numeric_limits<int64_t>::max()) return kNone;
    position = PlaceBefore(before);
  } else {
    position = PlaceBefore(position);
  }
  last_made_ = AddStep(std::move(draft), by, position);
  RemoveUnneeded(std::move(old_makers), last_made_);
  return last_made_;
}

std::vector<int> ProgramEditor::Add(int reader, Work work) {
  Draft draft;
  if (!Check(reader, work, &draft)) return {};
  if (IsAlias(*draft.node)) return AddAlias(draft, work.inputs);
  std::vector<const Value*> values;
  for (int v : work.inputs) values.push_back(&program_.values[v]);
  if (CanFold(*draft.node, values, draft.shapes, true)) return AddFolded(draft, work.inputs);
  if (LastMaker(work.inputs) >= position_[reader]) return {};
  work.outputs.clear();
  const int s = AddStep(std::move(draft), work, PlaceBefore(position_[reader]));
  return steps()[s].outputs;
}

std::vector<int> ProgramEditor::AddFolded(const Draft& draft, const std::vector<int>& inputs) {
  std::vector<const Value*> values;
  for (int v : inputs) values.push_back(&program_.values[v]);
  const auto tensors = Fold(*draft.node, session_, values, draft.shapes);
  if (!tensors.ok()) return {};
  std::vector<int> results;
  for (const Tensor& tensor : *tensors) results.push_back(Constant(tensor));
  ++program_.folded;
  return results;
}

std::vector<int> ProgramEditor::AddAlias(const Draft& draft, const std::vector<int>& inputs) {
  std::vector<int> results;
  for (int i = 0; i < draft.node->num_outputs(); ++i) {
    const int source = inputs[AliasedInput(*draft.node, i)];
    const Value from = program_.values[source];
    if (from.shape == draft.shapes[i]) {
      results.push_back(source);
    } else if (from.home == Home::kConstant) {
      results.push_back(Constant(*from.tensor.Reshaped(draft.shapes[i])));
    } else if (from.home == Home::kArena || from.home == Home::kOwned) {
      const int v = NewValue(from.dtype, draft.shapes[i]);
      program_.values[v].home = from.home;
      program_.values[v].root = unaliased(source);
      aliases_[unaliased(source)].push_back(v);
      invariant_[v] = invariant_[source];
      results.push_back(v);
    } else {
      return {};  // fed or made while running: that takes a step of its own
    }
  }
  return results;
}

// An update of `variables` may move from one side of `step` to the other.
bool ProgramEditor::MayPass(const ProgramStep& step,
                            absl::Span<const Resource* const> variables) const {
  if (step.kind != StepKind::kKernel && step.kind != StepKind::kAlias &&
      step.kind != StepKind::kFetch && step.kind != StepKind::kRead) {
    return false;
  }
  const bool effects = step.kind == StepKind::kKernel && step.node->spec().stateful();
  if (effects && !step.node->spec().writes_resources() && !step.node->spec().reads_variable()) {
    return false;
  }
  for (int v : step.inputs) {
    if (dtype(v) != DType::kResource) continue;
    const Resource* resource = KnownResource(program_, v);
    if (resource == nullptr || absl::c_linear_search(variables, resource)) return false;
  }
  return true;
}

int ProgramEditor::Merge(absl::Span<const int> works, Work by) {
  Draft draft;
  if (works.empty() || !Check(works[0], by, &draft) || draft.node->num_outputs() > 0) return kNone;
  std::vector<const Resource*> variables;
  int64_t first = std::numeric_limits<int64_t>::max(), last = 0;
  for (int work : works) {
    first = std::min(first, position_[work]);
    last = std::max(last, position_[work]);
    if (!outputs(work).empty()) return kNone;
    for (int v : inputs(work)) {
      if (dtype(v) != DType::kResource) continue;
      variables.push_back(KnownResource(program_, v));
      if (variables.back() == nullptr) return kNone;
    }
  }
  for (auto at = order_.find(first); at != order_.end() && at->first < last; ++at) {
    if (absl::c_linear_search(works, at->second)) continue;
    if (!MayPass(steps()[at->second], variables)) return kNone;
  }
  const int merged = AddStep(std::move(draft), by, PlaceBefore(last));
  steps()[merged].required = true;
  for (int work : works) steps()[work].required = false;
  RemoveUnneeded({works.begin(), works.end()}, kNone);
  return last_made_ = merged;
}

bool ProgramEditor::Forward(int value, int instead) {
  if (value == instead || dtype(value) != dtype(instead) || shape(value) != shape(instead)) {
    return false;
  }
  // Work that reads it under another shape, or in a loop, holds on to the value itself.
  for (int alias : aliases_[value]) {
    if (!uses_[alias].none()) return false;
  }
  for (int s : uses_[value].hidden) {
    if (steps()[s].kind != StepKind::kFetch && steps()[s].kind != StepKind::kKernel) return false;
  }
  if (LastMaker({&instead, 1}) >= FirstReader({&value, 1})) return false;
  const Uses uses = std::exchange(uses_[value], {});
  for (const std::vector<int>* users : {&uses.seen, &uses.hidden}) {
    for (int s : *users) {
      std::replace(steps()[s].inputs.begin(), steps()[s].inputs.end(), value, instead);
    }
  }
  uses_[instead].seen.insert(uses_[instead].seen.end(), uses.seen.begin(), uses.seen.end());
  uses_[instead].hidden.insert(uses_[instead].hidden.end(), uses.hidden.begin(), uses.hidden.end());
  if (maker_[value] != kNone) {
    RemoveUnneeded({maker_[value]}, maker_[unaliased(instead)]);
  }
  return true;
}

}  // namespace sluice
