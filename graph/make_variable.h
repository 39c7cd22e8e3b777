// The nodes of one variable, for the files of graph/ that make variables.
#ifndef SLUICE_GRAPH_MAKE_VARIABLE_H_
#define SLUICE_GRAPH_MAKE_VARIABLE_H_

#include <optional>
#include <string>

#include "graph/at.h"
#include "graph/variable.h"

namespace sluice {

// Everything settled about a variable that is to be made.
struct VariablePlan {
  std::string name;  // its op name, unique
  TensorShape shape;
  DType dtype = DType::kInvalid;
  const VariableOptions& options;
  Initializer initializer;
  std::optional<SaveSliceInfo> save_slice_info = {};
};

// Makes them (rules VAR-1, VAR-2, VAR-5, VS-9, VS-11) and adds the variable to its collections.
// Empty, with the reason on the graph, when that fails.
Variable MakeVariable(At at, const VariablePlan& plan);

// Rule VS-8: the penalty, built in the absolute scope <name>/Regularizer/ beside the variable.
void Regularize(At at, const std::string& name, const Variable& variable,
                const Regularizer& regularizer);

// Keeps `why` as the graph's error under the variable's own name.
Variable FailVariable(At at, const std::string& name, const absl::Status& why);

// Rule VAR-6: `value`, with reads of variables that lie behind it replaced by initialized values;
// nodes in between are copied, as "<node>_<name>".
Output GuardInitialValue(At at, const std::string& name, const Output& value);

}  // namespace sluice

#endif  // SLUICE_GRAPH_MAKE_VARIABLE_H_
