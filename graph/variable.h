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

// Rule VS-9. Kept for the files; one process has one copy of every variable.
enum class VariableSynchronization { kAuto = 0, kNone = 1, kOnWrite = 2, kOnRead = 3 };
enum class VariableAggregation { kNone = 0, kSum = 1, kMean = 2, kOnlyFirstReplica = 3 };

// Where a part of a partitioned variable lies in the whole, which checkpoints hold under
// `full_name` (Variable.SaveSliceInfo).
struct SaveSliceInfo {
  std::string full_name;
  TensorShape full_shape;
  std::vector<int64_t> var_offset;
  TensorShape var_shape;
};

// A handle, as cheap as an Output. Behind it stand nodes of one of two kinds (rule VAR-1):
//  - resource variables, which is what get_variable makes unless told otherwise: `v` (VarHandleOp),
//    `v/IsInitialized/VarIsInitializedOp`, `v/Assign` (AssignVariableOp of the initial value),
//    `v/Read/ReadVariableOp`;
//  - reference variables, TensorFlow 1's own default: `v` (VariableV2), `v/Assign` (Assign),
//    `v/read` (Identity). They train and save like the others.
// A partitioned variable (rule VS-41) has no node of its own: it stands for its parts, and its
// value is their concatenation.
class Variable {
 public:
  struct Data {
    std::string op_name;  // "net/conv1/kernel"
    DType dtype = DType::kInvalid;
    TensorShape shape;
    Output handle, value, initializer, initial_value, is_initialized;
    bool trainable = true;
    Constraint constraint;
    VariableSynchronization synchronization = VariableSynchronization::kAuto;
    VariableAggregation aggregation = VariableAggregation::kNone;
    std::optional<SaveSliceInfo> save_slice_info;
    std::vector<Variable> parts;  // of a partitioned variable
    std::vector<int> partitions;  // parts per dimension
    std::string created_at;       // "file.cc:28"
    std::string created_in;       // "op scope 'a_1', variable scope 'a'"
    // Made with Reuse::kAuto below this default scope, which had to be numbered: perhaps meant to
    // be shared. Else "".
    std::string numbered_scope;
    // Of an imported variable: a serialized VariableDef with what this class does not look at, for
    // the next export.
    std::string imported_rest;
    bool trainable_unsaid = false;  // trainable, but its message in the file does not say so
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
  bool is_resource() const;  // false: a reference variable
  bool is_partitioned() const { return !parts().empty(); }
  const std::vector<Variable>& parts() const;
  const Data& data() const;  // everything

  const std::string& created_at() const { return data().created_at; }
  Output handle() const;                       // resource or reference; empty when partitioned
  Output value() const;                        // a read, shared by all its uses in a run
  Output initializer() const;                  // operation: assigns the initial value
  Output initial_value() const;                // the tensor assigned
  Output is_initialized() const;               // bool scalar; empty for reference variables
  operator Output() const { return value(); }  // NOLINT: a variable is used like a tensor

  // A fresh read, ordered by the scope's control inputs.
  Output Read(At at) const;
  // Its value where it has one, else its initial value: for the initial values of other variables
  // (tf.Variable.initialized_value, rule VAR-6).
  Output InitializedValue(At at) const;
  // Writes. Of a resource variable they are operations, of a reference variable they return the
  // reference (rule VAR-8), of a partitioned one a group over its parts.
  Output Assign(At at, Output value) const;
  Output AssignAdd(At at, Output delta) const;
  Output AssignSub(At at, Output delta) const;
  // Rows: `indices` (int32 or int64) along dimension 0, updates of shape indices.shape + shape[1:].
  // (tf.scatter_update, ...; gathering is tf.nn.embedding_lookup on one variable.) Not for
  // partitioned variables.
  Output SparseRead(At at, Output indices) const;
  Output ScatterUpdate(At at, Output indices, Output updates) const;
  Output ScatterAdd(At at, Output indices, Output updates) const;
  Output ScatterSub(At at, Output indices, Output updates) const;

  friend bool operator==(const Variable& a, const Variable& b) { return a.data_ == b.data_; }

