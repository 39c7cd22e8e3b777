// What part each node plays in a picture of its graph.
#ifndef SLUICE_TOOLS_SLUICE_DOT_ROLES_H_
#define SLUICE_TOOLS_SLUICE_DOT_ROLES_H_

#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/node.h"

namespace sluice::tools {

// By Node::id(). A node is held, or set aside, or drawn as part of the model.
struct DotRoles {
  // Position of a node in an order in which inputs come first and branches stay together. It
  // follows from names and edges, not from the order of the file.
  std::vector<int> position;
  std::vector<const Node*> order;  // the nodes by position
  // Constants, variables and what only reads them: shown within their readers.
  std::vector<bool> held;
  // What a reader reads of them: Const, VariableV2, VarHandleOp, each once.
  std::vector<std::vector<const Node*>> weights;
  // "gradients", "save", "initialization", "optimizer", "regularization", "moving averages" or
  // "summaries" for what is set aside; "" for the model.
  std::vector<std::string> aside;
};

// Linear in the size of the graph.
DotRoles FindDotRoles(const Graph& graph);

// The shape of a variable or constant.
TensorShape WeightShape(const Node& weight);
// Its elements, for a variable or a floating constant of more than one; else 0.
int64_t ParametersOf(const Node& weight);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_DOT_ROLES_H_
