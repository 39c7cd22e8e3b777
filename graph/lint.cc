#include "graph/lint.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/gradients.h"
#include "graph/lint_facts.h"
#include "graph/updates.h"

namespace sluice {
namespace {

// More ops between a variable and its penalty are not looked at.
constexpr size_t kMostPenaltyOps = 256;

using NodeSet = std::vector<bool>;  // by id

NodeSet Union(NodeSet a, const NodeSet& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] = a[i] || b[i];
  return a;
}

class Linter {
 public:
  Linter(const LintFacts& facts, const LintOptions& options) : facts_(facts), options_(options) {
    FindFetches();
    FindTraining();
  }

  std::vector<LintFinding> Run() {
    FindUninitialized();
    if (trains_) {
      FindUntrained();
      FindUnusedUpdates();
      FindUnusedRegularizers();
    }
    FindUnusedPlaceholders();
    if (!options_.only_cheap) {
      FindSharedVariables(facts_, &findings_);
      FindAutoNamedLayers(facts_, &findings_);
    }
    return std::move(findings_);
  }

 private:
  const Graph& graph() const { return facts_.graph(); }
  bool Ours(const Output& output) const {
    return !output.empty() && output.graph() == &graph() &&
           static_cast<size_t>(output.node()->id()) < facts_.nodes().size();
  }
  Outputs OursOf(const Outputs& outputs) const {
    Outputs ours;
    for (const Output& output : outputs) {
      if (Ours(output)) ours.push_back(output);
    }
    return ours;
  }
  NodeSet RunBy(const Outputs& outputs) const { return Ancestors(graph(), outputs, true); }

  void Add(LintKind kind, std::string name, std::string message, std::string location) {
    findings_.push_back(
        {kind, LintSeverity::kWarning, std::move(name), std::move(message), std::move(location)});
  }

  // --- what runs ---
  void FindFetches() {
    fetches_ = OursOf(options_.fetches);
    train_ops_ = OursOf(graph().TrainOps());
    fetches_given_ = !fetches_.empty();
    if (!fetches_given_) fetches_ = train_ops_;
    everything_runs_ = fetches_.empty();
    if (everything_runs_) {
      for (const Node* node : facts_.nodes()) {
        if (!facts_.used(*node)) fetches_.push_back(node->operation());
      }
    }
    fetched_ = RunBy(fetches_);
  }

  void FindTraining() {
    Outputs elsewhere;  // train ops that some other run of the program must run
    for (const Output& op : train_ops_) {
      const bool here = fetched_[op.node()->id()];
      trains_ |= here;
      if (!here || !fetches_given_) elsewhere.push_back(op);
    }
    if (!trains_) return;
    by_train_ops_ = RunBy(train_ops_);
    in_training_ = Union(Union(fetched_, by_train_ops_), RunBy(After(elsewhere)));
  }

  // Everything that runs `ops` and may run more besides: a group of a train op with updates.
  Outputs After(const Outputs& ops) const {
    std::vector<std::vector<const Node*>> waiting(facts_.nodes().size());
    for (const Node* node : facts_.nodes()) {
      for (const Node* control : node->control_inputs()) waiting[control->id()].push_back(node);
    }
    NodeSet seen(facts_.nodes().size(), false);
    std::vector<const Node*> todo;
    for (const Output& op : ops) todo.push_back(op.node());
    Outputs after;
    while (!todo.empty()) {
      const Node* node = todo.back();
      todo.pop_back();
      if (seen[node->id()]) continue;
      seen[node->id()] = true;
      after.push_back(node->operation());
      for (const Node* next : waiting[node->id()]) todo.push_back(next);
      for (const Node* next : facts_.consumers(*node)) todo.push_back(next);
    }
    return after;
  }

  // --- uninitialized variables ---
  Outputs Initializers() const {
    if (Ours(options_.initializer)) return {options_.initializer};
    const Outputs standard = OursOf(graph().OutputsIn(keys::kInitOp));
    if (standard.size() != 1) return {};
    Outputs all = OursOf(graph().OutputsIn(keys::kLocalInitOp));
    all.push_back(standard[0]);
    return all;
  }

