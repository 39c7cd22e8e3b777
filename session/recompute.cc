#include "session/recompute.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "session/invariants.h"

namespace sluice {
namespace {

bool Marked(const Program& program, const ProgramStep& step) {
  if (!IsPlainWork(program, step)) return false;
  const AttrValue* hint = FindAttr(step.node->attrs(), kRecomputeHintAttr);
  const int64_t* on = hint != nullptr ? hint->get_if<int64_t>() : nullptr;
  return on != nullptr && *on != 0;
}

bool IsGradient(const Node& node) {
  const absl::string_view name = node.name();
  return node.original_op() != nullptr || absl::StartsWith(name, "gradients") ||
         absl::StrContains(name, "/gradients");
}

class Doubler {
 public:
  explicit Doubler(Program* program) : program_(*program), steps_(program->steps) {}

  void Run() {
    if (std::none_of(steps_.begin(), steps_.end(),
                     [&](const ProgramStep& s) { return Marked(program_, s); })) {
      return;
    }
    FindLateReaders();
    // Later works first: a double is a late reader of what it needs.
    for (size_t s = steps_.size(); s-- > 0;) {
      if (Marked(program_, steps_[s])) MakeDouble(steps_[s]);
    }
    Insert();
  }

 private:
  // A reader that needs the value after the forward part: a step, or a double of one.
  struct Reader {
    ProgramStep* step;
    size_t place;  // the step it is, or before which it will stand
  };

  void FindLateReaders() {
    for (size_t s = 0; s < steps_.size(); ++s) {
      if (!IsGradient(*steps_[s].node) || steps_[s].kind != StepKind::kKernel) continue;
      for (int v : steps_[s].inputs) late_readers_[v].push_back({&steps_[s], s});
    }
    for (size_t v = 0; v < program_.values.size(); ++v) {
      const int root = program_.values[v].root;
      if (root >= 0) aliases_[root].push_back(static_cast<int>(v));
    }
  }

  void MakeDouble(const ProgramStep& step) {
    size_t place = steps_.size();
    for (int v : step.outputs) {
      place = std::min(place, FirstLateReader(v));
      for (int alias : aliases_[v]) place = std::min(place, FirstLateReader(alias));
    }
    if (place == steps_.size()) return;
    doubles_.push_back(std::make_unique<ProgramStep>(step));
    ProgramStep* twin = doubles_.back().get();
    for (int& v : twin->outputs) v = Redirect(v);
    for (int v : twin->inputs) late_readers_[v].push_back({twin, place});
    at_[place].push_back(twin);
  }

  size_t FirstLateReader(int v) const {
    size_t first = steps_.size();
    const auto readers = late_readers_.find(v);
    if (readers == late_readers_.end()) return first;
    for (const Reader& reader : readers->second) first = std::min(first, reader.place);
    return first;
  }

  // Late readers of `v` and of its other shapes read a new value, which is returned.
  int Redirect(int v) {
    const int twin = Copy(v, program_.values[v].root);
    RedirectReaders(v, twin);
    for (int alias : aliases_[v]) {
      if (FirstLateReader(alias) < steps_.size()) RedirectReaders(alias, Copy(alias, twin));
    }
    return twin;
  }

  int Copy(int v, int root) {
    Value copy = program_.values[v];
    copy.root = root;
    program_.values.push_back(std::move(copy));
    return static_cast<int>(program_.values.size()) - 1;
  }

  void RedirectReaders(int from, int to) {
    for (const Reader& reader : late_readers_[from]) {
      std::replace(reader.step->inputs.begin(), reader.step->inputs.end(), from, to);
    }
    late_readers_.erase(from);
  }

  // Doubles of one place: made in reverse order.
  void Insert() {
    std::vector<ProgramStep> ordered;
    ordered.reserve(steps_.size() + doubles_.size());
    for (size_t s = 0; s < steps_.size(); ++s) {
      std::vector<ProgramStep*>& twins = at_[s];
      for (size_t i = twins.size(); i-- > 0;) ordered.push_back(std::move(*twins[i]));
      ordered.push_back(std::move(steps_[s]));
    }
    steps_ = std::move(ordered);
  }

  Program& program_;
  std::vector<ProgramStep>& steps_;
  std::map<int, std::vector<Reader>> late_readers_;  // by value
  std::map<int, std::vector<int>> aliases_;          // by root
  std::vector<std::unique_ptr<ProgramStep>> doubles_;
  std::map<size_t, std::vector<ProgramStep*>> at_;  // by the step before which they stand
};

}  // namespace

void Recompute(Program* program) { Doubler(program).Run(); }

}  // namespace sluice
