// Structured pruning: filters that do nothing leave a frozen graph, which gets smaller and faster.
#ifndef SLUICE_TRAIN_REMOVE_FILTERS_H_
#define SLUICE_TRAIN_REMOVE_FILTERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/op_spec.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace pruning {

// Removes from every Conv2D and MatMul of `def`, whose weights are constants, the output channels
// that nobody would miss (train/channel_flow.h): the weights, the entries of biases and batch
// normalizations, the input channels of depthwise and other convolutions behind, the rows of matrix
// products behind a flattening. What a channel added as a constant goes to the next bias. The nodes
// called `outputs` give what they gave, up to the rounding of sums. Returns how many channels went.
absl::StatusOr<int64_t> RemoveFilters(const std::vector<std::string>& outputs,
                                      const OpRegistry& registry, proto::GraphDef* def);

}  // namespace pruning
}  // namespace sluice

#endif  // SLUICE_TRAIN_REMOVE_FILTERS_H_
