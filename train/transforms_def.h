// A GraphDef being rewritten: nodes by name, who reads whom, constants as tensors. What the
// transforms of frozen graphs (train/transforms_*.h) share.
#ifndef SLUICE_TRAIN_TRANSFORMS_DEF_H_
#define SLUICE_TRAIN_TRANSFORMS_DEF_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor.h"

namespace sluice {
namespace proto {
class GraphDef;
class NodeDef;
}  // namespace proto

namespace train {

// An input as a NodeDef spells it: "a" and "a:0" are output 0 of a, "^a" waits for a.
struct InputName {
  std::string node = {};
  int index = 0;
  bool control = false;
};
InputName ParseInputName(absl::string_view text);
std::string FormatInputName(const InputName& input);  // "a" for output 0

class DefEditor {
 public:
  static constexpr int kNone = -1;
  ~DefEditor();
  // An input of a node: its input number `input`.
  struct Use {
    int node;
    int input;
  };

  // Takes the nodes of `def`, which Save() gives back. `outputs`, names of nodes ("a:0" means "a"),
  // keep their names and meaning. InvalidArgument, `def` being as it was: two nodes of one name, an
  // input that no node makes. NotFound ~ "is not in graph": an output.
  static absl::StatusOr<std::unique_ptr<DefEditor>> Open(proto::GraphDef* def,
                                                         const std::vector<std::string>& outputs);

  // --- looking; a node is a number, kNone for no node ---
  int num_nodes() const { return static_cast<int>(nodes_.size()); }  // removed ones included
  bool alive(int node) const;
  const proto::NodeDef& node(int i) const;
  bool Is(int node, absl::string_view op) const;
  int Find(absl::string_view name) const;
  bool is_output(int node) const;
  int num_data_inputs(int node) const;  // control inputs come after them
  // The node that makes input `input`, kNone when it has fewer; `index`, if not null, gets the
  // number of its output.
  int Producer(int node, int input, int* index = nullptr) const;
  // Who reads any output of `node`, control inputs too.
  const std::vector<Use>& UsesOf(int node) const;
  // One data input reads output 0 of `node`, and nothing else does: it may vanish.
  bool ReadOnce(int node) const;
  // The node of the constant behind a data input, perhaps through Identity; kNone.
  int ConstantBehind(int node, int input) const;
  // The value of a Const; null when it cannot be held here (or is no Const). Kept until the node
  // changes.
  const Tensor* ValueOf(int constant) const;
  // The value behind a data input, or null.
  const Tensor* ConstantInput(int node, int input) const;

  // --- changing ---
  proto::NodeDef* mutable_node(int node);  // its attributes only
  void SetInput(int node, int input, const InputName& to);
  void RemoveInput(int node, int input);
  void AddControlInput(int node, const std::string& to);  // unless it is there
  // Whoever reads output `index` of `from` reads `to` instead.
  void Redirect(int from, int index, const InputName& to);
  // Makes `node` another op, without attributes, with these inputs; its control inputs stay.
  void Become(int node, const char* op, const std::vector<InputName>& inputs);
  // Makes it a constant; its control inputs stay.
  absl::Status BecomeConstant(int node, const Tensor& value);
  // New nodes named after `name`, written before the node `before`.
  int AddNode(const std::string& name, const char* op, const std::vector<InputName>& inputs,
              int before);
  absl::StatusOr<int> AddConstant(const std::string& name, const Tensor& value, int before);
  // For its readers too. REQUIRES: no node has that name.
  void Rename(int node, const std::string& name);
  // REQUIRES: nobody reads it.
  void Remove(int node);
  // Whatever the outputs do not need.
  void RemoveUnused();

  // Gives the nodes back, in their order.
  void Save();

 private:
  struct Entry;
  explicit DefEditor(proto::GraphDef* def);
  absl::Status Link(const std::vector<std::string>& outputs);
  void Forget(const Use& use);  // that input reads its producer no more
  void ClearDataInputs(int node);
  void Write(int node);

  proto::GraphDef* def_;
  std::vector<std::unique_ptr<Entry>> nodes_;
  absl::flat_hash_map<std::string, int> by_name_;
  absl::flat_hash_set<std::string> outputs_;
};

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_TRANSFORMS_DEF_H_
