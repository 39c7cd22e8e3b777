#include "graph/variable.h"

#include <algorithm>
#include <cmath>

#include "core/status.h"
#include "glog/logging.h"
#include "graph/graph.h"
#include "graph/scope_state.h"

namespace sluice {

const Variable::Data& Variable::data() const {
  static const Data* const empty_data = new Data;
  return data_ ? *data_ : *empty_data;
}

std::string Variable::name() const {
  return empty() ? "<empty>" : absl::StrCat(data().op_name, ":0");
}
const std::string& Variable::op_name() const { return data().op_name; }
DType Variable::dtype() const { return data().dtype; }
const TensorShape& Variable::shape() const { return data().shape; }
bool Variable::trainable() const { return data().trainable; }
const Constraint& Variable::constraint() const { return data().constraint; }
const std::string& Variable::created_at() const { return data().created_at; }
const std::string& Variable::imported_rest() const { return data().imported_rest; }
Output Variable::handle() const { return data().handle; }
Output Variable::value() const { return data().value; }
Output Variable::initializer() const { return data().initializer; }
Output Variable::initial_value() const { return data().initial_value; }
Output Variable::is_initialized() const { return data().is_initialized; }

Output Variable::Read(At at) const {
  return at.Node("ReadVariableOp", {handle()}, {{"dtype", dtype()}});
}
Output Variable::Assign(At at, Output value) const {
  return at.Node("AssignVariableOp", {handle(), value});
}
Output Variable::AssignAdd(At at, Output delta) const {
  return at.Node("AssignAddVariableOp", {handle(), delta});
}
Output Variable::AssignSub(At at, Output delta) const {
  return at.Node("AssignSubVariableOp", {handle(), delta});
}

namespace {

// Everything settled about a variable that is to be made.
struct Settled {
  std::string name;  // unique op name
  TensorShape shape;
  DType dtype;
  VariableOptions options;
};

// A place whose op names start at the root with exactly this prefix, without control inputs (rule
// VAR-3).
At AtAbsolute(At at, const std::string& prefix) {
  return at.In(at.scope().WithoutControl().Sub(absl::StrCat(prefix, "/")));
}

void AddToCollections(Graph& graph, const Variable& variable,
                      std::vector<std::string> collections) {
  if (collections.empty()) collections.push_back(keys::kGlobalVariables);
  if (variable.trainable()) collections.push_back(keys::kTrainableVariables);
  for (size_t i = 0; i < collections.size(); ++i) {
    if (std::find(collections.begin(), collections.begin() + i, collections[i]) ==
        collections.begin() + i) {
      graph.AddToCollection(collections[i], variable);
    }
  }
}

// The four nodes of a resource variable (rule VAR-1), in TensorFlow's order. `make_initial` builds
// the initial value in the place it gets.
Variable MakeVariable(At at, const Settled& settled,
                      const std::function<Output(At)>& make_initial) {
  const std::string& name = settled.name;
  const At inside = AtAbsolute(at, name);
  const At placed = inside.In(inside.scope().ColocateWithName(name));
  const Output initial = make_initial(placed);
  if (initial.empty()) return {};
  auto data = std::make_shared<Variable::Data>();
  data->op_name = name;
  data->dtype = settled.dtype;
  data->shape = settled.shape.rank_known() ? settled.shape : initial.shape();
  data->trainable = settled.options.trainable;
  data->constraint = settled.options.constraint;
  data->created_at = at.location();
  data->initial_value = initial;
  data->handle = placed.AsScope().Node(
      "VarHandleOp", {}, {{"dtype", data->dtype}, {"shape", data->shape}, {"shared_name", name}});
  data->is_initialized = inside.Sub("IsInitialized").Node("VarIsInitializedOp", {data->handle});
  data->initializer = inside.Named("Assign").Node("AssignVariableOp", {data->handle, initial});
  data->value = inside.Sub("Read").Node("ReadVariableOp", {data->handle}, {{"dtype", data->dtype}});
  if (!at.ok()) return {};
  if (data->shape.rank_known()) at.graph().SetShape(data->value, data->shape).IgnoreError();
  Variable variable(std::move(data));
  AddToCollections(at.graph(), variable, settled.options.collections);
  return variable;
}

// Rule VS-8: in the absolute scope <variable>/Regularizer/, colocated with it.
void Regularize(At at, const Variable& variable, const Regularizer& regularizer) {
  if (!regularizer || variable.empty()) return;
  const At inside = AtAbsolute(at, absl::StrCat(variable.op_name(), "/Regularizer"));
  const Output loss =
      regularizer(inside.In(inside.scope().ColocateWith(variable.handle())), variable.value());
  if (!loss.empty()) at.graph().AddToCollection(keys::kRegularizationLosses, loss);
}

Variable Fail(At at, const std::string& name, const absl::Status& why) {
  at.In(at.scope().Sub("")).Fail(name, why);
  return {};
}

Output DefaultInitialValue(At at, const TensorShape& shape, DType dtype) {
  if (IsFloating(dtype)) return GlorotUniformInitializer(at, shape, dtype);
  if (IsInteger(dtype) || dtype == DType::kBool || dtype == DType::kString)
    return ZerosInitializer(at, shape, dtype);
  return at.Fail("Initializer",
                 absl::InvalidArgumentError(absl::StrCat("An initializer for a variable of ",
                                                         DTypeName(dtype), " is required")));
}

// Rules VS-2 and VS-3.
absl::Status CheckShared(const Variable& found, const std::string& name,
                         const VariableOptions& options) {
  if (!found.shape().CompatibleWith(options.shape)) {
    return absl::InvalidArgumentError(
        absl::StrCat("Trying to share variable ", name, ", but specified shape ",
                     options.shape.ToString(), " and found shape ", found.shape().ToString(), "."));
  }
  if (options.dtype != DType::kInvalid && BaseType(options.dtype) != found.dtype()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Trying to share variable ", name, ", but specified dtype ",
                     DTypeName(options.dtype), " and found dtype ", DTypeName(found.dtype()), "."));
  }
  return absl::OkStatus();
}

