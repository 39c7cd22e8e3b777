#include "train/restore_plan.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/nearest.h"
#include "re2/re2.h"

namespace sluice::train {
namespace {

using Table = std::map<std::string, std::string>;

bool IsScope(absl::string_view name) { return absl::EndsWith(name, "/"); }

// "net/" as it is, "/" as "".
absl::string_view Prefix(absl::string_view scope) {
  return scope == "/" ? absl::string_view() : scope;
}

absl::Status CheckTable(const Table& table) {
  for (const auto& [from, to] : table) {
    if (from.empty() || to.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("a rule of names '", Printable(from), "' -> '",
                                                     Printable(to), "' must have two names"));
    }
    if (IsScope(from) == IsScope(to)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("a rule of names '", Printable(from), "' -> '", Printable(to),
                     "': a scope ('scope/') goes with a scope, a name with a name"));
  }
  return absl::OkStatus();
}

// The rule of a table that is for `name`: the name itself, else the longest scope.
const Table::value_type* FindRule(const Table& table, const std::string& name) {
  const auto exact = table.find(name);
  if (exact != table.end() && !IsScope(name)) return &*exact;
  const Table::value_type* best = nullptr;
  for (const auto& rule : table) {
    if (IsScope(rule.first) && absl::StartsWith(name, Prefix(rule.first)) &&
        (best == nullptr || Prefix(rule.first).size() > Prefix(best->first).size())) {
      best = &rule;
    }
  }
  return best;
}

std::string Renamed(const Table::value_type& rule, absl::string_view name) {
  if (!IsScope(rule.first)) return rule.second;
  name.remove_prefix(Prefix(rule.first).size());
  return absl::StrCat(Prefix(rule.second), name);
}

// Rules ready for many names. REQUIRES: Check() is OK.
class Renamer {
 public:
  explicit Renamer(const RenameRules& rules) : rules_(rules) {
    for (const RegexRename& regex : rules.regexes) {
      compiled_.push_back(std::make_unique<RE2>(regex.pattern, RE2::Quiet));
    }
  }

  // `used` collects what the rules are called in a report.
  std::string Apply(const std::string& name, std::set<std::string>* used) const {
    if (const Table::value_type* rule = FindRule(rules_.table, name)) {
      used->insert(rule->first);
      return Renamed(*rule, name);
    }
    std::string result = name;
    for (size_t i = 0; i < compiled_.size(); ++i) {
      const auto& [pattern, rewrite] = rules_.regexes[i];
      if (RE2::GlobalReplace(&result, *compiled_[i], rewrite) > 0) used->insert(pattern);
    }
    return result;
  }

 private:
  const RenameRules& rules_;
  std::vector<std::unique_ptr<RE2>> compiled_;
};

// The other way round: the rule of an assignment map that covers a variable, and its key.
absl::StatusOr<std::map<std::string, std::string>> Assignments(
    const std::vector<TensorFact>& wanted, const Table& map) {
  Table inverted;  // the graph's names and scopes -> the checkpoint's
  for (const auto& [from, to] : map) {
    if (!inverted.emplace(to, from).second) {
      return absl::InvalidArgumentError(absl::StrCat("assignment_map gives '", Printable(to),
                                                     "' two sources: '", Printable(inverted[to]),
                                                     "' and '", Printable(from), "'"));
    }
  }
  std::map<std::string, std::string> keys;
  std::set<std::string> used;
  std::vector<std::string> names;
  for (const TensorFact& fact : wanted) {
    names.push_back(fact.name);
    const Table::value_type* rule = FindRule(inverted, fact.name);
    if (rule == nullptr) continue;
    used.insert(rule->first);
    keys[fact.name] = Renamed(*rule, fact.name);
  }
  for (const auto& [to, from] : inverted) {
    if (used.contains(to)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("assignment_map: '", Printable(to), "', which '", Printable(from),
                     "' is to be assigned to, is no variable ", IsScope(to) ? "scope " : "",
                     "of the graph.", IsScope(to) ? "" : DidYouMean(to, names)));
  }
  return keys;
}

// The checkpoint's tensors under the graph's names.
struct Held {
  std::vector<TensorFact> facts;
  std::map<std::string, std::string> keys;  // by the graph's name
  std::set<std::string> used_rules;
};

absl::StatusOr<Held> Rename(const std::vector<TensorFact>& held, const RenameRules& rules) {
  const Renamer renamer(rules);
  Held result;
  for (const TensorFact& fact : held) {
    TensorFact renamed = fact;
    renamed.name = renamer.Apply(fact.name, &result.used_rules);
    const auto [place, is_new] = result.keys.emplace(renamed.name, fact.name);
    if (!is_new && place->second != fact.name) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the rules of names make '", Printable(place->second), "' and '", Printable(fact.name),
          "' of the checkpoint both '", Printable(renamed.name), "'"));
    }
    result.facts.push_back(std::move(renamed));
  }
  return result;
}