 private:
  Output Write(At at, const char* resource_op, const char* ref_op, Output value) const;
  Output Scatter(At at, const char* resource_op, const char* ref_op, Output indices,
                 Output updates) const;
  std::shared_ptr<const Data> data_;
};

// Arguments of tf.get_variable.
struct VariableOptions {
  TensorShape shape = TensorShape::Unknown();  // required unless the variable is reused or its
                                               // initializer knows better
  DType dtype = DType::kInvalid;               // kInvalid: the initializer's value's, the scope's
  Initializer initializer =
      {};  // empty: the scope's, else glorot_uniform (floating) or zeros (rule VS-7)
  Regularizer regularizer = {};        // empty: the scope's. Runs once, at creation (rule VS-8)
  std::optional<bool> trainable = {};  // true, but not with kOnRead
  std::vector<std::string> collections =
      {};  // empty: {GLOBAL_VARIABLES}; TRAINABLE_VARIABLES is added when trainable (rule VAR-4)
  std::optional<std::string> caching_device = {};  // none: the scope's (rule VS-11)
  Partitioner partitioner = {};                    // empty: the scope's (graph/partition.h)
  bool validate_shape = true;  // false: the shape stays unknown, any value may be assigned
  std::optional<bool> use_resource = {};  // none: the scope's
  CustomGetter custom_getter = {};        // instead of the scope's, for this call
  Constraint constraint = {};             // empty: the scope's
  VariableSynchronization synchronization = VariableSynchronization::kAuto;
  VariableAggregation aggregation = VariableAggregation::kNone;
  Reuse reuse = Reuse::kInherit;
  // Of a new variable that goes with a part of a partitioned one, as an optimizer's slot does: its
  // own place in a whole (rule OPT-7).
  std::optional<SaveSliceInfo> save_slice_info = {};
};

// tf.get_variable(name): by the rules VS-1 to VS-8 the variable `<variable scope>/<name>`, taken or
// made ("": `<variable scope>`). Its op name ignores name scopes. Errors (kept on the graph, in the
// rules' words): AlreadyExists with the lines, scopes and shapes of both calls; NotFound with the
// nearest existing names; InvalidArgument for a shape, dtype, initializer or partitioner that does
// not fit. Two threads that ask for one name get one variable.
Variable GetVariable(At at, absl::string_view name, const VariableOptions& options);
// tf.get_local_variable: not trainable, in LOCAL_VARIABLES.
Variable GetLocalVariable(At at, absl::string_view name, VariableOptions options);

// tf.Variable(initial_value, name): always a new one, named like an op (rule VAR-3), "Variable" by
// default. The initial value is a tensor, a Tensor (which becomes `v/initial_value`), or a function
// (At) -> Output, whose ops go below `v/Initializer`. Reads of other variables in it are replaced
// by their InitializedValue(). Looked at in `options`: shape, dtype (both checked), regularizer,
// trainable, collections, caching_device, validate_shape, use_resource, constraint and the last two
// enums.
Variable NewVariable(At at, const Initializer& initial_value, VariableOptions options = {});

// tf.zeros_initializer, tf.ones_initializer, tf.glorot_uniform_initializer, with TensorFlow's node
// names (rule VAR-2).
Output ZerosInitializer(At at, const TensorShape& shape, DType dtype);
Output OnesInitializer(At at, const TensorShape& shape, DType dtype);
Output GlorotUniformInitializer(At at, const TensorShape& shape, DType dtype);
// Fans of a kernel of that shape (rule IN-1).
std::pair<double, double> ComputeFans(const TensorShape& shape);
// The range of glorot_uniform for such a kernel: +-sqrt(6 / (fan_in + fan_out)).
std::pair<double, double> GlorotUniformRange(const TensorShape& shape);
// The nodes of tf.random_uniform_initializer:
// "random_uniform/{shape,min,max,RandomUniform,sub,mul}" and "random_uniform".
Output UniformInitializerNodes(At at, const TensorShape& shape, DType dtype, double low,
                               double high, std::optional<int64_t> seed);

// The values of the parts of a partitioned variable, joined (rule VS-41).
Output ConcatParts(At at, const Variable& variable, const Outputs& values);

// tf.group: an operation that runs after all of `ops`. Named by the scope, else "group_deps".
Output Group(At at, const Outputs& ops);
// tf.global_variables_initializer(): an operation named "init" that runs every initializer (rule
// VAR-9).
Output GlobalVariablesInitializer(At at);
Output LocalVariablesInitializer(At at);
Output VariablesInitializer(At at, const std::vector<Variable>& variables);
// tf.report_uninitialized_variables: the op names of those that have no value, a string vector.
// Without a list: GLOBAL_VARIABLES and LOCAL_VARIABLES (rule VAR-10).
Output ReportUninitializedVariables(At at);
Output ReportUninitializedVariables(At at, const std::vector<Variable>& variables);

}  // namespace sluice

#endif  // SLUICE_GRAPH_VARIABLE_H_