Variable CreateStored(At at, const std::string& name, const VariableOptions& options) {
  if (!options.shape.fully_defined()) {
    return Fail(at, name,
                absl::InvalidArgumentError(absl::StrCat("Shape of a new variable (", name,
                                                        ") must be fully defined, but instead was ",
                                                        options.shape.ToString(), ".")));
  }
  if (!IsValidOpName(name))
    return Fail(at, name, absl::InvalidArgumentError("is not a valid node name"));
  Settled settled{at.graph().UniqueName(name), options.shape, BaseType(options.dtype), options};
  const Variable variable = MakeVariable(at, settled, [&](At placed) {
    const At inside = placed.Sub("Initializer");
    return options.initializer ? options.initializer(inside, settled.shape, settled.dtype)
                               : DefaultInitialValue(inside, settled.shape, settled.dtype);
  });
  if (variable.empty()) return {};
  if (!variable.shape().CompatibleWith(variable.initial_value().shape()) ||
      variable.initial_value().dtype() != variable.dtype()) {
    return Fail(at, name,
                absl::InvalidArgumentError(absl::StrCat(
                    "the initializer gave ", DTypeName(variable.initial_value().dtype()),
                    variable.initial_value().shape().ToString(), ", the variable is ",
                    DTypeName(variable.dtype()), variable.shape().ToString())));
  }
  at.graph().StoreVariable(name, variable);
  Regularize(at, variable, options.regularizer);
  return variable;
}

