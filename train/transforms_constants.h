// Constants of a frozen graph: what is known before it runs.
#ifndef SLUICE_TRAIN_TRANSFORMS_CONSTANTS_H_
#define SLUICE_TRAIN_TRANSFORMS_CONSTANTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/tensor.h"
#include "graph/op_spec.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace train {

// A constant in the place of each node that `values` names, mostly placeholders ("training" ->
// false). A placeholder's value must have its dtype, and a shape that fits its own. NotFound with
// the nearest names, InvalidArgument.
absl::Status SetValues(const std::map<std::string, Tensor>& values, proto::GraphDef* def);

struct FoldConstantsOptions {
  int64_t max_bytes = 10 << 20;  // of one result, unless it is smaller than what it is made of
};

// Folds, until nothing changes,
//  - nodes whose inputs are all constants, unless they have effects, are random or are outside
//    `registry`; Shape, Size and Rank of tensors whose shapes are known;
//  - the shape input of a Reshape that leaves one dimension of its result unknown, the batch: it
//    becomes [-1, 3, 4], and what computed it can go.
// Nodes keep their names. Control inputs of the constants go over to what is made of them. What is
// not needed for `outputs` any more goes (rule FZ-1).
// Errors: those of an import of `def`. A node that fails to compute stays as it is.
absl::Status FoldConstants(const std::vector<std::string>& outputs, const OpRegistry& registry,
                           proto::GraphDef* def, const FoldConstantsOptions& options = {});

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_TRANSFORMS_CONSTANTS_H_