  void FindUninitialized() {
    const Outputs initializers = Initializers();
    const NodeSet initialize = RunBy(initializers);
    std::set<std::string> reported;
    for (const HandleFacts& handle : facts_.handles()) {
      const bool needed = std::any_of(
          handle.uses.begin(), handle.uses.end(),
          [&](const HandleUse& use) { return use.needs_value && fetched_[use.node->id()]; });
      if (!needed || AssignedIn(handle, initialize)) continue;
      if (initializers.empty() && HasInitializer(handle)) continue;
      if (!everything_runs_ && AssignedIn(handle, fetched_)) continue;
      if (!reported.insert(handle.name).second) continue;
      Add(LintKind::kUninitializedVariable, handle.name,
          initializers.empty()
              ? "it is read, but stands in neither GLOBAL_VARIABLES nor LOCAL_VARIABLES, so that "
                "no "
                "standard initializer gives it a value; run its own initializer too"
              : absl::StrCat("it is read, but '", initializers.back().node()->name(),
                             "' does not initialize it; add its initializer there"),
          handle.location);
    }
  }

  // Gets a value from nothing there.
  static bool AssignedIn(const HandleFacts& handle, const NodeSet& set) {
    return std::any_of(handle.uses.begin(), handle.uses.end(), [&](const HandleUse& use) {
      return use.writes && (!use.needs_value || use.node->spec().opaque()) && set[use.node->id()];
    });
  }

  // One of the standard initializers does it. A graph without collections cannot tell: there any
  // assignment counts.
  bool HasInitializer(const HandleFacts& handle) const {
    if (handle.standard || !handle.variable.empty()) return handle.standard;
    return AssignedIn(handle, NodeSet(facts_.nodes().size(), true));
  }

  // --- trainables ---
  bool Changed(const HandleFacts& handle) const {
    return std::any_of(handle.uses.begin(), handle.uses.end(), [&](const HandleUse& use) {
      return use.writes && in_training_[use.node->id()];
    });
  }

  void FindUntrained() {
    std::set<std::string> reported;
    for (const HandleFacts& handle : facts_.handles()) {
      if (!handle.trainable || Changed(handle) || !reported.insert(handle.name).second) continue;
      const bool in_loss =
          std::any_of(handle.uses.begin(), handle.uses.end(),
                      [&](const HandleUse& use) { return by_train_ops_[use.node->id()]; });
      Add(LintKind::kTrainableWithoutGradient, handle.name,
          absl::StrCat("it is trainable, but no train op changes it: ",
                       in_loss ? "the loss uses it, but no gradient for it reaches the optimizer "
                                 "(left out of var_list, or behind an op that stops gradients)"
                               : "no loss that is trained depends on it",
                       "; if that is meant, make it with trainable = false"),
          handle.location);
    }
  }

  // --- updates ---
  // The layers that the update belongs to are no part of what is trained.
  bool BelongsElsewhere(const Node& update) const {
    const AttrValue* attr = FindAttr(update.attrs(), kUpdateOfAttr);
    const auto* owners = attr == nullptr ? nullptr : attr->get_if<std::vector<std::string>>();
    if (owners == nullptr || owners->empty()) return false;
    return std::all_of(owners->begin(), owners->end(), [&](const std::string& name) {
      const Node* owner = graph().FindNode(name);
      return owner != nullptr && !by_train_ops_[owner->id()];
    });
  }

  void FindUnusedUpdates() {
    for (const Node* update : Items(keys::kUpdateOps)) {
      if (in_training_[update->id()] || BelongsElsewhere(*update)) continue;
      Add(LintKind::kUnusedUpdate, update->name(),
          "it stands in UPDATE_OPS, but no train op runs it, so what it updates stays as it is; "
          "let "
          "Minimize run it (run_update_ops), or build the train op in a scope "
          ".After(graph.UpdateOps())",
          update->location());
    }
  }

  // --- regularizers ---
  void FindUnusedRegularizers() {
    const std::vector<const Node*> penalties = Items(keys::kRegularizationLosses);
    if (penalties.empty()) return;
    const NodeSet differentiated = facts_.DifferentiatedBy(by_train_ops_);
    Outputs ops;
    for (const Node* node : facts_.nodes()) {
      if (differentiated[node->id()]) ops.push_back(node->operation());
    }
    // What goes into something that is differentiated, or that a train op waits for.
    const NodeSet useful = Union(Ancestors(graph(), ops), by_train_ops_);
    FindTrainedHandles();
    for (const Node* penalty : penalties) {
      if (useful[penalty->id()] || DifferentiatedThrough(*penalty, differentiated)) continue;
      if (!DependsOnTrained(*penalty)) continue;
      Add(LintKind::kUnusedRegularizer, penalty->name(),
          "it stands in REGULARIZATION_LOSSES, but no train op differentiates it, so it has no "
          "effect; add graph.RegularizationLosses() to the loss, after the last layer was built",
          penalty->location());
    }
  }

