#include "train/optimizer.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/aggregate.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/updates.h"
#include "layers/unpartitioned.h"

namespace sluice::train {
namespace {

absl::Status CheckLoss(const Output& loss) {
  if (loss.is_operation()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the loss must be a tensor, got the operation ", loss.name()));
  }
  if (!IsFloating(loss.dtype())) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid type ", DTypeName(loss.dtype()), " for ", loss.name(),
                     ", expected float32, float64, float16 or bfloat16."));
  }
  return absl::OkStatus();
}

absl::Status CheckVariables(const std::vector<Variable>& variables) {
  if (variables.empty()) return absl::InvalidArgumentError("No variables to optimize.");
  for (const Variable& v : variables) {
    if (v.empty()) return absl::InvalidArgumentError("a variable to optimize is empty");
  }
  return absl::OkStatus();
}

// What is trained of partitioned variables: their parts.
std::vector<Variable> PartsOf(const std::vector<Variable>& variables) {
  std::vector<Variable> parts;
  for (const Variable& v : variables) {
    if (v.is_partitioned()) {
      parts.insert(parts.end(), v.parts().begin(), v.parts().end());
    } else {
      parts.push_back(v);
    }
  }
  return parts;
}

std::string NamesOf(const std::vector<GradientAndVariable>& gradients) {
  return absl::StrJoin(gradients, ", ", [](std::string* out, const GradientAndVariable& g) {
    absl::StrAppend(out, "'", g.variable.name(), "'");
  });
}

bool HasGradient(const GradientAndVariable& g) { return !g.gradient.empty(); }

absl::Status CheckGradients(const std::vector<GradientAndVariable>& gradients) {
  if (gradients.empty()) return absl::InvalidArgumentError("No variables provided.");
  for (const GradientAndVariable& g : gradients) {
    if (g.variable.empty()) return absl::InvalidArgumentError("a variable to update is empty");
    if (g.variable.is_partitioned()) {
      return absl::InvalidArgumentError(
          absl::StrCat(g.variable.name(), " is partitioned: gradients are applied to its parts"));
    }
    const Output& values = g.gradient.values();
    if (HasGradient(g) && (values.is_operation() || values.dtype() != g.variable.dtype())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Gradient must be a tensor of the variable's dtype ", DTypeName(g.variable.dtype()),
          ", got ", values.name(), " for ", g.variable.name()));
    }
  }
  if (std::none_of(gradients.begin(), gradients.end(), HasGradient)) {
    return absl::InvalidArgumentError(
        absl::StrCat("No gradients provided for any variable: [", NamesOf(gradients), "]."));
  }
  return absl::OkStatus();
}

// tf.tuple: none of the gradients is used before all are there.
void GateAll(At at, std::vector<GradientAndVariable>* gradients) {
  Outputs present;
  for (const GradientAndVariable& g : *gradients) {
    if (HasGradient(g)) present.push_back(g.gradient.values());
  }
  if (present.empty()) return;
  const At tuple = at.Sub("tuple");
  const Output all = Group(tuple.Named("group_deps"), present);
  const At gated = tuple.In(tuple.scope().After({all}));
  for (GradientAndVariable& g : *gradients) {
    if (!HasGradient(g)) continue;
    const Output values = gated.Named("control_dependency").Node("Identity", {g.gradient.values()});
    g.gradient = WithValues(g.gradient, values);
  }
}

Output CastIn(At cast, const Output& tensor, DType dtype) {
  if (tensor.empty() || tensor.dtype() == dtype) return tensor;
  return cast.AsScope().Node("Cast", {tensor}, {{"DstT", dtype}});
}

// Rule COL-5.
std::vector<Variable> TrainedByDefault(const Graph& graph) {
  std::vector<Variable> variables = graph.TrainableVariables();
  for (const Variable& v : graph.Variables(keys::kTrainableResourceVariables)) {
    if (std::find(variables.begin(), variables.end(), v) == variables.end()) variables.push_back(v);
  }
  return variables;
}

