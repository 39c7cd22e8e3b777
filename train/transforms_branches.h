// Choices that are made once and for all: a network that was built for training and inference, with
// a predicate that says which, becomes the one for inference.
#ifndef SLUICE_TRAIN_TRANSFORMS_BRANCHES_H_
#define SLUICE_TRAIN_TRANSFORMS_BRANCHES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace sluice {
class OpRegistry;
namespace proto {
class GraphDef;
}  // namespace proto

namespace train {

// Where a predicate is a constant (through Identity too):
//  - Switch: the side that is taken reads the data, the other one is dead;
//  - what reads something dead is dead, except a Merge with another input that is not: it becomes
//    Identity, its value_index a constant;
//  - Select, SelectV2 become Identity of the side that is chosen, where that has the whole shape.
// The names of `outputs` stay; what they do not need goes (rule FZ-1).
// InvalidArgument when an output is dead, and the errors of an import of `def`.
absl::Status RemoveBranches(const std::vector<std::string>& outputs, const OpRegistry& registry,
                            proto::GraphDef* def);

// Dropout: Mul(x * scale or x / keep_prob, mask made of random numbers), and SelectV2 on such a
// mask, become Identity of x. In all forms that TensorFlow 1 and 2 write. Random ops that are
// something else (noise that is added) stay.
absl::Status RemoveDropout(const std::vector<std::string>& outputs, proto::GraphDef* def);

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_TRANSFORMS_BRANCHES_H_
