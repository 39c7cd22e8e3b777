// The contents of a Scope, for graph/ only.
#ifndef SLUICE_GRAPH_SCOPE_STATE_H_
#define SLUICE_GRAPH_SCOPE_STATE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "graph/device.h"
#include "graph/scope.h"

namespace sluice {

// How often each variable scope was opened inside one opened scope (rule VS-27). Counting starts
// anew with every opening, which is what TensorFlow reaches by resetting the counters when a scope
// is left.
struct OpeningCounters {
  std::mutex mutex;
  std::map<std::string, int> count;
};

struct VariableScopeState {
  std::string name;                 // "" at the root
  std::string original_name_scope;  // op-name prefix at the first opening, without trailing '/'
  Reuse reuse = Reuse::kFalse;      // never kInherit
  DType dtype = DType::kFloat;
  bool use_resource = true;
  Initializer initializer;
  Regularizer regularizer;
  Constraint constraint;
  CustomGetter custom_getter;
  Partitioner partitioner;
  std::string caching_device;
  // The innermost default scope around it that had to be numbered ("net/dense_1"), else "".
  std::string numbered;
  std::shared_ptr<OpeningCounters> openings = std::make_shared<OpeningCounters>();
};

// One After(): its control inputs, and the ops built under it so far, which need not be told again
// when they are inputs (rule NS-12).
struct ControlFrame {
  std::vector<Node*> inputs;
  std::mutex mutex;
  absl::flat_hash_set<const Node*> built;
};

// One Device(): a name to complete what is open, or a function to ask.
using DeviceLayer = std::variant<DeviceSpec, DeviceFunction>;

struct ScopeState {
  Graph* graph = nullptr;
  std::string name;     // op-name prefix without trailing '/'
  std::string op_name;  // for the next op
  std::shared_ptr<const VariableScopeState> variables;
  std::vector<std::shared_ptr<ControlFrame>> control;       // outermost first
  std::vector<std::shared_ptr<const DeviceLayer>> devices;  // outermost first
  std::vector<std::string> colocate;                        // op names, sorted
  Node* gradient_of = nullptr;
  bool recompute = false;
  std::shared_ptr<const std::map<std::string, std::string>> gradient_override;  // or null
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_SCOPE_STATE_H_