// Every row once: those given several times are added up (rule OPT-4).
IndexedSlices AddUpDuplicates(At at, const IndexedSlices& slices) {
  const auto number = [](At place, const char* name, int32_t value) {
    return place.Named(name).Node(
        "Const", {}, {{"value", Tensor::Of<int32_t>({1}, {value})}, {"dtype", DType::kInt32}});
  };
  const Outputs unique = at.Nodes("Unique", {slices.indices});
  if (unique.empty()) return slices;
  const Output shape = at.Node("Shape", {unique[0]});
  const At inside = at.Sub("strided_slice");
  const Output rows =
      inside.AsScope().Node("StridedSlice",
                            {shape, number(inside, "stack", 0), number(inside, "stack_1", 1),
                             number(inside, "stack_2", 1)},
                            {{"shrink_axis_mask", int64_t{1}}});
  return {at.Node("UnsortedSegmentSum", {slices.values, unique[1], rows}), unique[0],
          slices.dense_shape};
}

}  // namespace

std::vector<GradientAndVariable> Optimizer::ComputeGradients(At at, Output loss,
                                                             ComputeGradientsOptions options) {
  if (!at.ok() || loss.empty()) return {};
  std::vector<Variable> variables = PartsOf(options.var_list);
  if (variables.empty()) variables = TrainedByDefault(at.graph());
  absl::Status status = CheckLoss(loss);
  status.Update(CheckVariables(variables));
  if (!status.ok()) {
    at.Fail(name_, status);
    return {};
  }
  Outputs handles;
  for (const Variable& v : variables) handles.push_back(v.handle());
  GradientsOptions how;
  if (!options.grad_loss.empty()) how.grad_ys = {options.grad_loss};
  how.gate_gradients = options.gate_gradients == Gate::kOp;
  how.colocate_gradients_with_ops = options.colocate_gradients_with_ops;
  how.aggregation_method = options.aggregation_method;
  const TensorsOrSlices gradients = SparseGradients(at, {loss}, handles, how);
  if (!at.ok()) return {};
  std::vector<GradientAndVariable> result;
  for (size_t i = 0; i < variables.size(); ++i) result.push_back({gradients[i], variables[i]});
  if (options.gate_gradients == Gate::kGraph) GateAll(at, &result);
  return result;
}

Output Optimizer::ApplyGradients(At at, const std::vector<GradientAndVariable>& gradients,
                                 ApplyGradientsOptions options) {
  if (!at.ok()) return {};
  const absl::Status status = CheckGradients(gradients);
  if (!status.ok()) return at.Fail(name_, status);
  std::vector<Variable> variables;
  for (const GradientAndVariable& g : gradients) {
    if (HasGradient(g)) variables.push_back(g.variable);
  }
  CreateSlots(at.In(at.scope().WithoutControl().Named("")), variables);
  const At inside = at.Sub(options.name.empty() ? name_ : options.name);
  Prepare(inside);
  Outputs updates;
  for (const GradientAndVariable& g : gradients) {
    if (HasGradient(g)) updates.push_back(Update(inside, g));
  }
  const Output result = Conclude(inside, updates, options.global_step);
  if (!result.empty()) at.graph().AddToCollection(keys::kTrainOp, result);
  return result;
}

Output Optimizer::Update(At at, const GradientAndVariable& pair) {
  const Variable& variable = pair.variable;
  const At outside = at.Sub(absl::StrCat("update_", variable.op_name()));
  const At inside = outside.In(outside.scope().ColocateWith(variable.handle()));
  if (pair.gradient.is_slices()) {
    if (variable.constraint()) {
      return inside.Fail(name_, absl::FailedPreconditionError(absl::StrCat(
                                    "Cannot use a constraint function on a sparse variable. (",
                                    variable.name(), ")")));
    }
    return ApplySparseDuplicateIndices(inside, pair.gradient.slices(), variable);
  }
  const Output update = ApplyDense(inside, pair.gradient.tensor(), variable);
  if (!variable.constraint() || update.empty()) return update;
  const At after = inside.In(inside.scope().After({update}));
  return variable.Assign(after, variable.constraint()(after, variable.Read(after)));
}

