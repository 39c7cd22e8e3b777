#include "graph/nearest.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"

namespace sluice {
namespace {

// Look no further than this: suggestions are for people.
constexpr size_t kMostNames = 10'000, kLongestName = 256;

// Levenshtein distance.
int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int substituted = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

absl::string_view LastComponent(absl::string_view name) {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

std::vector<std::string> NearestNames(absl::string_view wanted,
                                      const std::vector<std::string>& names, int count) {
  if (wanted.size() > kLongestName) return {};
  std::vector<std::pair<int, std::string>> near;
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i) {
    const std::string& name = names[i];
    if (name.size() > kLongestName) continue;
    const bool same_leaf = LastComponent(name) == LastComponent(wanted);
    const int distance = EditDistance(wanted, name);
    const int limit = static_cast<int>(std::max(wanted.size(), name.size())) * 2 / 3;
    if (distance <= limit) near.emplace_back(same_leaf ? distance / 2 : distance, name);
  }
  std::sort(near.begin(), near.end());
  std::vector<std::string> nearest;
  for (const auto& [distance, name] : near) {
    if (static_cast<int>(nearest.size()) < count) nearest.push_back(name);
  }
  return nearest;
}

std::string DidYouMean(absl::string_view wanted, const std::vector<std::string>& names) {
  const std::vector<std::string> nearest = NearestNames(wanted, names);
  if (nearest.empty()) return "";
  return absl::StrCat(" Nearest names: ",
                      absl::StrJoin(nearest, ", ",
                                    [](std::string* out, const std::string& name) {
                                      absl::StrAppend(out, "'", Printable(name), "'");
                                    }),
                      ".");
}

}  // namespace sluice
