#include "graph/collection_kinds.h"

#include <set>
#include <string>

#include "graph/collections.h"

namespace sluice {

bool HoldsVariables(absl::string_view key) {
  static const auto* const all = new std::set<std::string>{
      keys::kGlobalVariables, keys::kLocalVariables,     keys::kMetricVariables,
      keys::kModelVariables,  keys::kTrainableVariables, keys::kMovingAverageVariables,
      keys::kGlobalStep};
  return all->count(std::string(key)) > 0;
}

bool HoldsRecords(absl::string_view key) {
  return key == keys::kCondContext || key == keys::kWhileContext || key == keys::kQueueRunners ||
         key == keys::kSavers;
}

}  // namespace sluice
