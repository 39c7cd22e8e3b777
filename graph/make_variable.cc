#include "graph/make_variable.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/scope_state.h"

namespace sluice {
namespace {

// A place whose op names start at the root with exactly this prefix, without control inputs (rule
// VAR-3).
At AtAbsolute(At at, const std::string& prefix) {
  return at.In(at.scope().WithoutControl()).Sub(absl::StrCat(prefix, "/"));
}

void AddToCollections(Graph& graph, const Variable& variable,
                      std::vector<std::string> collections) {
  if (collections.empty()) collections.push_back(keys::kGlobalVariables);
  if (variable.trainable()) collections.push_back(keys::kTrainableVariables);
  graph.AddToCollections(collections, variable);
}

std::string DescribeScopes(const Scope& scope) {
  return absl::StrCat("op scope '", scope.name(), "', variable scope '", scope.variable_scope(),
                      "'");
}

// Rule VS-9.
absl::StatusOr<bool> Trainable(const VariableOptions& options) {
  if (options.synchronization != VariableSynchronization::kOnRead)
    return options.trainable.value_or(true);
  if (options.trainable == true) {
    return absl::InvalidArgumentError(
        "Synchronization value can be set to VariableSynchronization.ON_READ only for "
        "non-trainable variables. You have specified trainable=True and "
        "synchronization=VariableSynchronization.ON_READ.");
  }
  return false;
}

// Where the variable's own node and, when a function makes it, its initial value go: colocated with
// the variable that is about to be, unless the scope colocates already.
At Placed(At inside, const VariablePlan& plan) {
  if (plan.initializer.is_value() || !inside.scope().state()->colocate.empty()) return inside;
  return inside.In(inside.scope().ColocateWithName(plan.name));
}

Output InitialValue(At placed, const VariablePlan& plan) {
  const At anywhere = placed.In(placed.scope().WithoutDevice());
  if (plan.initializer.is_value()) return plan.initializer(anywhere, plan.shape, plan.dtype);
  return plan.initializer(anywhere.Sub("Initializer"), plan.shape, plan.dtype);
}

absl::Status CheckInitialValue(const VariablePlan& plan, const Output& initial) {
  if (initial.is_operation())
    return absl::InvalidArgumentError("the initial value must be a tensor, got an operation");
  if (plan.dtype != DType::kInvalid && BaseType(initial.dtype()) != plan.dtype) {
    return absl::InvalidArgumentError(absl::StrCat("the initializer gave ",
                                                   DTypeName(initial.dtype()), ", the variable is ",
                                                   DTypeName(plan.dtype)));
  }
  if (!plan.shape.CompatibleWith(initial.shape())) {
    return absl::InvalidArgumentError(absl::StrCat("the initializer gave shape ",
                                                   initial.shape().ToString(),
                                                   ", the variable has ", plan.shape.ToString()));
  }
  if (plan.options.validate_shape && !plan.shape.fully_defined() &&
      !initial.shape().fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat("initial_value must have a shape specified: ", initial.name(), " has ",
                     initial.shape().ToString()));
  }
  return absl::OkStatus();
}

// The read that all uses share, cached on another device when that is asked for (rule VS-11).
Output CachedRead(At read, const Output& value, const std::string& device) {
  if (device.empty() || value.empty()) return value;
  const Scope there = read.scope().WithoutColocation().WithoutDevice().Device(device);
  return read.In(there).Node("Identity", {value});
}

void MakeResource(At inside, At placed, const std::string& caching_device, Variable::Data* data) {
  data->handle = placed.AsScope().Node(
      "VarHandleOp", {},
      {{"dtype", data->dtype}, {"shape", data->shape}, {"shared_name", data->op_name}});
  data->is_initialized = inside.Sub("IsInitialized").Node("VarIsInitializedOp", {data->handle});
  data->initializer =
      inside.Named("Assign").Node("AssignVariableOp", {data->handle, data->initial_value});
  const At read = inside.Sub("Read");
  const Output value = read.Node("ReadVariableOp", {data->handle}, {{"dtype", data->dtype}});
  if (!value.empty() && data->shape.rank_known())
    inside.graph().SetShape(value, data->shape).IgnoreError();
  data->value = CachedRead(read, value, caching_device);
}

void MakeReference(At inside, At placed, const std::string& caching_device, bool validate_shape,
                   Variable::Data* data) {
  data->handle =
      placed.AsScope().Node("VariableV2", {}, {{"dtype", data->dtype}, {"shape", data->shape}});
  const Output assigned =
      inside.Named("Assign").Node("Assign", {data->handle, data->initial_value},
                                  {{"validate_shape", validate_shape}, {"use_locking", true}});
  if (!assigned.empty()) data->initializer = assigned.node()->operation();
  const Scope where = caching_device.empty()
                          ? inside.scope().ColocateWith(data->handle)
                          : inside.scope().WithoutDevice().Device(caching_device);
  data->value = inside.In(where).Named("read").Node("Identity", {data->handle});
}

}  // namespace

Variable FailVariable(At at, const std::string& name, const absl::Status& why) {
  at.Sub("").Fail(name, why);
  return {};
}

Variable MakeVariable(At at, const VariablePlan& plan) {
  const VariableOptions& options = plan.options;
  const absl::StatusOr<bool> trainable = Trainable(options);
  if (!trainable.ok()) return FailVariable(at, plan.name, trainable.status());
  const At inside = AtAbsolute(at, plan.name);
  const At placed = Placed(inside, plan);
  const Output initial = InitialValue(placed, plan);
  if (initial.empty()) return {};
  const absl::Status fits = CheckInitialValue(plan, initial);
  if (!fits.ok()) return FailVariable(at, plan.name, fits);
  auto data = std::make_shared<Variable::Data>();
  data->op_name = plan.name;
  data->dtype = BaseType(initial.dtype());
  data->shape = plan.shape.fully_defined() ? plan.shape : initial.shape();
  if (!options.validate_shape) data->shape = TensorShape::Unknown();
  data->trainable = *trainable;
  data->constraint = options.constraint;
  data->synchronization = options.synchronization;
  data->aggregation = options.aggregation;
  data->save_slice_info = plan.save_slice_info;
  data->created_at = at.location();
  data->created_in = DescribeScopes(at.scope());
  if (options.reuse == Reuse::kAuto) data->numbered_scope = at.scope().state()->variables->numbered;
  data->initial_value = GuardInitialValue(placed, plan.name, initial);
  const std::string caching_device = options.caching_device.value_or("");
  if (options.use_resource.value_or(at.scope().use_resource())) {
    MakeResource(inside, placed, caching_device, data.get());
  } else {
    MakeReference(inside, placed, caching_device, options.validate_shape, data.get());
  }
  if (!at.ok()) return {};
  Variable variable(std::move(data));
  AddToCollections(at.graph(), variable, options.collections);
  return variable;
}

void Regularize(At at, const std::string& name, const Variable& variable,
                const Regularizer& regularizer) {
  if (!regularizer || variable.empty()) return;
  const At inside = AtAbsolute(at, absl::StrCat(name, "/Regularizer"));
  const Output loss =
      regularizer(inside.In(inside.scope().ColocateWith(variable.handle())), variable.value());
  if (!loss.empty()) at.graph().AddToCollection(keys::kRegularizationLosses, loss);
}

}  // namespace sluice
