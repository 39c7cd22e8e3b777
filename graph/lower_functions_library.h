// The functions of a graph's library, as calls of them need them.
#ifndef SLUICE_GRAPH_LOWER_FUNCTIONS_LIBRARY_H_
#define SLUICE_GRAPH_LOWER_FUNCTIONS_LIBRARY_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "graph/op_spec.h"

namespace sluice {
namespace proto {
class AttrValue;
class FunctionDef;
class FunctionDefLibrary;
class NodeDef;
class OpDef;
}  // namespace proto

// One argument and the dtypes of the tensors that it is: one, or a list.
struct FlatArg {
  std::string name;
  std::vector<DType> types;
};
std::vector<DType> TypesOf(const std::vector<FlatArg>& args);

// The arguments of an op whose attributes are complete.
absl::StatusOr<std::vector<FlatArg>> FlatArgs(const std::vector<ArgSpec>& args,
                                              const AttrMap& attrs);

class Function {
 public:
  Function(const proto::FunctionDef& def, const OpRegistry& registry);

  const proto::FunctionDef& def() const { return def_; }
  const std::string& name() const;
  bool stateful() const;

  // Adds the signature's defaults to the attributes of a call.
  absl::Status CompleteAttrs(AttrMap* attrs) const;
  // For a call with these (completed) attributes. InvalidArgument when one is missing.
  absl::StatusOr<std::vector<FlatArg>> Inputs(const AttrMap& attrs) const;
  absl::StatusOr<std::vector<FlatArg>> Outputs(const AttrMap& attrs) const;
  // The attributes of node i of the body: those that stand for attributes of the function have its
  // values from `attrs`. Complete, for ops that the registry has. Notes for others (_class,
  // _output_shapes) are left out. `opaque`: as an import would find, the op is not in the registry,
  // or a value is one that no attribute can hold.
  struct BodyAttrs {
    AttrMap attrs;
    bool opaque = false;
  };
  absl::StatusOr<BodyAttrs> NodeAttrs(int i, const AttrMap& attrs) const;

  // The position of the node or argument of that name; -1: none.
  int FindNode(absl::string_view name) const;
  int FindArg(absl::string_view name) const;
  // The argument that output k gives back as it is, perhaps through a few Identity nodes; -1: none.
  // Only for functions whose arguments and outputs are single tensors.
  int ReturnedArgument(int k) const;

 private:
  // What all calls share of a node's attributes, and those that each call must fill in.
  struct NodeTemplate {
    bool read = false;
    BodyAttrs fixed;
    std::vector<std::pair<std::string, const proto::AttrValue*>> open;
  };
  absl::Status ReadTemplate(int i, NodeTemplate* result) const;

  const proto::FunctionDef& def_;
  const OpRegistry& registry_;
  absl::flat_hash_map<absl::string_view, int> node_index_, arg_index_;  // of the first of a name
  mutable std::vector<NodeTemplate> nodes_;
};

class FunctionLibrary {
 public:
  // `serialized`: a FunctionDefLibrary. InvalidArgument for other bytes and for a function twice.
  static absl::StatusOr<std::unique_ptr<FunctionLibrary>> Parse(const std::string& serialized,
                                                                const OpRegistry& registry);
  ~FunctionLibrary();

  const Function* Find(absl::string_view name) const;  // null when absent
  // The function that nodes with this op call: registered ops come first. Null when it is none.
  const Function* FindCalled(absl::string_view op) const;
  const OpRegistry& registry() const { return registry_; }

 private:
  explicit FunctionLibrary(const OpRegistry& registry);

  const OpRegistry& registry_;
  std::unique_ptr<proto::FunctionDefLibrary> def_;
  absl::flat_hash_map<std::string, std::unique_ptr<Function>> functions_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_LOWER_FUNCTIONS_LIBRARY_H_
