// Scope: where the next ops go and how they and their variables are named. TensorFlow's name_scope,
// variable_scope, control_dependencies, device and colocate_with as one immutable value.
#ifndef SLUICE_GRAPH_SCOPE_H_
#define SLUICE_GRAPH_SCOPE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/output.h"

namespace sluice {

class At;
class Graph;
class Variable;
struct VariableOptions;

// Makes the initial value of a variable: a tensor of that shape and dtype. (tf.*_initializer)
using Initializer = std::function<Output(At at, const TensorShape& shape, DType dtype)>;
// Makes a scalar penalty on a variable's value; an empty Output means none (tf.no_regularizer).
using Regularizer = std::function<Output(At at, Output weights)>;
// Makes the constrained value that is assigned after each optimizer update.
using Constraint = std::function<Output(At at, Output value)>;
// Wraps variable creation: calls `getter` (once, several times or never) and returns what the
// caller gets.
using VariableGetter =
    std::function<Variable(At at, const std::string& name, const VariableOptions& options)>;
using CustomGetter = std::function<Variable(
    const VariableGetter& getter, At at, const std::string& name, const VariableOptions& options)>;

// Rule VS-1: kTrue requires the variable, kFalse at creation time forbids it, kAuto takes or makes
// it. kInherit: the enclosing scope's.
enum class Reuse { kInherit, kFalse, kTrue, kAuto };

// Arguments of tf.variable_scope, all optional.
struct VariableScopeOptions {
  Initializer initializer = {};
  Regularizer regularizer = {};
  CustomGetter custom_getter = {};
  Reuse reuse = Reuse::kInherit;
  DType dtype = DType::kInvalid;  // kInvalid: the enclosing scope's (float32 at the root)
  Constraint constraint = {};     // not inherited by nested scopes (rule VS-25)
  bool auxiliary_name_scope = true;
};

// A cheap value; no method changes it. A sub-scope is a new value handed to a function, so no "end
// of scope" exists to forget, and no state is hidden in a thread.
class Scope {
 public:
  static Scope Root(Graph& graph);

  // tf.name_scope(name): op names get the prefix, made unique ("foo", then "foo_1"). "" resets to
  // the root; a trailing '/' re-enters exactly that scope (rule NS-6).
  Scope Sub(absl::string_view name) const;
  // tf.variable_scope(name): variables get the prefix as it is (two scopes "foo" address the same
  // variables); ops get it made unique.
  Scope VariableScope(absl::string_view name, const VariableScopeOptions& options = {}) const;
  // tf.variable_scope(None, default_name): the first "name", "name_1", ... not yet opened inside
  // this scope (rule VS-27).
  Scope DefaultVariableScope(absl::string_view default_name,
                             const VariableScopeOptions& options = {}) const;
  // tf.variable_scope(captured, ...): this scope's variables again, wherever the caller is; ops go
  // to a fresh name scope called by the last component of its name (rules VS-23, VS-28).
  Scope Reenter(const VariableScopeOptions& options = {}) const;
  Scope WithReuse() const { return Reenter({.reuse = Reuse::kTrue}); }
  // The same variable scope and its original op-name prefix
  // (tf.name_scope(scope.original_name_scope)): where a layer's second call builds.
  Scope AtOriginalNames(Reuse reuse) const;

  // The name of the next single op: root.Named("images"). (The name= argument.) A trailing '/'
  // takes it verbatim (rule NS-7).
  Scope Named(absl::string_view op_name) const;
  // tf.control_dependencies: ops built here run after these. Adds to the enclosing ones.
  Scope After(absl::Span<const Output> control_inputs) const;
  Scope After(std::initializer_list<Output> control_inputs) const {
    return After(absl::Span<const Output>(control_inputs.begin(), control_inputs.size()));
  }
  Scope WithoutControl() const;  // tf.control_dependencies(None)
  // The control inputs and device of `other` instead of this scope's.
  Scope WithControlOf(const Scope& other) const;
  Scope Device(absl::string_view device) const;
  // tf.colocate_with: ops built here carry the attr _class = ["loc:@op"] (rule NS-13).
  Scope ColocateWith(const Output& op) const;
  Scope ColocateWithName(const std::string& op_name) const;
  // Gradient ops built here remember their forward op.
  Scope ForGradientOf(class Node* forward) const;

  Graph& graph() const;
  bool ok() const;  // the graph has not failed

  const std::string& name() const;            // op-name prefix without trailing '/', "" at the root
  const std::string& op_name() const;         // set by Named(), else ""
  const std::string& variable_scope() const;  // variable prefix, "" at the root
  Reuse reuse() const;
  DType dtype() const;
  const Initializer& initializer() const;
  const Regularizer& regularizer() const;
  const Constraint& constraint() const;
  const CustomGetter& custom_getter() const;

  const std::shared_ptr<const ScopeState>& state() const { return state_; }
  explicit Scope(std::shared_ptr<const ScopeState> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<const ScopeState> state_;
};

// Rule NS-1/NS-2: characters that names may have.
bool IsValidOpName(absl::string_view name);
bool IsValidScopeName(absl::string_view name, bool at_root);

}  // namespace sluice

#endif  // SLUICE_GRAPH_SCOPE_H_
