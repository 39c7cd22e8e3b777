// The contents of a Scope, for graph/ only.
#ifndef SLUICE_GRAPH_SCOPE_STATE_H_
#define SLUICE_GRAPH_SCOPE_STATE_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

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
  Initializer initializer;
  Regularizer regularizer;
  Constraint constraint;
  CustomGetter custom_getter;
  std::shared_ptr<OpeningCounters> openings = std::make_shared<OpeningCounters>();
};

struct ScopeState {
  Graph* graph = nullptr;
  std::string name;     // op-name prefix without trailing '/'
  std::string op_name;  // for the next op
  std::shared_ptr<const VariableScopeState> variables;
  std::vector<Node*> control_inputs;
  std::string device;
  std::vector<std::string> colocate;  // op names
  Node* gradient_of = nullptr;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_SCOPE_STATE_H_
