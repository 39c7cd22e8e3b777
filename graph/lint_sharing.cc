// The kinds of graph/lint.h that are about sharing: meant or not, had or missed.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "core/status.h"
#include "graph/lint_facts.h"

namespace sluice {
namespace {

// "conv_12" -> "conv", 12; a name without number has -1.
std::pair<absl::string_view, int64_t> SplitNumber(absl::string_view name) {
  size_t digits = name.size();
  while (digits > 0 && absl::ascii_isdigit(name[digits - 1])) --digits;
  const size_t count = name.size() - digits;
  if (count == 0 || count > 9 || digits < 2 || name[digits - 1] != '_') return {name, -1};
  int64_t number = 0;
  for (const char c : name.substr(digits)) number = number * 10 + (c - '0');
  return {name.substr(0, digits - 1), number};
}

// --- shared variables ---

// Ops that one call of a layer made.
struct LayerCall {
  std::string scope;
  std::vector<const Node*> ops;
};

class SharingReport {
 public:
  explicit SharingReport(const LintFacts& facts) : facts_(facts), seen_(facts.nodes().size(), 0) {
    for (const Output& op : facts.graph().TrainOps())
      optimizers_.push_back(absl::StrCat(op.node()->name(), "/"));
  }

  void Find(std::vector<LintFinding>* findings) {
    // The handles of one variable, in order of creation of the first.
    std::map<std::string, size_t> position;
    std::vector<std::vector<const HandleFacts*>> variables;
    for (const HandleFacts& handle : facts_.handles()) {
      const auto [at, added] = position.emplace(handle.name, variables.size());
      if (added) variables.emplace_back();
      variables[at->second].push_back(&handle);
    }
    for (const auto& handles : variables) {
      const std::vector<LayerCall> calls = Calls(handles[0]->name, Readers(handles));
      if (calls.size() < 2) continue;
      findings->push_back({LintKind::kSharedVariable, LintSeverity::kNote, handles[0]->name,
                           Describe(calls), handles[0]->location});
    }
  }

 private:
  // Not part of what the network computes: made by gradients, optimizers, savers, summaries, or by
  // the variable itself.
  bool Counts(const Node& node) const {
    if (LintFacts::IsGradient(node) || absl::StartsWith(node.name(), own_prefix_)) return false;
    bool gives_numbers = node.spec().opaque();
    for (int i = 0; i < node.num_outputs(); ++i)
      gives_numbers |= node.output_dtype(i) != DType::kString;
    if (!gives_numbers) return false;
    return std::none_of(optimizers_.begin(), optimizers_.end(), [&](const std::string& prefix) {
      return absl::StartsWith(node.name(), prefix);
    });
  }

  std::vector<const Node*> Readers(const std::vector<const HandleFacts*>& handles) {
    ++round_;
    own_prefix_ = absl::StrCat(handles[0]->name, "/");
    std::vector<const Node*> readers, values;
    const auto visit = [&](const Node* node) {
      if (std::exchange(seen_[node->id()], round_) == round_) return;
      if (node->spec().passes_gradient_through()) {
        values.push_back(node);
      } else if (Counts(*node)) {
        readers.push_back(node);
      }
    };
    if (const Variable* whole = facts_.graph().FindVariable(handles[0]->name)) {
      if (whole->is_partitioned() && !whole->value().empty()) visit(whole->value().node());
    }
    for (const HandleFacts* handle : handles) {
      for (const HandleUse& use : handle->uses) {
        if (!use.writes && use.needs_value) visit(use.node);
      }
    }
    for (size_t i = 0; i < values.size(); ++i) {
      for (const Node* consumer : facts_.consumers(*values[i])) {
        if (!consumer->spec().writes_resources()) visit(consumer);
      }
    }
    std::sort(readers.begin(), readers.end(),
              [](const Node* a, const Node* b) { return a->id() < b->id(); });
    return readers;
  }

  // Two scopes are two calls. A layer object that is called again builds in its first scope: then
  // an op is there twice, "conv/Conv2D" and "conv/Conv2D_1".
  static std::vector<LayerCall> Calls(const std::string& variable,
                                      const std::vector<const Node*>& readers) {
    const std::vector<absl::string_view> owner = absl::StrSplit(variable, '/');
    const absl::string_view layer =
        owner.size() < 2 ? absl::string_view() : owner[owner.size() - 2];
    std::vector<LayerCall> calls;
    std::map<std::pair<std::string, int>, size_t>
        position;  // by scope and number of the call in it
    std::map<std::string, int> seen;
    for (const Node* node : readers) {
      const size_t length = ScopeLength(node->name(), layer);
      const std::string scope = node->name().substr(0, length);
      const std::string role =
          absl::StrCat(node->op(), " ", RoleIn(absl::string_view(node->name()).substr(length)));
      const int call = seen[absl::StrCat(scope, " ", role)]++;
      const auto [at, added] = position.emplace(std::pair(scope, call), calls.size());
      if (added) calls.push_back({scope, {}});
      calls[at->second].ops.push_back(node);
    }
    return calls;
  }

