// The variables of one session, by name.
#ifndef SLUICE_SESSION_RESOURCE_STORE_H_
#define SLUICE_SESSION_RESOURCE_STORE_H_

#include <functional>
#include <mutex>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/kernel.h"

namespace sluice {

// Thread-safe. Resources live as long as the session, or as a plan or tensor that holds them.
class SessionResources final : public ResourceStore {
 public:
  // Internal when `make` gives null. `make` runs under the store's lock: it must not come back
  // here.
  absl::StatusOr<ResourceRef> GetOrCreate(const std::string& name,
                                          const std::function<ResourceRef()>& make) override;
  ResourceRef Find(const std::string& name) const;  // null when absent

 private:
  mutable std::mutex mutex_;
  absl::flat_hash_map<std::string, ResourceRef> resources_;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_RESOURCE_STORE_H_
