#include "train/remove_filters.h"

#include <memory>
#include <utility>

#include "core/status.h"
#include "proto/graph.pb.h"
#include "train/channel_flow.h"
#include "train/frozen_model.h"

namespace sluice::pruning {
namespace {

// One removal may make room for the next, in either direction; each shrinks a filter.
constexpr int kMostRounds = 100;

}  // namespace

absl::StatusOr<int64_t> RemoveFilters(const std::vector<std::string>& outputs,
                                      const OpRegistry& registry, proto::GraphDef* def) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<FrozenModel> model,
                          FrozenModel::Open(*def, outputs, registry));
  int64_t removed = 0;
  bool more = true;
  for (int round = 0; more && round < kMostRounds; ++round) {
    more = false;
    for (int id = 0; id < model->graph().num_nodes(); ++id) {
      const Node& node = *model->graph().node(id);
      std::optional<Cuts> cuts = ChannelFlow(*model, node).Find();
      if (!cuts.has_value()) continue;
      removed += static_cast<int64_t>(cuts->at(model->OwnConstant(node, 1)).entries.size());
      SLUICE_RETURN_IF_ERROR(model->Apply(*cuts));
      more = true;
    }
  }
  SLUICE_RETURN_IF_ERROR(model->WriteTo(def));
  return removed;
}

}  // namespace sluice::pruning
