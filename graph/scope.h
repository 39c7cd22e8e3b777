// Scope: where the next ops go and how they and their variables are named. TensorFlow's name_scope,
// variable_scope, control_dependencies, device and colocate_with as one immutable value.
#ifndef SLUICE_GRAPH_SCOPE_H_
#define SLUICE_GRAPH_SCOPE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/config.h"
#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/initializer.h"
#include "graph/output.h"

namespace sluice {

class At;
class Graph;
class Variable;
struct VariableOptions;

// Makes a scalar penalty on a variable's value; an empty Output means none (tf.no_regularizer).
class Regularizer : public Described<Output(At at, Output weights)> {
  using Described::Described;
};
// Makes the constrained value that is assigned after each optimizer update.
class Constraint : public Described<Output(At at, Output value)> {
  using Described::Described;
};
// Wraps variable creation: calls `getter` (once, several times or never) and returns what the
// caller gets.
using VariableGetter =
    std::function<Variable(At at, const std::string& name, const VariableOptions& options)>;
using CustomGetter = std::function<Variable(
    const VariableGetter& getter, At at, const std::string& name, const VariableOptions& options)>;
// Into how many parts a variable of that shape is cut along each dimension (graph/partition.h).
using Partitioner = std::function<std::vector<int>(const TensorShape& shape, DType dtype)>;

// The device of a node about to be made, from its op, its name and the device that inner device
// scopes gave it (rule NS-14). "" leaves it without one.
struct DeviceRequest {
  absl::string_view op, name, device;
};
using DeviceFunction = std::function<std::string(const DeviceRequest& node)>;

// Rule VS-1: kTrue requires the variable, kFalse at creation time forbids it, kAuto takes or makes
// it. kInherit: the enclosing scope's.
enum class Reuse { kInherit, kFalse, kTrue, kAuto };

// Arguments of tf.variable_scope, all optional. What is not given is inherited.
struct VariableScopeOptions {
  Initializer initializer = {};
  Regularizer regularizer = {};
  // Where reads of variables are cached; "" switches an inherited one off (rule VS-11).
  std::optional<std::string> caching_device = {};
  Partitioner partitioner = {};
  CustomGetter custom_getter = {};        // composed with the enclosing scope's (rule VS-12)
  Reuse reuse = Reuse::kInherit;          // kFalse is kInherit (rule VS-21)
  DType dtype = DType::kInvalid;          // float32 at the root
  std::optional<bool> use_resource = {};  // true at the root
  Constraint constraint = {};             // not inherited by nested scopes (rule VS-25)
  bool auxiliary_name_scope = true;
};

// The line of the program that called, for errors. Only ever a default argument.
struct Caller {
  const char* file;
  int line;
  static Caller Here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

// A cheap value; no method changes it. A sub-scope is a new value handed to a function, so no "end
// of scope" exists to forget, and no state is hidden in a thread. It holds two prefixes, which may
// differ: that of op names, always made unique, and that of variables, never. What each TensorFlow
// idiom becomes:
//
//   with tf.name_scope("s"):                        scope.Sub("s")
//   with tf.variable_scope("s", reuse=...):         scope.VariableScope("s", {.reuse = ...})
//   with tf.variable_scope("s") as captured:        Scope captured = scope.VariableScope("s");
//   with tf.variable_scope(captured):               scope.VariableScope(captured), or, without a
//                                                   scope at hand, captured.Reenter()
//   with tf.variable_scope(captured, reuse=True):   captured.WithReuse()
//   with tf.variable_scope(None, "s"):              scope.DefaultVariableScope("s")
//   captured.reuse_variables()                      captured = captured.With({.reuse = kTrue})
//   captured.set_regularizer(r)                     captured = captured.With({.regularizer = r})
//   with tf.name_scope(captured.original_name_scope):  captured.Sub(captured.original_name_scope())
//   with tf.name_scope(None):                       scope.Sub("")
//   with tf.control_dependencies([a]):              scope.After({a})
//   with tf.control_dependencies(None):             scope.WithoutControl()
//   with tf.device(...):, tf.device(None)           scope.Device(...), scope.WithoutDevice()
//   with tf.colocate_with(op):                      scope.ColocateWith(op)
//   with g.gradient_override_map({"Relu": "G"}):    scope.GradientOverride({{"Relu", "G"}})
//
// Surprises of TensorFlow that a value makes impossible: forgetting to leave a scope, a thread that
// starts at the root (rules NS-9, VS-33), a graph built twice in a default graph. Names are those
// that TensorFlow would give, with one condition: TensorFlow numbers default scopes (rule VS-27) by
// what has been opened since it last *left* their parent. Here every opening of a variable scope,
// also Reenter(), counts from the start, as TensorFlow does when the earlier one has been left. The
// root is never left, so root.Reenter() counts on; but root.WithReuse() counts from the start: in
// TensorFlow a layer without a name could only fail there, here it meets the first tower's
// variables.
//
// Errors (a bad name or device) are kept on the graph with the caller's line.
class Scope {
 public:
  static Scope Root(Graph& graph);

