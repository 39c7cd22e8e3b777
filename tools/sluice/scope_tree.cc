#include "tools/sluice/scope_tree.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace sluice::tools {
namespace {

constexpr size_t kMostScopes = 64;

// Positions of the slashes that end the scopes of a name.
std::vector<size_t> ScopeEnds(absl::string_view name) {
  std::vector<size_t> ends;
  for (size_t slash = name.find('/'); slash != absl::string_view::npos && ends.size() < kMostScopes;
       slash = name.find('/', slash + 1)) {
    ends.push_back(slash);
  }
  return ends;
}

int64_t Elements(const Entry& entry) { return std::max<int64_t>(0, entry.shape.num_elements()); }

// By components: what lies in a scope stays together ("a/b" before "a-c").
bool InTreeOrder(const Entry* a, const Entry* b) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
  return std::lexicographical_compare(a->name.begin(), a->name.end(), b->name.begin(),
                                      b->name.end(),
                                      [&](char x, char y) { return rank(x) < rank(y); });
}

void Indent(size_t depth) { std::printf("%*s", static_cast<int>(2 * (depth + 1)), ""); }

}  // namespace

int64_t CountElements(const std::vector<Entry>& entries) {
  int64_t total = 0;
  for (const Entry& entry : entries) total += Elements(entry);
  return total;
}

std::map<std::string, int64_t> CountByScope(const std::vector<Entry>& entries) {
  std::map<std::string, int64_t> counts;
  for (const Entry& entry : entries) {
    for (const size_t end : ScopeEnds(entry.name))
      counts[entry.name.substr(0, end)] += Elements(entry);
  }
  return counts;
}

void PrintTree(const char* title, const std::vector<Entry>& entries) {
  if (entries.empty()) return;
  std::printf("\n%s (%zu)\n", title, entries.size());
  const std::map<std::string, int64_t> counts = CountByScope(entries);
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries) sorted.push_back(&entry);
  std::stable_sort(sorted.begin(), sorted.end(), InTreeOrder);
  absl::string_view open;  // the innermost scope printed last, with its slash
  for (const Entry* entry : sorted) {
    const absl::string_view name = entry->name;
    const std::vector<size_t> ends = ScopeEnds(name);
    size_t start = 0;
    for (size_t depth = 0; depth < ends.size(); ++depth) {
      const absl::string_view scope = name.substr(0, ends[depth] + 1);
      if (open.substr(0, scope.size()) != scope) {
        Indent(depth);
        std::printf("%s  %lld parameters\n", absl::Utf8SafeCEscape(scope.substr(start)).c_str(),
                    static_cast<long long>(counts.at(std::string(name.substr(0, ends[depth])))));
      }
      start = scope.size();
    }
    open = name.substr(0, start);
    Indent(ends.size());
    std::printf("%s  %s%s\n", absl::Utf8SafeCEscape(name.substr(start)).c_str(),
                DTypeName(entry->dtype).c_str(), entry->shape.ToString().c_str());
  }
}

Json EntriesJson(const std::vector<Entry>& entries) {
  Json list = Json::Array();
  for (const Entry& e : entries)
    list.Add(Json::Object()
                 .Set("name", e.name)
                 .Set("dtype", DTypeName(e.dtype))
                 .Set("shape", ShapeJson(e.shape)));
  return list;
}

Json ScopesJson(const std::vector<Entry>& entries) {
  Json scopes = Json::Object();
  for (const auto& [scope, count] : CountByScope(entries)) scopes.Set(scope, count);
  return scopes;
}

}  // namespace sluice::tools
