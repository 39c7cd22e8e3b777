// What inference does not need goes.
#ifndef SLUICE_TRAIN_TRANSFORMS_STRIP_H_
#define SLUICE_TRAIN_TRANSFORMS_STRIP_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/dtype.h"
#include "core/tensor_shape.h"

namespace sluice {
class OpRegistry;
namespace proto {
class GraphDef;
}  // namespace proto

namespace train {

// Rule FZ-3 (tf.graph_util.remove_training_nodes): Identity and CheckNumerics go, their readers
// read what they read. They stay when `outputs` names them, when they have control inputs, and when
// another node waits for them. (TensorFlow drops the input of a CheckNumerics' reader along with
// it; here the reader keeps it.)
// `more_ops`: ops that pass input 0 on in the same way ("StopGradient").
absl::Status RemoveTrainingNodes(const std::vector<std::string>& outputs, proto::GraphDef* def,
                                 const std::vector<std::string>& more_ops = {});

// A node that becomes a placeholder.
struct CutInput {
  std::string name = {};
  std::optional<DType> dtype = {};        // none: its own
  std::optional<TensorShape> shape = {};  // none: its own, as far as it is known
};
// tf.strip_unused: the nodes `inputs` become placeholders of their output 0, and what `outputs` do
// not need goes (rule FZ-1). InvalidArgument for a tensor's name ("a:0") as an input, for an input
// of whose outputs another than the first is read, and the errors of an import of `def`; NotFound,
// naming all, for inputs that are not there.
absl::Status StripUnused(const std::vector<CutInput>& inputs,
                         const std::vector<std::string>& outputs, const OpRegistry& registry,
                         proto::GraphDef* def);

// Control inputs order effects. In a graph without Switch, Merge and frames, those go that come
// from nodes without effects, from Assert and Print, and from NoOp that waits for such nodes only;
// and with them what the outputs do not need otherwise.
absl::Status RemoveControlInputs(const std::vector<std::string>& outputs,
                                 const OpRegistry& registry, proto::GraphDef* def);

// Attributes that mean something to one runtime only (their names begin with '_': colocation,
// inferred shapes), those that later releases gave to an op, at their defaults
// (graph/later_attrs.h: older readers know nothing of them), devices, and functions that no node
// calls. Other defaults stay: some readers insist on them.
void CleanAttributes(proto::GraphDef* def);

// An output that is an Identity goes, and what it reads gets its name: readers that drop every
// Identity (OpenCV's) would not find it. Not for constants, placeholders and other outputs.
absl::Status NameOutputs(const std::vector<std::string>& outputs, proto::GraphDef* def);

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_TRANSFORMS_STRIP_H_
