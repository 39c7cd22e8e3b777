// What the checks of graph/lint.h look up: who takes which variable, who reads which node.
#ifndef SLUICE_GRAPH_LINT_FACTS_H_
#define SLUICE_GRAPH_LINT_FACTS_H_

#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/lint.h"
#include "graph/node.h"
#include "graph/variable.h"

namespace sluice {

// An op that takes a variable's handle, or the value of a reference.
struct HandleUse {
  const Node* node = nullptr;
  bool writes = false;       // an op that is not known here may
  bool needs_value = false;  // fails while the variable has none
};

// A node that stands for a variable: a resource handle or a reference.
struct HandleFacts {
  const Node* node = nullptr;
  Variable variable;  // empty when no collection holds it
  std::string name;   // the variable's op name; of a part: the whole's
  std::string location;
  bool standard = false;   // in GLOBAL_VARIABLES or LOCAL_VARIABLES
  bool trainable = false;  // in TRAINABLE_VARIABLES
  std::vector<HandleUse> uses;
};

// Taken once, in time linear in the size of the graph; the graph must not change meanwhile.
class LintFacts {
 public:
  explicit LintFacts(const Graph& graph);

  const Graph& graph() const { return graph_; }
  const std::vector<const Node*>& nodes() const { return nodes_; }
  const std::vector<HandleFacts>& handles() const { return handles_; }  // in order of creation
  // Who takes an output of the node; once per input.
  const std::vector<const Node*>& consumers(const Node& node) const {
    return consumers_[node.id()];
  }
  // Does anything wait for it, by data or by control?
  bool used(const Node& node) const { return used_[node.id()]; }
  // The node belongs to no forward computation: it was made by differentiating one.
  static bool IsGradient(const Node& node);
  // The ops that the nodes in `set` (by id) differentiate: by Node::original_op, in imported graphs
  // by TensorFlow's names, "gradients/<op>_grad/...".
  std::vector<bool> DifferentiatedBy(const std::vector<bool>& set) const;

 private:
  void FindVariables();
  void AddVariable(const Variable& variable, const std::string& name);
  void FindHandles();
  void FindUses();
  // The handle on that edge as an index of handles_, -1: none.
  int HandleOn(const Edge& edge) const;
  const Node* ForwardOp(const std::string& name) const;

  const Graph& graph_;
  std::vector<const Node*> nodes_;
  std::vector<HandleFacts> handles_;
  std::vector<int> carries_;  // by node id: the handle that its outputs pass on, -1: none
  std::vector<std::vector<const Node*>> consumers_;
  std::vector<bool> used_;
};

// The kinds that look at the whole graph.
void FindSharedVariables(const LintFacts& facts, std::vector<LintFinding>* findings);
void FindAutoNamedLayers(const LintFacts& facts, std::vector<LintFinding>* findings);

}  // namespace sluice

#endif  // SLUICE_GRAPH_LINT_FACTS_H_
