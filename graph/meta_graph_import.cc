// ImportMetaGraph (graph/graph_def.h).
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

class CollectionReader {
 public:
  CollectionReader(const proto::MetaGraphDef& def, const Imported& imported)
      : def_(def), imported_(imported) {}

  // All items of all collections, by key.
  absl::StatusOr<std::map<std::string, std::vector<CollectionItem>>> Read();

 private:
  absl::StatusOr<std::vector<CollectionItem>> ReadList(const std::string& key,
                                                       const proto::CollectionDef& list);
  absl::StatusOr<CollectionItem> ReadBytes(const std::string& key, const std::string& bytes);
  absl::StatusOr<Variable> ReadVariable(const std::string& bytes);
  absl::StatusOr<Output> FindTensor(const std::string& name) const;

  const proto::MetaGraphDef& def_;
  const Imported& imported_;
  absl::flat_hash_map<std::string, Variable> variables_;  // by the bytes of their VariableDef
  std::set<std::string> trainable_;                       // names in the collection of these
};

// A tensor; output 0 of an operation named without it, as old files do.
absl::StatusOr<Output> CollectionReader::FindTensor(const std::string& name) const {
  SLUICE_ASSIGN_OR_RETURN(const Output found, imported_.Find(name));
  if (!found.is_operation()) return found;
  if (found.node()->num_outputs() > 0) return found.node()->output(0);
  return absl::InvalidArgumentError(
      absl::StrCat("'", Printable(name), "' must be a tensor, but has no outputs"));
}

// What kind of variable a handle is of: dtype and shape of the values, not of the handle.
void DescribeValue(const Output& handle, const Output& value, Variable::Data* data) {
  const AttrValue* dtype = FindAttr(handle.node()->attrs(), "dtype");
  const AttrValue* shape = FindAttr(handle.node()->attrs(), "shape");
  const bool has_dtype = dtype != nullptr && dtype->get_if<DType>() != nullptr;
  const bool has_shape = shape != nullptr && shape->get_if<TensorShape>() != nullptr;
  data->dtype = has_dtype ? *dtype->get_if<DType>() : BaseType(value.dtype());
  data->shape = has_shape ? *shape->get_if<TensorShape>() : value.shape();
}

// `prefix`: what the import put before all names.
absl::Status ReadSlice(const proto::SaveSliceInfoDef& def, const std::string& prefix,
                       std::optional<SaveSliceInfo>* out) {
  SaveSliceInfo slice{
      .full_name = prefix.empty() ? def.full_name() : absl::StrCat(prefix, "/", def.full_name()),
      .full_shape = TensorShape(absl::MakeConstSpan(def.full_shape())),
      .var_offset = {def.var_offset().begin(), def.var_offset().end()},
      .var_shape = TensorShape(absl::MakeConstSpan(def.var_shape()))};
  bool fits = def.var_offset_size() == def.full_shape_size() &&
              def.var_shape_size() == def.full_shape_size() && slice.full_shape.Check().ok() &&
              slice.full_shape.fully_defined();
  for (int i = 0; fits && i < def.full_shape_size(); ++i) {
    fits = def.var_offset(i) >= 0 && def.var_offset(i) <= def.full_shape(i) &&
           def.var_shape(i) >= 0 && def.var_shape(i) <= def.full_shape(i) - def.var_offset(i);
  }
  if (!fits) {
    return absl::InvalidArgumentError(
        absl::StrCat("save_slice_info_def: a part of shape ", slice.var_shape.ToString(), " at [",
                     absl::StrJoin(slice.var_offset, ","), "] must lie within '",
                     Printable(def.full_name()), "' of shape ", slice.full_shape.ToString()));
  }
  *out = std::move(slice);
  return absl::OkStatus();
}