// With an assignment map the wanted names say which keys they want.
absl::StatusOr<Held> Assign(const Held& held, const std::vector<TensorFact>& wanted,
                            const RestoreOptions& options, std::set<std::string>* covered) {
  SLUICE_ASSIGN_OR_RETURN(const auto keys, Assignments(wanted, options.assignment_map));
  std::map<std::string, const TensorFact*> by_name;
  for (const TensorFact& fact : held.facts) by_name[fact.name] = &fact;
  Held assigned;
  assigned.used_rules = held.used_rules;
  std::set<std::string> taken;
  for (const auto& [name, key] : keys) {
    covered->insert(name);
    const auto source = by_name.find(key);
    if (source == by_name.end()) continue;
    assigned.facts.push_back({name, source->second->dtype, source->second->shape});
    assigned.keys[name] = held.keys.at(key);
    taken.insert(key);
  }
  for (const TensorFact& fact : held.facts) {  // for the list of what went nowhere
    if (taken.contains(fact.name) || covered->contains(fact.name)) continue;
    assigned.facts.push_back(fact);
    assigned.keys[fact.name] = held.keys.at(fact.name);
  }
  return assigned;
}

std::string ShapeError(const CheckpointDiff::Pair& pair) {
  return absl::StrCat("variable ", Printable(pair.wanted.name),
                      ": Assign requires shapes of both tensors to match. lhs shape= ",
                      pair.wanted.shape.ToString(), " rhs shape= ", pair.held.shape.ToString());
}

std::string DtypeError(const CheckpointDiff::Pair& pair) {
  return absl::StrCat("tensor_name = ", Printable(pair.wanted.name), "; expected dtype ",
                      DTypeName(pair.wanted.dtype), " does not equal original dtype ",
                      DTypeName(pair.held.dtype));
}

std::string MismatchError(const CheckpointDiff::Pair& pair) {
  return pair.wanted.dtype != pair.held.dtype ? DtypeError(pair) : ShapeError(pair);
}

std::string MissingError(const std::string& name) {
  return absl::StrCat("Key ", Printable(name), " not found in checkpoint");
}

// Rule SV-6: the words around the first difference, then all of them.
absl::Status Refusal(const CheckpointDiff& diff) {
  const bool is_missing =
      !diff.missing.empty() &&
      (diff.mismatched.empty() || diff.missing[0].name < diff.mismatched[0].wanted.name);
  const std::string text = absl::StrCat(
      "Restoring from checkpoint failed. This is most likely due to ",
      is_missing ? "a Variable name or other graph key that is missing from the checkpoint"
                 : "a mismatch between the current graph and the graph from the checkpoint",
      ". Please ensure that you have not altered the graph expected based on the checkpoint. "
      "Original error: ",
      is_missing ? MissingError(diff.missing[0].name) : MismatchError(diff.mismatched[0]), "\n",
      ToText(diff));
  return is_missing ? absl::NotFoundError(text) : absl::InvalidArgumentError(text);
}

// Mismatches of shape alone fit when the numbers of elements agree.
void AllowReshapes(CheckpointDiff* diff) {
  std::vector<CheckpointDiff::Pair> left;
  for (CheckpointDiff::Pair& pair : diff->mismatched) {
    const int64_t wanted = pair.wanted.shape.num_elements();
    if (pair.wanted.dtype == pair.held.dtype && wanted >= 0 &&
        wanted == pair.held.shape.num_elements()) {
      diff->same.push_back(std::move(pair.wanted));
    } else {
      left.push_back(std::move(pair));
    }
  }
  diff->mismatched = std::move(left);
}