  // The gradient of `penalty` itself may need no op (a sum's does not): then that of what only the
  // penalty is made from shows.
  bool DifferentiatedThrough(const Node& penalty, const NodeSet& differentiated) const {
    absl::flat_hash_set<const Node*> inside = {&penalty};
    std::vector<const Node*> todo = {&penalty};
    const auto only_inside = [&](const Node* node) {
      const auto& consumers = facts_.consumers(*node);
      return std::none_of(consumers.begin(), consumers.end(), [&](const Node* c) {
        return !inside.contains(c) && differentiated[c->id()];
      });
    };
    for (size_t i = 0; i < todo.size() && i < kMostPenaltyOps; ++i) {
      for (int k = 0; k < todo[i]->num_inputs(); ++k) {
        const Node* from = todo[i]->input_edge(k).node;
        if (from == nullptr || inside.contains(from) || !only_inside(from)) continue;
        if (differentiated[from->id()]) return true;
        inside.insert(from);
        todo.push_back(from);
      }
    }
    return false;
  }

  void FindTrainedHandles() {
    trained_.assign(facts_.nodes().size(), false);
    for (const HandleFacts& handle : facts_.handles()) {
      if (handle.trainable && Changed(handle)) trained_[handle.node->id()] = true;
    }
  }

  bool DependsOnTrained(const Node& penalty) const {
    absl::flat_hash_set<const Node*> seen = {&penalty};
    std::vector<const Node*> todo = {&penalty};
    for (size_t i = 0; i < todo.size() && i < kMostPenaltyOps; ++i) {
      if (trained_[todo[i]->id()]) return true;
      for (int k = 0; k < todo[i]->num_inputs(); ++k) {
        const Node* from = todo[i]->input_edge(k).node;
        if (from != nullptr && seen.insert(from).second) todo.push_back(from);
      }
    }
    return false;
  }

  // --- placeholders ---
  void FindUnusedPlaceholders() {
    NodeSet asked(facts_.nodes().size(), false);
    for (const Output& fetch : OursOf(options_.fetches)) asked[fetch.node()->id()] = true;
    for (const Node* node : facts_.nodes()) {
      if (!node->spec().must_be_fed() || facts_.used(*node) || asked[node->id()]) continue;
      Add(LintKind::kUnusedPlaceholder, node->name(),
          "nothing reads this placeholder; remove it, or use it where something else is used now",
          node->location());
    }
  }

  // The ops in a collection, each once, in order of creation.
  std::vector<const Node*> Items(const char* collection) const {
    std::vector<const Node*> nodes;
    for (const Output& item : OursOf(graph().OutputsIn(collection))) nodes.push_back(item.node());
    std::sort(nodes.begin(), nodes.end(),
              [](const Node* a, const Node* b) { return a->id() < b->id(); });
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return nodes;
  }

  const LintFacts& facts_;
  const LintOptions& options_;
  std::vector<LintFinding> findings_;
  Outputs fetches_, train_ops_;
  bool fetches_given_ = false;
  bool everything_runs_ = false;  // nothing was asked for, and nothing trains
  bool trains_ = false;
  NodeSet fetched_;       // runs with the fetches
  NodeSet by_train_ops_;  // runs with some train op
  NodeSet in_training_;   // both, and what may run with train ops that the fetches leave to others
  NodeSet trained_;       // handles that training changes
};

}  // namespace

const char* LintKindName(LintKind kind) {
  switch (kind) {
    case LintKind::kUninitializedVariable:
      return "uninitialized-variable";
    case LintKind::kTrainableWithoutGradient:
      return "trainable-without-gradient";
    case LintKind::kUnusedUpdate:
      return "unused-update";
    case LintKind::kUnusedRegularizer:
      return "unused-regularizer";
    case LintKind::kUnusedPlaceholder:
      return "unused-placeholder";
    case LintKind::kSharedVariable:
      return "shared-variable";
    case LintKind::kAutoNamedLayer:
      return "auto-named-layer";
  }
  return "unknown";
}

std::string LintFinding::ToString() const {
  std::string text = absl::StrCat(severity == LintSeverity::kNote ? "note" : "warning", ": ",
                                  LintKindName(kind), ": ", Printable(name), ": ", message);
  if (!location.empty()) absl::StrAppend(&text, " (", location, ")");
  return text;
}

std::vector<LintFinding> Lint(const Graph& graph, const LintOptions& options) {
  const auto lock = graph.Hold();
  const LintFacts facts(graph);
  return Linter(facts, options).Run();
}

std::vector<LintFinding> Graph::Lint(const Outputs& fetches) const {
  return sluice::Lint(*this, {.fetches = fetches});
}

}  // namespace sluice
