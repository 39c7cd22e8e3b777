// The half of graph/graph.h that is about collections (rules COL-1 to COL-5, VS-32).
#include "graph/collections.h"

#include <set>

#include "absl/strings/match.h"
#include "core/status.h"
#include "graph/graph.h"
#include "re2/re2.h"

namespace sluice {
namespace {

using Lock = std::lock_guard<std::recursive_mutex>;

std::optional<std::string> NameOf(const CollectionItem& item) {
  if (const Output* o = std::get_if<Output>(&item)) return o->name();
  if (const Variable* v = std::get_if<Variable>(&item)) return v->name();
  return std::nullopt;
}

template <typename Matches>
std::vector<CollectionItem> Named(std::vector<CollectionItem> items, const Matches& matches) {
  std::vector<CollectionItem> matching;
  for (CollectionItem& item : items) {
    const std::optional<std::string> name = NameOf(item);
    if (name && matches(*name)) matching.push_back(std::move(item));
  }
  return matching;
}

}  // namespace

void Graph::AddToCollection(absl::string_view key, CollectionItem item) {
  Lock lock(mutex_);
  if (finalized_) {
    status_.Update(FinalizedError());
    return;
  }
  collections_[std::string(key)].push_back(std::move(item));
}

void Graph::AddToCollections(const std::vector<std::string>& collection_keys,
                             const CollectionItem& item) {
  std::set<absl::string_view> seen;
  for (const std::string& key : collection_keys) {
    if (seen.insert(key).second) AddToCollection(key, item);
  }
}

std::vector<CollectionItem> Graph::GetCollection(absl::string_view key,
                                                 absl::string_view scope) const {
  Lock lock(mutex_);
  auto it = collections_.find(std::string(key));
  if (it == collections_.end()) return {};
  if (scope.empty()) return it->second;
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 pattern(std::string(scope), options);
  if (!pattern.ok()) {
    status_.Update(absl::InvalidArgumentError(
        absl::StrCat("collection '", Printable(key), "': the scope '", Printable(scope),
                     "' is no regular expression: ", pattern.error())));
    return {};
  }
  return Named(it->second, [&](const std::string& name) {
    return pattern.Match(name, 0, name.size(), RE2::ANCHOR_START, nullptr, 0);
  });
}

std::vector<CollectionItem> Graph::GetCollection(absl::string_view key, const Scope& scope) const {
  const std::string prefix = absl::StrCat(scope.variable_scope(), "/");
  std::vector<CollectionItem> items = GetCollection(key);
  if (scope.variable_scope().empty()) return items;
  return Named(std::move(items),
               [&](const std::string& name) { return absl::StartsWith(name, prefix); });
}

std::vector<Variable> Graph::Variables(absl::string_view collection,
                                       absl::string_view scope) const {
  std::vector<Variable> variables;
  for (const CollectionItem& item : GetCollection(collection, scope)) {
    if (const Variable* v = std::get_if<Variable>(&item)) variables.push_back(*v);
  }
  return variables;
}

Outputs Graph::OutputsIn(absl::string_view collection, absl::string_view scope) const {
  Outputs outputs;
  for (const CollectionItem& item : GetCollection(collection, scope)) {
    if (const Output* o = std::get_if<Output>(&item)) outputs.push_back(*o);
  }
  return outputs;
}

void Graph::ClearCollection(absl::string_view key) {
  Lock lock(mutex_);
  if (finalized_) {
    status_.Update(FinalizedError());
    return;
  }
  collections_.erase(std::string(key));
}

void Graph::SetCollection(absl::string_view key, std::vector<CollectionItem> items) {
  Lock lock(mutex_);
  ClearCollection(key);
  if (!finalized_ && !items.empty()) collections_[std::string(key)] = std::move(items);
}

std::vector<std::string> Graph::CollectionKeys() const {
  Lock lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [key, items] : collections_) found.push_back(key);
  return found;
}

}  // namespace sluice