void Report(const RestoreOptions& options, const Held& held, RestorePlan* plan) {
  RestoreReport& report = plan->report;
  for (const TensorFact& fact : plan->diff.same) {
    const std::string& key = held.keys.at(fact.name);
    plan->keys[fact.name] = key;
    report.restored.push_back({fact.name, key});
  }
  for (const TensorFact& fact : plan->diff.missing) {
    report.skipped.push_back({fact.name, MissingError(fact.name)});
  }
  for (const auto& pair : plan->diff.mismatched) {
    report.skipped.push_back({pair.wanted.name, MismatchError(pair)});
  }
  for (const TensorFact& fact : plan->diff.extra) report.extra.push_back(held.keys.at(fact.name));
  std::sort(report.extra.begin(), report.extra.end());
  const auto unused = [&](const std::string& rule) {
    if (!held.used_rules.contains(rule)) report.unused_rules.push_back(rule);
  };
  for (const auto& [from, to] : options.renames.table) unused(from);
  for (const RegexRename& regex : options.renames.regexes) unused(regex.pattern);
  report.differences = ToText(plan->diff);
}

template <typename List>
void SortByName(List* list) {
  std::sort(list->begin(), list->end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
}

}  // namespace

absl::Status RenameRules::Check() const {
  SLUICE_RETURN_IF_ERROR(CheckTable(table));
  for (const RegexRename& regex : regexes) {
    const RE2 compiled(regex.pattern, RE2::Quiet);
    std::string why;
    if (!compiled.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", Printable(regex.pattern), "' is no regular expression: ", compiled.error()));
    }
    if (!compiled.CheckRewriteString(regex.rewrite, &why)) {
      return absl::InvalidArgumentError(absl::StrCat("'", Printable(regex.rewrite),
                                                     "' is no rewrite of '",
                                                     Printable(regex.pattern), "': ", why));
    }
  }
  return absl::OkStatus();
}

std::string RenameRules::Apply(const std::string& name) const {
  std::set<std::string> used;
  return Renamer(*this).Apply(name, &used);
}

std::string RestoreReport::ToString() const {
  std::string text = absl::StrCat("restored ", restored.size(), " tensors");
  if (!checkpoint.empty()) absl::StrAppend(&text, " from ", Printable(checkpoint));
  text += '\n';
  if (!skipped.empty()) absl::StrAppend(&text, "left out: ", skipped.size(), "\n");
  constexpr size_t kMost = 20;
  for (size_t i = 0; i < std::min(skipped.size(), kMost); ++i) {
    absl::StrAppend(&text, "  ", Printable(skipped[i].name), ": ", skipped[i].reason, "\n");
  }
  if (skipped.size() > kMost) absl::StrAppend(&text, "  and ", skipped.size() - kMost, " more\n");
  if (!initialized.empty()) absl::StrAppend(&text, "initialized: ", initialized.size(), "\n");
  for (const std::string& rule : unused_rules) {
    absl::StrAppend(&text, "the rule '", Printable(rule), "' renamed nothing\n");
  }
  return text + differences;
}

absl::StatusOr<RestorePlan> PlanRestore(const std::vector<TensorFact>& wanted,
                                        const std::vector<TensorFact>& held,
                                        const RestoreOptions& options, bool reshape) {
  SLUICE_RETURN_IF_ERROR(options.renames.Check());
  SLUICE_RETURN_IF_ERROR(CheckTable(options.assignment_map));
  SLUICE_ASSIGN_OR_RETURN(Held source, Rename(held, options.renames));
  RestorePlan plan;
  std::vector<TensorFact> asked = wanted;
  if (!options.assignment_map.empty()) {
    std::set<std::string> covered;
    SLUICE_ASSIGN_OR_RETURN(source, Assign(source, wanted, options, &covered));
    std::erase_if(asked, [&](const TensorFact& fact) { return !covered.contains(fact.name); });
    for (const TensorFact& fact : wanted) {
      if (covered.contains(fact.name)) continue;
      plan.report.skipped.push_back({fact.name, "not in the assignment map"});
    }
  }
  plan.diff = DiffTensors(std::move(asked), source.facts);
  if (reshape) AllowReshapes(&plan.diff);
  if (!options.partial && !plan.diff.fits()) return Refusal(plan.diff);
  Report(options, source, &plan);
  SortByName(&plan.report.restored);
  SortByName(&plan.report.skipped);
  return plan;
}

}  // namespace sluice::train