// The decision table VS-1, for complete options.
Variable TakeOrMake(At at, const std::string& name, const VariableOptions& options) {
  if (const Variable* found = at.graph().FindVariable(name)) {
    if (options.reuse == Reuse::kFalse) {
      return Fail(at, name,
                  absl::AlreadyExistsError(
                      absl::StrCat("Variable ", name,
                                   " already exists, disallowed. Did you mean to set reuse=True or "
                                   "reuse=tf.AUTO_REUSE in VarScope? Originally defined at ",
                                   found->created_at())));
    }
    const Variable shared = *found;
    const absl::Status fits = CheckShared(shared, name, options);
    return fits.ok() ? shared : Fail(at, name, fits);
  }
  if (options.reuse == Reuse::kTrue) {
    return Fail(at, name,
                absl::NotFoundError(
                    absl::StrCat("Variable ", name,
                                 " does not exist, or was not created with tf.get_variable(). Did "
                                 "you mean to set reuse=tf.AUTO_REUSE in VarScope?")));
  }
  VariableOptions complete = options;
  if (complete.dtype == DType::kInvalid) complete.dtype = at.scope().dtype();
  return CreateStored(at, name, complete);
}

}  // namespace

Variable GetVariable(At at, absl::string_view name, const VariableOptions& options) {
  if (!at.ok()) return {};
  const Scope& scope = at.scope();
  if (name.empty() && scope.variable_scope().empty())
    return Fail(at, "Variable", absl::InvalidArgumentError("a variable needs a name"));
  // Without a name of its own it is called like its scope: slots of optimizers are.
  std::string full = scope.variable_scope();
  if (!name.empty()) absl::StrAppend(&full, full.empty() ? "" : "/", name);
  VariableOptions resolved = options;
  if (!resolved.initializer) resolved.initializer = scope.initializer();
  if (!resolved.regularizer) resolved.regularizer = scope.regularizer();
  if (!resolved.constraint) resolved.constraint = scope.constraint();
  if (resolved.reuse == Reuse::kInherit) resolved.reuse = scope.reuse();
  if (!scope.custom_getter()) return TakeOrMake(at, full, resolved);
  return scope.custom_getter()(TakeOrMake, at, full, resolved);
}

Variable GetLocalVariable(At at, absl::string_view name, VariableOptions options) {
  options.trainable = false;
  if (std::find(options.collections.begin(), options.collections.end(), keys::kLocalVariables) ==
      options.collections.end()) {
    options.collections.push_back(keys::kLocalVariables);
  }
  return GetVariable(at, name, options);
}

Variable NewVariable(At at, Output initial_value, VariableOptions options) {
  if (!at.ok() || initial_value.empty()) return {};
  const At inside = at.Composite("Variable");
  if (!at.ok()) return {};
  Settled settled{inside.scope().name(), options.shape, initial_value.dtype(), options};
  if (!initial_value.shape().CompatibleWith(options.shape)) {
    return Fail(at, settled.name,
                absl::InvalidArgumentError(absl::StrCat("initial_value has shape ",
                                                        initial_value.shape().ToString(),
                                                        ", expected ", options.shape.ToString())));
  }
  const Variable variable = MakeVariable(at, settled, [&](At) { return initial_value; });
  Regularize(at, variable, options.regularizer);
  return variable;
}

Output Group(At at, const Outputs& ops) {
  for (const Output& op : ops) {
    if (op.empty()) return {};
  }
  const Scope named = at.scope().op_name().empty() ? at.scope().Named("group_deps") : at.scope();
  return at.In(named.After(ops)).Node("NoOp");
}

Output VariablesInitializer(At at, const std::vector<Variable>& variables) {
  const Scope named = at.scope().op_name().empty() ? at.scope().Named("init") : at.scope();
  Outputs initializers;
  for (const Variable& v : variables) initializers.push_back(v.initializer());
  return Group(at.In(named), initializers);
}

Output GlobalVariablesInitializer(At at) {
  return VariablesInitializer(at, at.graph().GlobalVariables());
}
Output LocalVariablesInitializer(At at) {
  return VariablesInitializer(at, at.graph().LocalVariables());
}

}  // namespace sluice