Output Optimizer::ApplySparse(At at, const IndexedSlices& gradient, const Variable& variable) {
  IndexedSlices whole = gradient;
  if (whole.dense_shape.empty()) whole.dense_shape = at.Node("Shape", {variable.Read(at)});
  return ApplyDense(at, ToDense(at, whole), variable);
}

Output Optimizer::ApplySparseDuplicateIndices(At at, const IndexedSlices& gradient,
                                              const Variable& variable) {
  return ApplySparse(at, AddUpDuplicates(at, gradient), variable);
}

Outputs Optimizer::Finish(At, const Outputs&) { return {}; }

Output Optimizer::Conclude(At at, const Outputs& updates, const Variable& global_step) {
  Outputs all = updates;
  for (const Output& more : Finish(at, updates)) all.push_back(more);
  if (global_step.empty()) return Group(at.AsScope(), all);
  const Output done = Group(at.Named("update"), all);
  const At beside = at.In(at.scope().ColocateWith(global_step.handle()));
  const Output one =
      beside.Named(global_step.is_resource() ? "Const" : "value")
          .Node("Const", {},
                {{"value", NumberTensor(global_step.dtype(), 1)}, {"dtype", global_step.dtype()}});
  const Output counted =
      global_step.AssignAdd(beside.In(beside.scope().After({done})).AsScope(), one);
  return counted.empty() ? counted : counted.node()->operation();
}

Output Optimizer::Minimize(At at, Output loss, MinimizeOptions options) {
  const std::vector<GradientAndVariable> gradients =
      ComputeGradients(at, loss,
                       {.var_list = options.var_list,
                        .gate_gradients = options.gate_gradients,
                        .aggregation_method = options.aggregation_method,
                        .colocate_gradients_with_ops = options.colocate_gradients_with_ops,
                        .grad_loss = options.grad_loss});
  if (gradients.empty()) return {};
  if (std::none_of(gradients.begin(), gradients.end(), HasGradient)) {
    return at.Fail(name_, absl::InvalidArgumentError(absl::StrCat(
                              "No gradients provided for any variable, check your graph for ops "
                              "that do not support gradients, between variables [",
                              NamesOf(gradients), "] and loss ", loss.name(), ".")));
  }
  Scope scope = at.scope();
  if (options.run_update_ops) {
    Outputs updates = UpdatesFor(at.graph(), {loss});
    // One op stands for many, so that the edges stay few.
    if (updates.size() > 1) updates = {Group(at.Named("update_ops"), updates)};
    scope = scope.After(updates);
  }
  return ApplyGradients(at.In(scope), gradients,
                        {.global_step = options.global_step, .name = options.name});
}

Output Optimizer::Apply(At at, absl::string_view rule, const std::vector<Variable>& updated,
                        const Outputs& others, AttrMap attrs) const {
  Outputs inputs;
  for (const Variable& v : updated) inputs.push_back(v.handle());
  inputs.insert(inputs.end(), others.begin(), others.end());
  attrs.emplace("use_locking", use_locking_);
  const char* prefix = updated[0].is_resource() ? "ResourceApply" : "Apply";
  const Output applied = at.Node(absl::StrCat(prefix, rule), inputs, std::move(attrs));
  return applied.empty() ? applied : applied.node()->operation();
}

namespace {

// Where a slot lies in the slot of the whole, when its variable is a part (rule OPT-7): checkpoints
// hold slices of "v/Adam" beside those of "v".
std::optional<SaveSliceInfo> SlotSlice(const Variable& variable, const std::string& slot_name) {
  std::optional<SaveSliceInfo> slice = variable.data().save_slice_info;
  if (slice.has_value()) absl::StrAppend(&slice->full_name, slot_name.substr(slot_name.rfind('/')));
  return slice;
}

}  // namespace