// What the message says of a variable beside the names of its nodes. Leaves in it what is not
// looked at.
absl::Status ReadProperties(const std::string& prefix, proto::VariableDef* def,
                            Variable::Data* data) {
  data->synchronization = static_cast<VariableSynchronization>(def->synchronization());
  data->aggregation = static_cast<VariableAggregation>(def->aggregation());
  if (def->has_save_slice_info_def()) {
    SLUICE_RETURN_IF_ERROR(ReadSlice(def->save_slice_info_def(), prefix, &data->save_slice_info));
  }
  def->clear_variable_name();
  def->clear_initializer_name();
  def->clear_snapshot_name();
  def->clear_initial_value_name();
  def->clear_is_resource();
  def->clear_trainable();
  def->clear_synchronization();
  def->clear_aggregation();
  def->clear_save_slice_info_def();
  SLUICE_ASSIGN_OR_RETURN(data->imported_rest, SerializeMessage(*def));
  return absl::OkStatus();
}

absl::StatusOr<Variable> CollectionReader::ReadVariable(const std::string& bytes) {
  const auto known = variables_.find(bytes);
  if (known != variables_.end()) return known->second;
  proto::VariableDef def;
  SLUICE_RETURN_IF_ERROR(ParseMessage(bytes, /*text=*/false, &def));
  auto data = std::make_shared<Variable::Data>();
  SLUICE_ASSIGN_OR_RETURN(data->handle, FindTensor(def.variable_name()));
  Node* node = data->handle.node();
  const DType held = data->handle.dtype();
  if (!node->spec().opaque() && !(def.is_resource() ? held == DType::kResource : IsRef(held))) {
    return absl::InvalidArgumentError(
        absl::StrCat("variable '", Printable(def.variable_name()), "' must be ",
                     def.is_resource() ? "a resource" : "a reference", ", got ", DTypeName(held)));
  }
  data->op_name = node->name();
  data->value = data->handle;
  if (!def.snapshot_name().empty()) {
    SLUICE_ASSIGN_OR_RETURN(data->value, FindTensor(def.snapshot_name()));
  }
  if (!def.initializer_name().empty()) {
    SLUICE_ASSIGN_OR_RETURN(const Output initializer, imported_.Find(def.initializer_name()));
    data->initializer = initializer.node()->operation();
  }
  if (!def.initial_value_name().empty()) {
    SLUICE_ASSIGN_OR_RETURN(data->initial_value, FindTensor(def.initial_value_name()));
  }
  const std::string original = def.variable_name().substr(0, def.variable_name().rfind(':'));
  const auto is_initialized = FindTensor(original + "/IsInitialized/VarIsInitializedOp");
  if (is_initialized.ok()) data->is_initialized = *is_initialized;
  DescribeValue(data->handle, data->value, data.get());
  data->trainable = def.trainable() || trainable_.count(def.variable_name()) > 0;
  data->trainable_unsaid = data->trainable && !def.trainable();  // files before TensorFlow 1.13
  SLUICE_RETURN_IF_ERROR(Annotate(ReadProperties(imported_.prefix, &def, data.get()),
                                  absl::StrCat("variable '", Printable(data->op_name), "'")));
  return variables_.emplace(bytes, Variable(std::move(data))).first->second;
}

absl::StatusOr<CollectionItem> CollectionReader::ReadBytes(const std::string& key,
                                                           const std::string& bytes) {
  if (HoldsVariables(key)) {
    SLUICE_ASSIGN_OR_RETURN(Variable variable, ReadVariable(bytes));
    return CollectionItem(std::move(variable));
  }
  // Other strings are taken for names.
  if (HoldsRecords(key) || imported_.prefix.empty()) return CollectionItem(bytes);
  return CollectionItem(absl::StrCat(imported_.prefix, "/", bytes));
}

