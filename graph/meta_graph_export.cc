// ToMetaGraphDef (graph/graph_def.h).
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "core/status.h"
#include "glog/logging.h"
#include "graph/collection_kinds.h"
#include "graph/export_scope.h"
#include "graph/graph_def.h"
#include "graph/import.h"
#include "graph/proto_io.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"

namespace sluice {
namespace {

// The two enums are the files'.
static_assert(static_cast<int>(VariableSynchronization::kOnRead) ==
                  proto::VARIABLE_SYNCHRONIZATION_ON_READ &&
              static_cast<int>(VariableAggregation::kOnlyFirstReplica) ==
                  proto::VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA);

void WriteSlice(const SaveSliceInfo& slice, const ExportScope& scope,
                proto::SaveSliceInfoDef* def) {
  def->set_full_name(scope.Contains(slice.full_name) ? scope.Strip(slice.full_name)
                                                     : slice.full_name);
  for (const int64_t size : slice.full_shape.dims()) def->add_full_shape(size);
  for (const int64_t offset : slice.var_offset) def->add_var_offset(offset);
  for (const int64_t size : slice.var_shape.dims()) def->add_var_shape(size);
}

// Rule VAR-12.
absl::StatusOr<std::string> WriteVariable(const Variable& variable, const ExportScope& scope) {
  const Variable::Data& data = variable.data();
  proto::VariableDef def;
  SLUICE_RETURN_IF_ERROR(ParseMessage(data.imported_rest, /*text=*/false, &def));
  const auto name = [&](const Output& output) {
    const std::string full = output.empty() ? "" : output.name();
    return scope.Contains(full) ? scope.Strip(full) : "";
  };
  def.set_variable_name(name(data.handle));
  def.set_snapshot_name(name(data.value));
  def.set_initial_value_name(name(data.initial_value));
  def.set_initializer_name(name(data.initializer));
  def.set_is_resource(variable.is_resource());
  def.set_trainable(data.trainable && !data.trainable_unsaid);
  def.set_synchronization(static_cast<proto::VariableSynchronization>(data.synchronization));
  def.set_aggregation(static_cast<proto::VariableAggregation>(data.aggregation));
  if (data.save_slice_info.has_value()) {
    WriteSlice(*data.save_slice_info, scope, def.mutable_save_slice_info_def());
  }
  return SerializeMessage(def);
}

// Adds an item to the list of its kind.
struct ItemWriter {
  bool variables;  // as VariableDef, not by name
  const ExportScope& scope;
  proto::CollectionDef* out;