Variable Optimizer::CreateSlot(At at, const Variable& variable, const std::string& slot,
                               const Initializer& initializer) {
  Variable& made = slots_[{variable.handle().node(), slot}];
  if (!made.empty() || !at.ok()) return made;
  // Without a name scope of its own: the variable takes the scope's name.
  const Scope scope = at.scope()
                          .ColocateWith(variable.handle())
                          .DefaultVariableScope(absl::StrCat(variable.op_name(), "/", name_),
                                                {.auxiliary_name_scope = false});
  VariableOptions options = {.shape = variable.shape(),
                             .dtype = variable.dtype(),
                             .initializer = initializer,
                             .regularizer = [](At, Output) { return Output(); },
                             .trainable = false,
                             .use_resource = variable.is_resource(),
                             .save_slice_info = SlotSlice(variable, scope.variable_scope())};
  made = GetVariable(at.In(scope), "", layers::Unpartitioned(scope, std::move(options)));
  return made;
}

Variable Optimizer::CreateScalar(At at, const std::string& name, const Hyper& initial,
                                 const Variable& colocate) {
  Variable& made = scalars_[name];
  if ((!made.empty() && made.handle().graph() == &at.graph()) || !at.ok()) return made;
  const std::string& prefix = at.scope().name();
  const std::string full =
      at.graph().UniqueName(prefix.empty() ? name : absl::StrCat(prefix, "/", name), false);
  const Output value = initial.Tensor(at.Sub(absl::StrCat(full, "/")), "initial_value");
  const Scope beside = at.scope().ColocateWith(colocate.handle());
  made = NewVariable(at.In(beside).Named(name), value,
                     {.trainable = false, .use_resource = colocate.is_resource()});
  return made;
}

Output Optimizer::ReadNow(At at, const Variable& variable) {
  return variable.is_resource() ? variable.Read(at) : variable.value();
}

Output Optimizer::CastTo(At at, const Output& tensor, const Variable& variable) {
  return CastIn(at.Sub("Cast"), tensor, variable.dtype());
}

Output Optimizer::CastTo(At at, const Variable& state, const Variable& variable) {
  const At cast = at.Sub("Cast");
  return CastIn(cast, ReadNow(cast, state), variable.dtype());
}

Variable Optimizer::GetSlot(const Variable& variable, absl::string_view slot) const {
  if (variable.empty()) return {};
  const auto found = slots_.find({variable.handle().node(), std::string(slot)});
  return found == slots_.end() ? Variable() : found->second;
}

std::vector<std::string> Optimizer::SlotNames() const {
  std::set<std::string> names;
  for (const auto& [key, variable] : slots_) names.insert(key.second);
  return {names.begin(), names.end()};
}

std::vector<Variable> Optimizer::Variables() const {
  std::vector<Variable> all;
  for (const auto& [key, variable] : slots_) all.push_back(variable);
  for (const auto& [key, variable] : scalars_) all.push_back(variable);
  std::sort(all.begin(), all.end(),
            [](const Variable& a, const Variable& b) { return a.op_name() < b.op_name(); });
  return all;
}

std::vector<Variable> UnusedTrainables(const Output& loss) {
  if (loss.empty()) return {};
  const Graph& graph = *loss.graph();
  std::vector<bool> reached(graph.num_nodes(), false);
  std::vector<const Node*> todo = {loss.node()};
  while (!todo.empty()) {
    const Node* node = todo.back();
    todo.pop_back();
    if (static_cast<size_t>(node->id()) >= reached.size() || reached[node->id()]) continue;
    reached[node->id()] = true;
    if (node->spec().gradient() == nullptr) continue;
    for (int i = 0; i < node->num_inputs(); ++i) {
      if (IsTrainable(BaseType(node->input_dtype(i)))) todo.push_back(node->input_edge(i).node);
    }
  }
  std::vector<Variable> unused;
  for (const Variable& v : graph.TrainableVariables()) {
    if (!reached[v.handle().node()->id()]) unused.push_back(v);
  }
  return unused;
}

}  // namespace sluice::train
