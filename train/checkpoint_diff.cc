#include "train/checkpoint_diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/nearest.h"

namespace sluice::train {
namespace {

using Facts = std::vector<TensorFact>;

void SortByName(Facts* facts) {
  std::stable_sort(facts->begin(), facts->end(),
                   [](const TensorFact& a, const TensorFact& b) { return a.name < b.name; });
  facts->erase(
      std::unique(facts->begin(), facts->end(),
                  [](const TensorFact& a, const TensorFact& b) { return a.name == b.name; }),
      facts->end());
}

bool Fit(const TensorFact& a, const TensorFact& b) {
  return a.dtype == b.dtype && a.shape.CompatibleWith(b.shape);
}

// --- guesses -------------------------------------------------------------------------------------

// Of names that end alike at most so many are looked at, so that a checkpoint of 100,000 "kernel"
// costs no more than one of 100,000 names.
constexpr size_t kMostAlike = 16;
constexpr size_t kMostGuesses = 8;
constexpr int64_t kFewest = 2;
constexpr size_t kLongestName = 1024;

// "net/conv/kernel", "conv/kernel", "kernel": what other names may end in too, longest first.
std::vector<absl::string_view> Endings(absl::string_view name) {
  if (name.size() > kLongestName) return {};
  std::vector<absl::string_view> endings = {name};
  for (size_t at = name.find('/'); at != absl::string_view::npos; at = name.find('/', at + 1)) {
    endings.push_back(name.substr(at + 1));
  }
  return endings;
}

// (kind, from, to), and which missing tensor each would find in which extra one.
using Candidate = std::tuple<RenameGuess::Kind, std::string, std::string>;
using Candidates = std::map<Candidate, std::map<size_t, size_t>>;

void FindScopes(const Facts& missing, const Facts& extra, Candidates* candidates) {
  std::unordered_map<std::string, std::vector<size_t>> by_ending;
  for (size_t i = 0; i < extra.size(); ++i) {
    for (const absl::string_view ending : Endings(extra[i].name)) {
      std::vector<size_t>& alike = by_ending[std::string(ending)];
      if (alike.size() < kMostAlike) alike.push_back(i);
    }
  }
  for (size_t i = 0; i < missing.size(); ++i) {
    const TensorFact& wanted = missing[i];
    // The longest common ending tells most.
    bool found = false;
    for (const absl::string_view ending : Endings(wanted.name)) {
      const auto alike = by_ending.find(std::string(ending));
      if (found || alike == by_ending.end()) continue;
      for (const size_t k : alike->second) {
        if (!Fit(wanted, extra[k])) continue;
        const std::string& name = extra[k].name;
        (*candidates)[{RenameGuess::kScope, name.substr(0, name.size() - ending.size()),
                       wanted.name.substr(0, wanted.name.size() - ending.size())}]
            .emplace(i, k);
        found = true;
      }
    }
  }
}

void FindLeaves(const Facts& missing, const Facts& extra, Candidates* candidates) {
  std::unordered_map<std::string, std::vector<size_t>> by_scope;
  for (size_t i = 0; i < extra.size(); ++i) {
    const std::string& name = extra[i].name;
    std::vector<size_t>& alike = by_scope[name.substr(0, name.rfind('/') + 1)];
    if (alike.size() < kMostAlike) alike.push_back(i);
  }
  for (size_t i = 0; i < missing.size(); ++i) {
    const size_t cut = missing[i].name.rfind('/') + 1;  // 0 when there is none
    const auto alike = by_scope.find(missing[i].name.substr(0, cut));
    if (cut == 0 || alike == by_scope.end()) continue;
    for (const size_t k : alike->second) {
      if (!Fit(missing[i], extra[k])) continue;
      (*candidates)[{RenameGuess::kLeaf, extra[k].name.substr(cut), missing[i].name.substr(cut)}]
          .emplace(i, k);
    }
  }
}

// The candidate that finds most, then the one that finds most of what is left, and so on.
std::vector<RenameGuess> Guess(const Facts& missing, const Facts& extra) {
  Candidates candidates;
  FindScopes(missing, extra, &candidates);
  FindLeaves(missing, extra, &candidates);
  std::vector<RenameGuess> guesses;
  while (guesses.size() < kMostGuesses) {
    const auto best = std::max_element(
        candidates.begin(), candidates.end(),
        [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
    if (best == candidates.end()) break;
    const std::map<size_t, size_t> explained = best->second;
    if (static_cast<int64_t>(explained.size()) < kFewest) break;
    const auto& [kind, from, to] = best->first;
    guesses.push_back({kind, from, to, static_cast<int64_t>(explained.size())});
    std::set<size_t> used;
    for (const auto& [i, k] : explained) used.insert(k);
    for (auto& [candidate, found] : candidates) {
      std::erase_if(found, [&](const auto& pair) {
        return explained.contains(pair.first) || used.contains(pair.second);
      });
    }
  }
  return guesses;
}

// The name that the guess says `missing` has in the checkpoint; "" when it says nothing.
std::string NameBefore(const RenameGuess& guess, absl::string_view missing) {
  if (guess.kind == RenameGuess::kScope) {
    return absl::ConsumePrefix(&missing, guess.to) ? absl::StrCat(guess.from, missing) : "";
  }
  return absl::ConsumeSuffix(&missing, absl::StrCat("/", guess.to))
             ? absl::StrCat(missing, "/", guess.from)
             : "";
}

// --- text ----------------------------------------------------------------------------------------

// The first `depth` components of a tensor's scope, with '/' at the end; "" at the root.
std::string ScopeOf(const std::string& name, int depth) {
  size_t end = 0;
  for (int i = 0; i < depth; ++i) {
    const size_t slash = name.find('/', end);
    if (slash == std::string::npos) break;
    end = slash + 1;
  }
  return name.substr(0, end);
}

// By scope; deep scopes are taken together until there are at most `most`.
std::map<std::string, std::vector<const TensorFact*>> Group(const Facts& facts, int most) {
  int depth = 1;
  for (const TensorFact& fact : facts) {
    depth = std::max(depth, static_cast<int>(std::count(fact.name.begin(), fact.name.end(), '/')));
  }
  depth = std::min(depth, 64);
  std::map<std::string, std::vector<const TensorFact*>> groups;
  for (; depth > 0; --depth) {
    groups.clear();
    for (const TensorFact& fact : facts) groups[ScopeOf(fact.name, depth)].push_back(&fact);
    if (static_cast<int>(groups.size()) <= most) break;
  }
  return groups;
}

void AppendGroups(const Facts& facts, const DiffTextOptions& options, std::string* out) {
  const auto groups = Group(facts, options.groups);
  int shown = 0;
  for (const auto& [scope, members] : groups) {
    if (shown++ == options.groups) {
      absl::StrAppend(out, "  and ", groups.size() - static_cast<size_t>(options.groups),
                      " more scopes\n");
      return;
    }
    std::vector<std::string> names;
    for (const TensorFact* fact : members) {
      if (static_cast<int>(names.size()) == options.names) break;
      names.push_back(
          absl::StrCat(Printable(fact->name.substr(scope.size())), " ", fact->Describe()));
    }
    const size_t left = members.size() - names.size();
    absl::StrAppend(out, "  ", scope.empty() ? "at the root" : Printable(scope), " (",
                    members.size(), "): ", absl::StrJoin(names, ", "),
                    left > 0 ? absl::StrCat(" and ", left, " more") : "", "\n");
  }
}

void AppendMismatched(const CheckpointDiff& diff, const DiffTextOptions& options,
                      std::string* out) {
  if (diff.mismatched.empty()) return;
  absl::StrAppend(out, "of another dtype or shape: ", diff.mismatched.size(), "\n");
  const size_t most = static_cast<size_t>(options.groups);
  for (size_t i = 0; i < std::min(diff.mismatched.size(), most); ++i) {
    const auto& [wanted, held] = diff.mismatched[i];
    absl::StrAppend(out, "  ", Printable(wanted.name), ": ", options.wanted, " has ",
                    wanted.Describe(), ", ", options.held, " ", held.Describe(), "\n");
  }
  if (diff.mismatched.size() > most) {
    absl::StrAppend(out, "  and ", diff.mismatched.size() - most, " more\n");
  }
}

void AppendAdvice(const CheckpointDiff& diff, const DiffTextOptions& options, std::string* out) {
  for (const RenameGuess& guess : diff.guesses) {
    absl::StrAppend(out, "perhaps renamed: ", guess.ToString(), " would find ", guess.count,
                    " of the ", diff.missing.size(), " missing\n");
  }
  std::vector<std::string> names;
  for (const TensorFact& fact : diff.extra) names.push_back(fact.name);
  int shown = 0;
  for (const TensorFact& fact : diff.missing) {
    if (shown == options.nearest) break;
    const auto explains = [&](const RenameGuess& guess) {
      return std::binary_search(names.begin(), names.end(), NameBefore(guess, fact.name));
    };
    if (std::any_of(diff.guesses.begin(), diff.guesses.end(), explains)) continue;
    const std::vector<std::string> nearest = NearestNames(fact.name, names);
    if (nearest.empty()) continue;
    ++shown;
    absl::StrAppend(out, Printable(fact.name),
                    nearest.size() == 1 ? ": the nearest name is " : ": the nearest names are ",
                    absl::StrJoin(nearest, ", ",
                                  [](std::string* text, const std::string& name) {
                                    absl::StrAppend(text, "'", Printable(name), "'");
                                  }),
                    "\n");
  }
}

}  // namespace

std::string TensorFact::Describe() const {
  return absl::StrCat(DTypeName(dtype), shape.ToString());
}

std::string RenameGuess::ToString() const {
  const auto quoted = [&](const std::string& text) {
    if (text.empty()) return std::string("the root");
    return absl::StrCat("'", kind == kLeaf ? ".../" : "", Printable(text), "'");
  };
  return absl::StrCat(quoted(from), " -> ", quoted(to));
}

CheckpointDiff DiffTensors(std::vector<TensorFact> wanted, std::vector<TensorFact> held) {
  SortByName(&wanted);
  SortByName(&held);
  CheckpointDiff diff;
  auto h = held.begin();
  for (const TensorFact& w : wanted) {
    while (h != held.end() && h->name < w.name) diff.extra.push_back(*h++);
    if (h == held.end() || h->name != w.name) {
      diff.missing.push_back(w);
    } else {
      if (Fit(w, *h)) {
        diff.same.push_back(w);
      } else {
        diff.mismatched.push_back({w, *h});
      }
      ++h;
    }
  }
  diff.extra.insert(diff.extra.end(), h, held.end());
  diff.guesses = Guess(diff.missing, diff.extra);
  return diff;
}

std::string ToText(const CheckpointDiff& diff, const DiffTextOptions& options) {
  std::string out;
  const size_t wanted = diff.same.size() + diff.missing.size() + diff.mismatched.size();
  if (!diff.missing.empty()) {
    absl::StrAppend(&out, "missing in ", options.held, ": ", diff.missing.size(), " of ", wanted,
                    "\n");
    AppendGroups(diff.missing, options, &out);
  }
  AppendMismatched(diff, options, &out);
  if (options.extra && !diff.extra.empty()) {
    absl::StrAppend(&out, "only in ", options.held, ": ", diff.extra.size(), "\n");
    AppendGroups(diff.extra, options, &out);
  }
  AppendAdvice(diff, options, &out);
  return out;
}

}  // namespace sluice::train