  // How much of `name` is the scope of the layer's call: up to the layer's name, which may be
  // numbered there; else all but the last component.
  static size_t ScopeLength(absl::string_view name, absl::string_view layer) {
    size_t end = name.size();
    while (!layer.empty()) {
      const size_t slash = end == 0 ? absl::string_view::npos : name.rfind('/', end - 1);
      const size_t start = slash == absl::string_view::npos ? 0 : slash + 1;
      const absl::string_view component = name.substr(start, end - start);
      if (component == layer || SplitNumber(component).first == layer) return end;
      if (slash == absl::string_view::npos) break;
      end = slash;
    }
    const size_t last = name.rfind('/');
    return last == absl::string_view::npos ? 0 : last;
  }

  // "/batchnorm_1/mul_2" -> "batchnorm/mul_2", "/Conv2D_1" -> "Conv2D": the same in every call.
  static std::string RoleIn(absl::string_view rest) {
    if (absl::StartsWith(rest, "/")) rest.remove_prefix(1);
    const size_t slash = rest.find('/');
    const absl::string_view first = rest.substr(0, slash);
    return absl::StrCat(SplitNumber(first).first, slash == absl::string_view::npos
                                                      ? absl::string_view()
                                                      : rest.substr(slash));
  }

  static std::string Describe(const std::vector<LayerCall>& calls) {
    const auto op = [](std::string* out, const Node* node) {
      absl::StrAppend(out, Printable(node->name()),
                      node->location().empty() ? "" : absl::StrCat(" at ", node->location()));
    };
    const auto call = [&](std::string* out, const LayerCall& c) {
      absl::StrAppend(out, c.scope.empty() ? "the root" : Printable(c.scope), " (",
                      absl::StrJoin(c.ops, ", ", op), ")");
    };
    return absl::StrCat(calls.size(), " layer calls read it: ", absl::StrJoin(calls, ", ", call));
  }

  const LintFacts& facts_;
  std::vector<std::string> optimizers_;  // scopes
  std::string own_prefix_;
  std::vector<int> seen_;  // by node id: the last round that came by
  int round_ = 0;
};

// --- layers that were numbered ---

// Variables made below one default scope, by their names in it.
using LayerVariables = std::map<std::string, const HandleFacts*>;

bool SameWeights(const LayerVariables& a, const std::string& sibling,
                 const std::map<std::string, const HandleFacts*>& all) {
  return std::all_of(a.begin(), a.end(), [&](const auto& entry) {
    const auto other = all.find(absl::StrCat(sibling, "/", entry.first));
    if (other == all.end()) return false;
    const Variable& mine = entry.second->variable;
    const Variable& theirs = other->second->variable;
    return mine.dtype() == theirs.dtype() && mine.shape() == theirs.shape();
  });
}

// The earlier scope "dense" or "dense_1" of "dense_2" that holds the same variables.
std::string SameEarlier(const std::string& scope, const LayerVariables& variables,
                        const std::map<std::string, const HandleFacts*>& all) {
  constexpr int64_t kMostSiblings = 64;
  const auto [base, number] = SplitNumber(scope);
  if (number < 0) return "";
  const std::string first(base);
  if (SameWeights(variables, first, all)) return first;
  for (int64_t i = std::max<int64_t>(1, number - kMostSiblings); i < number; ++i) {
    const std::string sibling = absl::StrCat(first, "_", i);
    if (SameWeights(variables, sibling, all)) return sibling;
  }
  return "";
}

}  // namespace

void FindSharedVariables(const LintFacts& facts, std::vector<LintFinding>* findings) {
  SharingReport(facts).Find(findings);
}

void FindAutoNamedLayers(const LintFacts& facts, std::vector<LintFinding>* findings) {
  std::map<std::string, const HandleFacts*> all;
  std::map<std::string, LayerVariables> layers;
  std::vector<std::string> order;
  for (const HandleFacts& handle : facts.handles()) {
    if (handle.variable.empty()) continue;
    const std::string& name = handle.variable.op_name();
    all.emplace(name, &handle);
    const std::string& scope = handle.variable.data().numbered_scope;
    if (scope.empty() || !absl::StartsWith(name, absl::StrCat(scope, "/"))) continue;
    LayerVariables& layer = layers[scope];
    if (layer.empty()) order.push_back(scope);
    layer.emplace(name.substr(scope.size() + 1), &handle);
  }
  for (const std::string& scope : order) {
    const LayerVariables& variables = layers[scope];
    const std::string earlier = SameEarlier(scope, variables, all);
    if (earlier.empty()) continue;
    findings->push_back(
        {LintKind::kAutoNamedLayer, LintSeverity::kWarning, scope,
         absl::StrCat("this layer has no name and was numbered under Reuse::kAuto, so it has "
                      "weights of its own, shaped like those of '",
                      earlier, "'; to share them, or to show that this is meant, name the layer"),
         variables.begin()->second->location});
  }
}

}  // namespace sluice