  // tf.name_scope(name): op names get the prefix, made unique ("foo", then "foo_1"). "" resets to
  // the root; a trailing '/' re-enters exactly that scope, wherever it is (rule NS-6).
  Scope Sub(absl::string_view name, Caller caller = Caller::Here()) const;

  // tf.variable_scope(name): variables get the prefix as it is (two scopes "foo" address the same
  // variables); ops get it made unique (rules VS-22, VS-28).
  Scope VariableScope(absl::string_view name, const VariableScopeOptions& options = {},
                      Caller caller = Caller::Here()) const;
  // tf.variable_scope(captured): the variables, defaults and reuse of `captured`, wherever that
  // lies; ops go below this scope, to a name scope called by the last component of its name (rules
  // VS-23, VS-28). Control inputs, device and colocation stay those of this scope.
  Scope VariableScope(const Scope& captured, const VariableScopeOptions& options = {},
                      Caller caller = Caller::Here()) const;
  // tf.variable_scope(None, default_name): the first "name", "name_1", ... not yet opened inside
  // this scope (rules VS-24, VS-27).
  Scope DefaultVariableScope(absl::string_view default_name,
                             const VariableScopeOptions& options = {},
                             Caller caller = Caller::Here()) const;
  // This variable scope once more; ops go to a fresh name scope beside its first one: "foo", then
  // "foo_1".
  Scope Reenter(const VariableScopeOptions& options = {}, Caller caller = Caller::Here()) const;
  Scope WithReuse(Caller caller = Caller::Here()) const {
    return Reenter({.reuse = Reuse::kTrue}, caller);
  }
  // This very scope with other defaults (the setters of tf.VariableScope, rule VS-26): op names,
  // the numbering of default scopes and what `options` leaves out stay. A getter is put before the
  // scope's.
  Scope With(const VariableScopeOptions& options) const;
  // The same variable scope and its original op-name prefix: where a layer's second call builds.
  Scope AtOriginalNames(Reuse reuse) const;

  // The name of the next single op: root.Named("images"). (The name= argument.) A trailing '/'
  // takes it verbatim (rule NS-7).
  Scope Named(absl::string_view op_name) const;

  // tf.control_dependencies: ops built here run after these, besides those of the enclosing scopes.
  // An op with an input built here needs no edge of its own (rule NS-12).
  Scope After(absl::Span<const Output> control_inputs) const;
  Scope After(std::initializer_list<Output> control_inputs) const {
    return After(absl::Span<const Output>(control_inputs.begin(), control_inputs.size()));
  }
  Scope WithoutControl() const;  // tf.control_dependencies(None)
  // The control inputs and device of `other` instead of this scope's.
  Scope WithControlOf(const Scope& other) const;

  // tf.device: "/cpu:0", "/job:worker/task:1", ...; parts left out are taken from the enclosing
  // scopes (rule NS-14). A function is asked for every op.
  Scope Device(absl::string_view device, Caller caller = Caller::Here()) const;
  Scope Device(DeviceFunction device) const;
  Scope WithoutDevice() const;  // tf.device(None)

  // tf.colocate_with: ops built here carry the attr _class = ["loc:@op"], or the groups that `op`
  // itself carries, and have its device instead of the scope's (rule NS-13).
  Scope ColocateWith(const Output& op) const;
  Scope ColocateWithName(const std::string& op_name) const;
  Scope WithoutColocation() const;  // tf.colocate_with(None, ignore_existing=True)

  // Activations made here are computed a second time for the gradients instead of being kept from
  // the forward to the backward part of a step: less memory for more work (gradient checkpointing;
  // Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). What enters from outside of
  // the scope is kept. Nodes carry the attr _recompute_hint, as TensorFlow's memory optimizer knows
  // it. The results are the same, bit for bit. Random ops are never run twice.
  Scope Recompute() const;

  // Gradient ops built here remember their forward op.
  Scope ForGradientOf(class Node* forward) const;
  // Graph.gradient_override_map: ops of the types given are differentiated by the function
  // registered under the name beside it (OpRegistry::AddGradient). Adds to the enclosing map.
  Scope GradientOverride(const std::map<std::string, std::string>& op_to_gradient) const;

  Graph& graph() const;
  bool ok() const;  // the graph has not failed

  const std::string& name() const;            // op-name prefix without trailing '/', "" at the root
  const std::string& op_name() const;         // set by Named(), else ""
  const std::string& variable_scope() const;  // variable prefix, "" at the root
  // The op scope of the variable scope's first opening, with '/' at its end ("" at the root), ready
  // for Sub() (rule VS-29).
  std::string original_name_scope() const;
  Reuse reuse() const;
  DType dtype() const;
  bool use_resource() const;
  const Initializer& initializer() const;
  const Regularizer& regularizer() const;
  const Constraint& constraint() const;
  const CustomGetter& custom_getter() const;
  const Partitioner& partitioner() const;
  const std::string& caching_device() const;  // "" when none

  // What stands in these collections below the variable scope: names that start with
  // "<variable_scope()>/"; everything at the root (rule VS-32). Any other collection:
  // Graph::GetCollection(key, scope).
  std::vector<Variable> GlobalVariables() const;
  std::vector<Variable> TrainableVariables() const;
  std::vector<Variable> LocalVariables() const;

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
