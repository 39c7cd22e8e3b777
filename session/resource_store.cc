#include "session/resource_store.h"

#include "absl/strings/str_cat.h"

namespace sluice {

absl::StatusOr<ResourceRef> SessionResources::GetOrCreate(
    const std::string& name, const std::function<ResourceRef()>& make) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = resources_.find(name);
  if (found != resources_.end()) return found->second;
  ResourceRef made = make();
  if (made == nullptr) {
    return absl::InternalError(absl::StrCat("no resource was made for '", name, "'"));
  }
  resources_.emplace(name, made);
  return made;
}

ResourceRef SessionResources::Find(const std::string& name) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = resources_.find(name);
  return found == resources_.end() ? nullptr : found->second;
}

}  // namespace sluice