  absl::Status AddName(const std::string& name) const {
    out->mutable_node_list()->add_value(scope.Strip(name));
    return absl::OkStatus();
  }
  absl::Status operator()(const Output& item) const { return AddName(item.name()); }
  absl::Status operator()(const Variable& item) const {
    if (!variables) return AddName(item.name());
    for (const Variable& part : item.is_partitioned() ? item.parts() : std::vector{item}) {
      SLUICE_ASSIGN_OR_RETURN(*out->mutable_bytes_list()->add_value(), WriteVariable(part, scope));
    }
    return absl::OkStatus();
  }
  absl::Status operator()(int64_t item) const {
    out->mutable_int64_list()->add_value(item);
    return absl::OkStatus();
  }
  absl::Status operator()(float item) const {
    out->mutable_float_list()->add_value(item);
    return absl::OkStatus();
  }
  absl::Status operator()(const std::string& item) const {
    out->mutable_bytes_list()->add_value(scope.Strip(item));
    return absl::OkStatus();
  }
};

// The list that an item belongs to. A list of names holds tensors, operations and variables alike.
proto::CollectionDef::KindCase KindOf(const CollectionItem& item, bool variables) {
  if (std::holds_alternative<int64_t>(item)) return proto::CollectionDef::kInt64List;
  if (std::holds_alternative<float>(item)) return proto::CollectionDef::kFloatList;
  if (std::holds_alternative<std::string>(item)) return proto::CollectionDef::kBytesList;
  if (variables && std::holds_alternative<Variable>(item)) return proto::CollectionDef::kBytesList;
  return proto::CollectionDef::kNodeList;
}

// Numbers have no name, so they belong to every scope.
bool Contains(const ExportScope& scope, const CollectionItem& item) {
  if (scope.whole()) return true;
  if (const Output* output = std::get_if<Output>(&item)) return scope.Contains(output->name());
  if (const Variable* variable = std::get_if<Variable>(&item)) {
    return scope.Contains(variable->name());
  }
  const std::string* bytes = std::get_if<std::string>(&item);
  return bytes == nullptr || scope.Contains(*bytes);
}

absl::Status WriteCollection(const std::string& key, const std::vector<CollectionItem>& all,
                             const ExportScope& scope, proto::MetaGraphDef* def) {
  if (HoldsRecords(key) && !scope.whole()) return absl::OkStatus();
  std::vector<const CollectionItem*> items;
  for (const CollectionItem& item : all) {
    if (Contains(scope, item)) items.push_back(&item);
  }
  if (items.empty()) return absl::OkStatus();
  const bool variables = HoldsVariables(key);
  for (const CollectionItem* item : items) {
    if (KindOf(*item, variables) == KindOf(*items[0], variables)) continue;
    LOG(WARNING) << "collection '" << Printable(key)
                 << "' has items of several kinds and is not written";
    return absl::OkStatus();
  }
  proto::CollectionDef* out = &(*def->mutable_collection_def())[key];
  for (const CollectionItem* item : items) {
    SLUICE_RETURN_IF_ERROR(std::visit(ItemWriter{variables, scope, out}, *item));
  }
  return absl::OkStatus();
}

// The schemas of all ops in use, also inside functions, by name, after those that are there.
absl::Status WriteOpList(const Graph& graph, const proto::GraphDef& def, proto::OpList* out) {
  std::set<std::string> used;
  for (const proto::NodeDef& node : def.node()) used.insert(node.op());
  const bool imported = out->op_size() > 0;  // then functions are the file's, too, and its list's
  for (const proto::FunctionDef& function : def.library().function()) {
    if (imported) break;
    for (const proto::NodeDef& node : function.node_def()) used.insert(node.op());
  }
  for (const proto::OpDef& op : out->op()) used.erase(op.name());
  for (const std::string& op : used) {
    const OpSpec* spec = graph.registry().Find(op);
    if (spec != nullptr) SLUICE_RETURN_IF_ERROR(ToOpDef(*spec, out->add_op()));
  }
  return absl::OkStatus();
}

// Is this a collection that a graph cannot hold, so that an import leaves it out?
bool IsForeign(const proto::CollectionDef& list) {
  switch (list.kind_case()) {
    case proto::CollectionDef::kNodeList:
      return list.node_list().value().empty();
    case proto::CollectionDef::kBytesList:
      return list.bytes_list().value().empty();
    case proto::CollectionDef::kInt64List:
      return list.int64_list().value().empty();
    case proto::CollectionDef::kFloatList:
      return list.float_list().value().empty();
    case proto::CollectionDef::kAnyList:
    case proto::CollectionDef::KIND_NOT_SET:
      return true;
  }
  return true;
}

// Everything of `base` but what the graph says.
void TakeOver(const proto::MetaGraphDef& base, proto::MetaGraphDef* out) {
  CopyUnknownFields(base, out);
  if (base.has_meta_info_def()) *out->mutable_meta_info_def() = base.meta_info_def();
  if (base.has_saver_def()) *out->mutable_saver_def() = base.saver_def();
  *out->mutable_signature_def() = base.signature_def();
  *out->mutable_asset_file_def() = base.asset_file_def();
  for (const auto& [key, list] : base.collection_def()) {
    if (IsForeign(list)) (*out->mutable_collection_def())[key] = list;
  }
}

absl::Status WriteInfo(const Graph& graph, const MetaGraphExportOptions& options,
                       proto::MetaGraphDef* def) {
  auto* info = def->mutable_meta_info_def();
  if (options.strip_default_attrs) info->set_stripped_default_attrs(true);
  if (info->tensorflow_version().empty()) info->set_tensorflow_version(kTensorFlowVersion);
  return WriteOpList(graph, def->graph_def(), info->mutable_stripped_op_list());
}

absl::Status WriteCollections(const Graph& graph, const MetaGraphExportOptions& options,
                              const ExportScope& scope, proto::MetaGraphDef* def) {
  const auto& wanted = options.collection_list;
  for (const std::string& key : graph.CollectionKeys()) {
    const bool skip =
        !wanted.empty() && std::find(wanted.begin(), wanted.end(), key) == wanted.end();
    if (skip || (key == kUnboundInputs && !scope.whole())) continue;
    SLUICE_RETURN_IF_ERROR(Annotate(WriteCollection(key, graph.GetCollection(key), scope, def),
                                    absl::StrCat("collection '", Printable(key), "'")));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ToMetaGraphDef(const Graph& graph, proto::MetaGraphDef* def,
                            const MetaGraphExportOptions& options) {
  proto::MetaGraphDef out;
  if (options.base != nullptr) TakeOver(*options.base, &out);
  const ExportScope scope(options.export_scope);
  proto::GraphDef* nodes = out.mutable_graph_def();
  SLUICE_RETURN_IF_ERROR(ToGraphDef(graph, nodes,
                                    {.add_shapes = true,
                                     .add_shapes_to_imported = options.base == nullptr,
                                     .strip_default_attrs = options.strip_default_attrs}));
  const std::vector<std::string> unbound = scope.CutOut(nodes);
  if (!scope.whole() && nodes->node_size() == 0) {
    return absl::NotFoundError(
        absl::StrCat("export_scope '", Printable(options.export_scope), "' holds no node"));
  }
  if (options.clear_devices) {
    for (proto::NodeDef& node : *nodes->mutable_node()) node.clear_device();
  }
  SLUICE_RETURN_IF_ERROR(WriteInfo(graph, options, &out));
  SLUICE_RETURN_IF_ERROR(WriteCollections(graph, options, scope, &out));
  for (const std::string& input : unbound) {
    (*out.mutable_collection_def())[kUnboundInputs].mutable_bytes_list()->add_value(input);
  }
  *def = std::move(out);
  return absl::OkStatus();
}

}  // namespace sluice
