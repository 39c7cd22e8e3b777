// The handle. Making variables: graph/get_variable.cc, graph/new_variable.cc.
#include "graph/variable.h"

#include "core/status.h"
#include "graph/graph.h"
#include "graph/partitioned_variable.h"

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
bool Variable::is_resource() const {
  if (is_partitioned()) return parts()[0].is_resource();
  return !handle().empty() && BaseType(handle().dtype()) == DType::kResource;
}
const std::vector<Variable>& Variable::parts() const { return data().parts; }
Output Variable::handle() const { return data().handle; }
Output Variable::value() const { return data().value; }
Output Variable::initializer() const { return data().initializer; }
Output Variable::initial_value() const { return data().initial_value; }
Output Variable::is_initialized() const { return data().is_initialized; }

Output Variable::Read(At at) const {
  if (is_partitioned()) {
    Outputs values;
    for (const Variable& part : parts()) values.push_back(part.Read(at));
    return ConcatParts(at.Sub("ConcatPartitions"), *this, values);
  }
  if (!is_resource()) {
    const Scope beside = at.scope().ColocateWith(handle());
    return at.In(beside)
        .Named(at.scope().op_name().empty() ? "read" : at.scope().op_name())
        .Node("Identity", {handle()});
  }
  return at.Node("ReadVariableOp", {handle()}, {{"dtype", dtype()}});
}

Output Variable::InitializedValue(At at) const {
  if (is_partitioned()) {
    Outputs values;
    for (const Variable& part : parts()) values.push_back(part.InitializedValue(at));
    return ConcatParts(at.Sub("ConcatPartitions"), *this, values);
  }
  if (initial_value().empty()) return Read(at);
  const char* op = is_resource() ? "InitializedValue" : "InitializedRefValue";
  const Output value = at.Named("initialized_value").Node(op, {handle(), initial_value()});
  if (!value.empty() && shape().rank_known()) at.graph().SetShape(value, shape()).IgnoreError();
  return value;
}

Output Variable::Write(At at, const char* resource_op, const char* ref_op, Output value) const {
  if (is_partitioned()) {
    Outputs writes;
    for (const Variable& part : parts())
      writes.push_back(
          part.Write(at, resource_op, ref_op, SlicePart(at, *part.data().save_slice_info, value)));
    return Group(at, writes);
  }
  return at.Node(is_resource() ? resource_op : ref_op, {handle(), value});
}

Output Variable::Assign(At at, Output value) const {
  return Write(at, "AssignVariableOp", "Assign", value);
}
Output Variable::AssignAdd(At at, Output delta) const {
  return Write(at, "AssignAddVariableOp", "AssignAdd", delta);
}
Output Variable::AssignSub(At at, Output delta) const {
  return Write(at, "AssignSubVariableOp", "AssignSub", delta);
}

Output Variable::SparseRead(At at, Output indices) const {
  if (is_resource() && !is_partitioned())
    return at.Node("ResourceGather", {handle(), indices}, {{"dtype", dtype()}});
  return at.Node("Gather", {value(), indices});
}

Output Variable::Scatter(At at, const char* resource_op, const char* ref_op, Output indices,
                         Output updates) const {
  if (is_partitioned()) {
    return at.Fail(ref_op, absl::UnimplementedError(absl::StrCat(
                               op_name(), " is partitioned: scatter to its parts instead")));
  }
  return at.Node(is_resource() ? resource_op : ref_op, {handle(), indices, updates});
}

Output Variable::ScatterUpdate(At at, Output indices, Output updates) const {
  return Scatter(at, "ResourceScatterUpdate", "ScatterUpdate", indices, updates);
}
Output Variable::ScatterAdd(At at, Output indices, Output updates) const {
  return Scatter(at, "ResourceScatterAdd", "ScatterAdd", indices, updates);
}
Output Variable::ScatterSub(At at, Output indices, Output updates) const {
  return Scatter(at, "ResourceScatterSub", "ScatterSub", indices, updates);
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

Output ReportUninitializedVariables(At at) {
  std::vector<Variable> all = at.graph().GlobalVariables();
  for (const Variable& v : at.graph().LocalVariables()) all.push_back(v);
  return ReportUninitializedVariables(at, all);
}

Output ReportUninitializedVariables(At at, const std::vector<Variable>& variables) {
  const At inside = at.Composite("report_uninitialized_variables");
  std::vector<std::string> names;
  Outputs missing;
  for (const Variable& v : variables) {
    for (const Variable& part : v.is_partitioned() ? v.parts() : std::vector<Variable>{v}) {
      names.push_back(part.op_name());
      const Output there = part.is_resource()
                               ? inside.Node("VarIsInitializedOp", {part.handle()})
                               : inside.Node("IsVariableInitialized", {part.handle()});
      missing.push_back(inside.Node("LogicalNot", {there}));
    }
  }
  const Output all = inside.Named("Const").Node(
      "Const", {},
      {{"value", Tensor::Of<std::string>({static_cast<int64_t>(names.size())}, names)},
       {"dtype", DType::kString}});
  if (names.empty()) return all;
  const Output mask = inside.Named("stack").Node("Pack", missing, {{"axis", int64_t{0}}});
  const At masked = inside.Sub("boolean_mask");
  const Output where = masked.Node("Where", {mask});
  const Output rows = masked.Node("Squeeze", {where}, {{"squeeze_dims", std::vector<int64_t>{1}}});
  return masked.Named("GatherV2").Node("Gather", {all, rows});
}

}  // namespace sluice
