// Variables: named tensors that live in a session, shared by name through variable scopes.
#ifndef SLUICE_GRAPH_VARIABLE_H_
#define SLUICE_GRAPH_VARIABLE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"
#include "graph/scope.h"

namespace sluice {

// A handle, as cheap as an Output. Four nodes stand behind it (rule VAR-1, resource variables): `v`
// (VarHandleOp), `v/IsInitialized/VarIsInitializedOp`, `v/Assign` (AssignVariableOp of the initial
// value), `v/Read/ReadVariableOp`.
class Variable {
 public:
  struct Data {
    std::string op_name;  // "net/conv1/kernel"
    DType dtype = DType::kInvalid;
    TensorShape shape;
    Output handle, value, initializer, initial_value, is_initialized;
    bool trainable = true;
    Constraint constraint;
    std::string created_at;  // "file.cc:28"
    // Of an imported variable: a serialized VariableDef with what this class does not look at
    // (slices, aggregation), for the next export.
    std::string imported_rest;
  };

  Variable() = default;
  explicit Variable(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  bool empty() const { return data_ == nullptr; }
  std::string name() const;            // "net/conv1/kernel:0", as TensorFlow's Variable.name
  const std::string& op_name() const;  // "net/conv1/kernel": its key in checkpoints
  DType dtype() const;
  const TensorShape& shape() const;
  bool trainable() const;
  const Constraint& constraint() const;
  const std::string& created_at() const;
  const std::string& imported_rest() const;

  Output handle() const;                       // resource
  Output value() const;                        // a read, shared by all its uses in a run
  Output initializer() const;                  // operation: assigns the initial value
  Output initial_value() const;                // the tensor assigned
  Output is_initialized() const;               // bool scalar
  operator Output() const { return value(); }  // NOLINT: a variable is used like a tensor

  // A fresh read, ordered by the scope's control inputs.
  Output Read(At at) const;
  Output Assign(At at, Output value) const;     // operation (AssignVariableOp)
  Output AssignAdd(At at, Output delta) const;  // operation
  Output AssignSub(At at, Output delta) const;  // operation

  friend bool operator==(const Variable& a, const Variable& b) { return a.data_ == b.data_; }

 private:
  const Data& data() const;
  std::shared_ptr<const Data> data_;
};

// Arguments of tf.get_variable.
struct VariableOptions {
  TensorShape shape = TensorShape::Unknown();  // required, unless the variable is reused
  DType dtype = DType::kInvalid;               // kInvalid: the scope's
  Initializer initializer =
      {};  // empty: the scope's, else glorot_uniform (floating) or zeros (rule VS-7)
  Regularizer regularizer = {};  // empty: the scope's. Runs once, at creation (rule VS-8)
  bool trainable = true;
  std::vector<std::string> collections =
      {};  // empty: {GLOBAL_VARIABLES}; TRAINABLE_VARIABLES is added when trainable
  Constraint constraint = {};  // empty: the scope's
  Reuse reuse = Reuse::kInherit;
};

// tf.get_variable(name): by the rules VS-1 to VS-8 the variable `<variable scope>/<name>`, taken or
// made ("": `<variable scope>`). Its op name ignores name scopes. AlreadyExists / NotFound /
// InvalidArgument (kept on the graph) in the rules' words.
Variable GetVariable(At at, absl::string_view name, const VariableOptions& options);
// tf.get_local_variable: not trainable, in LOCAL_VARIABLES.
Variable GetLocalVariable(At at, absl::string_view name, VariableOptions options);
// tf.Variable(initial_value, name): always a new one, named like an op (rule VAR-3).
Variable NewVariable(At at, Output initial_value, VariableOptions options = {});

// tf.zeros_initializer, tf.ones_initializer, tf.glorot_uniform_initializer, with TensorFlow's node
// names (rule VAR-2).
Output ZerosInitializer(At at, const TensorShape& shape, DType dtype);
Output OnesInitializer(At at, const TensorShape& shape, DType dtype);
Output GlorotUniformInitializer(At at, const TensorShape& shape, DType dtype);
// Fans of a kernel of that shape (rule IN-1).
std::pair<double, double> ComputeFans(const TensorShape& shape);
// The nodes of tf.random_uniform_initializer:
// "random_uniform/{shape,min,max,RandomUniform,sub,mul}" and "random_uniform".
Output UniformInitializerNodes(At at, const TensorShape& shape, DType dtype, double low,
                               double high, std::optional<int64_t> seed);

// tf.group: an operation that runs after all of `ops`. Named by the scope, else "group_deps".
Output Group(At at, const Outputs& ops);
// tf.global_variables_initializer(): an operation named "init" that runs every initializer (rule
// VAR-9).
Output GlobalVariablesInitializer(At at);
Output LocalVariablesInitializer(At at);
Output VariablesInitializer(At at, const std::vector<Variable>& variables);

}  // namespace sluice

#endif  // SLUICE_GRAPH_VARIABLE_H_
