// A signature bound to a graph: checks and names the tensors that go in and come out.
#ifndef SLUICE_TRAIN_SIGNATURE_CALL_H_
#define SLUICE_TRAIN_SIGNATURE_CALL_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "session/session.h"
#include "train/model_signature.h"

namespace sluice {

// Tensors by the keys of a signature. A sparse tensor "x" is three: "x.values", "x.indices" and
// "x.dense_shape".
using KeyedTensors = std::map<std::string, Tensor>;

// A tensor of a graph by the name that a file gives it: "x:0"; "x" is its first output, as some
// writers put it. Unimplemented where it belongs to an op that this build lacks.
absl::StatusOr<Output> FindModelTensor(const Graph& graph, const std::string& name);
// The op behind "init" or "init:0".
absl::StatusOr<Output> FindModelOperation(const Graph& graph, const std::string& name);

// Unchanged once made, so good for many threads.
class SignatureCall {
 public:
  // Looks up all tensors. Where dtypes or shapes contradict the graph, the graph decides, and a
  // line is added to `warnings`. Errors: NotFound or InvalidArgument for names that the graph
  // lacks; Unimplemented for composite tensors.
  static absl::StatusOr<SignatureCall> Resolve(const Graph& graph, const ModelSignature& signature,
                                               std::vector<std::string>* warnings);

  // What to feed for these inputs. Those that no output needs may be left out (a model's labels),
  // and those with a default: the signature's, or the graph's (PlaceholderWithDefault).
  // InvalidArgument, listing the keys, for others that are missing, for unknown ones, and for a
  // dtype or shape that signature or graph do not allow. Several keys of one tensor: one will do;
  // where more are given, they must be the same.
  absl::StatusOr<Feeds> MakeFeeds(const KeyedTensors& inputs) const;
  const Outputs& fetches() const { return fetches_; }
  // The values of fetches() by key.
  KeyedTensors MakeResults(std::vector<Tensor> values) const;

  // A tensor that goes in or comes out.
  struct Slot {
    std::string key = {};
    Output tensor = {};
    DType dtype = DType::kInvalid;
    TensorShape shape = TensorShape::Unknown();
    std::optional<Tensor> default_value = {};
    bool optional = false;  // an input that may be left out
  };
  // In the order of keys.
  const std::vector<Slot>& inputs() const { return inputs_; }
  const std::vector<Slot>& outputs() const { return outputs_; }

 private:
  absl::StatusOr<Tensor> Checked(const Slot& slot, const Tensor& value) const;
  absl::Status UnknownInput(const std::string& key) const;
  absl::Status AddDefaults(Feeds* feeds) const;
  std::string DescribeInputs() const;

  std::vector<Slot> inputs_, outputs_;
  Outputs fetches_;
  std::vector<size_t> fetched_;  // by output: its position in fetches_
};

}  // namespace sluice

#endif  // SLUICE_TRAIN_SIGNATURE_CALL_H_
