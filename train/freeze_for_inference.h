// A trained network as the file that others run: TensorFlow, OpenCV, and what reads their graphs.
#ifndef SLUICE_TRAIN_FREEZE_FOR_INFERENCE_H_
#define SLUICE_TRAIN_FREEZE_FOR_INFERENCE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "graph/output.h"
#include "session/session.h"
#include "train/transforms_strip.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace train {

struct InferenceOptions {
  std::vector<CutInput> inputs = {};          // nodes that become placeholders
  std::map<std::string, Tensor> values = {};  // {"training", false}: placeholders that are decided
  bool default_flags = true;                  // those with a bool as default have that one
  bool remove_training_nodes = true;          // dropout, Identity, checks, control inputs
  bool fold_constants = true;
  bool fold_batch_norms = true;
  bool expand_dilations = true;  // for readers that do not know the attribute
};

// What was done.
struct InferenceReport {
  std::vector<std::string> outputs = {};  // what they are called (train/freeze.h)
  int nodes_needed = 0;                   // of the graph, by the outputs
  int nodes_written = 0;
  int batch_norms_folded = 0;  // contractions that took something in
};

// Freezes what `outputs` need (train/freeze.h) and leaves plain inference ops, by the transforms in
// train/transforms_*.h. The outputs, their names and, up to the rounding of folded weights, their
// values stay; dropout that was on goes, whatever its rate. So do placeholders that nothing needs
// any more. Weights are raw bytes, versions are set, placeholders have their shapes.
//
// Errors: those of FreezeGraph and of the transforms; FailedPrecondition, naming the nodes, when an
// op is left that only Sluice has, or that needs a session's state (a variable that nothing reads).
absl::Status FreezeForInference(Session& session, const Outputs& outputs, proto::GraphDef* def,
                                const InferenceOptions& options = {},
                                InferenceReport* report = nullptr);
// The same as the bytes of a GraphDef file, equal for equal graphs.
absl::StatusOr<std::string> FreezeForInferenceToBytes(Session& session, const Outputs& outputs,
                                                      const InferenceOptions& options = {});

// The same for a graph without variables: `def` is frozen already. `outputs`: names of nodes.
absl::Status OptimizeForInference(const std::vector<std::string>& outputs,
                                  const OpRegistry& registry, const InferenceOptions& options,
                                  proto::GraphDef* def, InferenceReport* report = nullptr);

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_FREEZE_FOR_INFERENCE_H_