absl::StatusOr<std::vector<CollectionItem>> CollectionReader::ReadList(
    const std::string& key, const proto::CollectionDef& list) {
  std::vector<CollectionItem> items;
  switch (list.kind_case()) {
    case proto::CollectionDef::kNodeList:
      for (const std::string& name : list.node_list().value()) {
        SLUICE_ASSIGN_OR_RETURN(Output found, imported_.Find(name));
        items.emplace_back(std::move(found));
      }
      break;
    case proto::CollectionDef::kBytesList:
      for (const std::string& bytes : list.bytes_list().value()) {
        SLUICE_ASSIGN_OR_RETURN(CollectionItem item, ReadBytes(key, bytes));
        items.push_back(std::move(item));
      }
      break;
    case proto::CollectionDef::kInt64List:
      for (const int64_t value : list.int64_list().value()) items.emplace_back(value);
      break;
    case proto::CollectionDef::kFloatList:
      for (const float value : list.float_list().value()) items.emplace_back(value);
      break;
    case proto::CollectionDef::kAnyList:  // messages that no collection here can hold
    case proto::CollectionDef::KIND_NOT_SET:
      break;
  }
  return items;
}

absl::StatusOr<std::map<std::string, std::vector<CollectionItem>>> CollectionReader::Read() {
  const auto trainable = def_.collection_def().find(keys::kTrainableVariables);
  if (trainable != def_.collection_def().end()) {
    for (const std::string& bytes : trainable->second.bytes_list().value()) {
      proto::VariableDef def;
      SLUICE_RETURN_IF_ERROR(ParseMessage(bytes, /*text=*/false, &def));
      trainable_.insert(def.variable_name());
    }
  }
  std::map<std::string, std::vector<CollectionItem>> collections;
  for (const auto& [key, list] : def_.collection_def()) {
    if (key == kUnboundInputs) continue;  // they are bound now
    if (HoldsRecords(key) && !imported_.prefix.empty()) {
      LOG(WARNING) << "collection '" << key << "' names nodes without the import scope '"
                   << imported_.prefix << "' and is not read";
      continue;
    }
    absl::StatusOr<std::vector<CollectionItem>> items = ReadList(key, list);
    if (!items.ok()) {
      return Annotate(items.status(), absl::StrCat("collection '", Printable(key), "'"));
    }
    if (!items->empty()) collections.emplace(key, *std::move(items));
  }
  return collections;
}

// Rule COL-8.
absl::Status CheckUnboundInputs(const proto::MetaGraphDef& def,
                                const std::map<std::string, Output>& input_map) {
  const auto found = def.collection_def().find(kUnboundInputs);
  if (found == def.collection_def().end()) return absl::OkStatus();
  const auto& values = found->second.bytes_list().value();
  const std::set<std::string> unbound(values.begin(), values.end());
  std::vector<std::string> shown, missing, unknown;
  for (const std::string& name : unbound) {
    shown.push_back(Printable(name));
    if (input_map.count(name) == 0) missing.push_back(Printable(name));
  }
  for (const auto& [name, replacement] : input_map) {
    if (!unbound.empty() && unbound.count(name) == 0) unknown.push_back(Printable(name));
  }
  if (missing.empty() && unknown.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Graph contains unbound inputs: ", absl::StrJoin(shown, ", "),
      ". Must provide these inputs through input_map, which lacks [", absl::StrJoin(missing, ", "),
      "] and has besides [", absl::StrJoin(unknown, ", "), "]"));
}

}  // namespace

absl::Status ImportMetaGraph(const proto::MetaGraphDef& def, Graph* graph,
                             const MetaGraphImportOptions& options) {
  Graph::Transaction transaction(graph);
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(def));
  SLUICE_RETURN_IF_ERROR(CheckUnboundInputs(def, options.input_map));
  const ImportOptions into{.prefix = options.import_scope,
                           .input_map = options.input_map,
                           .producer_ops = &def.meta_info_def().stripped_op_list(),
                           .clear_devices = options.clear_devices};
  SLUICE_ASSIGN_OR_RETURN(const Imported imported, Import(def.graph_def(), graph, into));
  SLUICE_ASSIGN_OR_RETURN(auto collections, CollectionReader(def, imported).Read());
  transaction.Commit();
  for (auto& [key, items] : collections) {
    for (CollectionItem& item : items) graph->AddToCollection(key, std::move(item));
  }
  return absl::OkStatus();
}

}  // namespace sluice
