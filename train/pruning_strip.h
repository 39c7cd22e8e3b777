// From a pruned model to the plain graph that is deployed
// (tf.contrib.model_pruning.strip_pruning_vars).
#ifndef SLUICE_TRAIN_PRUNING_STRIP_H_
#define SLUICE_TRAIN_PRUNING_STRIP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/output.h"
#include "session/session.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace pruning {

struct StripOptions {
  // Weights that are mostly zeros are stored as their other elements (train/sparse_storage.h): a
  // file of a quarter of the size at 80 % sparsity. What a session computes is the same.
  bool sparse_storage = false;
  // Filters that do nothing are removed (train/remove_filters.h), which makes the model faster. The
  // outputs stay what they are up to the rounding of sums.
  bool remove_filters = false;
};

// A frozen graph (train/freeze.h) of what `outputs` need, in which every node with "masked_weight"
// in its name is a constant of its present value, so that no mask and no threshold is left (rule
// PR-15). Without options the outputs are the same to the bit. Placeholders stay. Works for any
// graph; one without masks is frozen. Errors: those of train::FreezeGraph.
absl::Status Strip(Session& session, const Outputs& outputs, const StripOptions& options,
                   proto::GraphDef* def);
// The same as the bytes of a GraphDef file; train::ImportFrozen reads them.
absl::StatusOr<std::string> StripToBytes(Session& session, const Outputs& outputs,
                                         const StripOptions& options = {});

}  // namespace pruning
}  // namespace sluice

#endif  // SLUICE_TRAIN_PRUNING_STRIP_H_
