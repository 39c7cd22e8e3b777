#include "graph/import.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status.h"
#include "graph/import_plan.h"
#include "graph/import_rest.h"
#include "graph/imported_forms.h"
#include "graph/later_attrs.h"
#include "graph/node_def.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

// Outputs beyond the first of each node, in one import: a few bytes can announce an op with a
// million.
constexpr int64_t kMaxFurtherOutputs = 1 << 21;
// Outputs of one op that the registry lacks: its users alone tell how many it has.
constexpr int kMaxOpaqueOutputs = 1 << 16;
// From here on TensorFlow holds Placeholder.shape and _output_shapes to be true. Before, a scalar's
// shape stood for "unknown".
constexpr int kFirstProducerOfTrueShapes = 22;

constexpr char kColocation[] = "_class";
constexpr char kColocationPrefix[] = "loc:@";
constexpr char kOutputShapes[] = "_output_shapes";

absl::Status InvalidOutput(int index, absl::string_view node, int num_outputs) {
  return absl::InvalidArgumentError(absl::StrCat("Connecting to invalid output ", index,
                                                 " of source node ", node, " which has ",
                                                 num_outputs, " outputs"));
}

class Importer {
 public:
  Importer(const proto::GraphDef& def, Graph* graph, const ImportOptions& options, ImportPlan plan)
      : def_(def), graph_(graph), options_(options), plan_(std::move(plan)) {
    for (const proto::FunctionDef& function : def.library().function()) {
      const auto& args = function.signature().output_arg();
      const auto is_plain = [](const proto::OpDef::ArgDef& arg) {
        return arg.number_attr().empty() && arg.type_list_attr().empty();
      };
      results_[function.signature().name()] = std::count_if(args.begin(), args.end(), is_plain);
    }
    if (options.producer_ops == nullptr) return;
    for (const proto::OpDef& op : options.producer_ops->op()) {
      for (const proto::OpDef::AttrDef& attr : op.attr()) {
        if (!attr.has_default_value()) continue;
        producer_defaults_.try_emplace({op.name(), attr.name()}, &attr.default_value());
      }
    }
  }

  absl::StatusOr<Imported> Run();

 private:
  absl::Status Add(int position);
  absl::StatusOr<Edge> Producer(const InputSource& source) const;
  absl::Status AddInputs(int position, NodeRequest* request) const;
  absl::Status ReadAttrs(int position, const OpSpec* spec, NodeRequest* request) const;
  absl::Status ReadSchemaAttr(const proto::NodeDef& node, const OpSpec& spec,
                              const std::string& name, AttrValue value, AttrMap* attrs) const;
  bool IsProducerDefault(const std::string& op, const std::string& attr,
                         const AttrValue& value) const;
  absl::Status RenameColocation(AttrMap* attrs) const;
  absl::Status ApplyOutputShapes(Node* node, const std::vector<TensorShape>& shapes);
  int64_t ResultsOf(const std::string& op) const;
  absl::Status CloseLoops();
  absl::StatusOr<Output> FindReturned(const std::string& name) const;
  absl::Status KeepForms();

  const proto::GraphDef& def_;
  Graph* const graph_;
  const ImportOptions& options_;
  const ImportPlan plan_;
  // By op and attr.
  absl::flat_hash_map<std::pair<absl::string_view, absl::string_view>, const proto::AttrValue*>
      producer_defaults_;
  absl::flat_hash_map<absl::string_view, int64_t> results_;  // of functions, by name
  std::vector<Node*> nodes_;                                 // by position in the GraphDef
  int64_t further_outputs_ = 0;
};

absl::StatusOr<Edge> Importer::Producer(const InputSource& source) const {
  if (source.replacement != nullptr) {
    return Edge{source.replacement->node(), source.replacement->index()};
  }
  Node* node = nodes_[source.node];
  if (source.index != Output::kOperation && source.index >= node->num_outputs()) {
    return InvalidOutput(source.index, node->name(), node->num_outputs());
  }
  return Edge{node, source.index};
}

absl::Status Importer::AddInputs(int position, NodeRequest* request) const {
  absl::flat_hash_set<Node*> control;
  for (const InputSource& source : plan_.InputsOf(position)) {
    SLUICE_ASSIGN_OR_RETURN(const Edge edge, source.back_edge ? Edge{} : Producer(source));
    if (source.index != Output::kOperation) {
      request->inputs.push_back(edge);
    } else if (control.insert(edge.node).second) {
      request->control_inputs.push_back(edge.node);
    }
  }
  return absl::OkStatus();
}

// Stricter than CheckAttrs, which is made for programs: files must say exactly what they mean.
absl::Status Importer::ReadSchemaAttr(const proto::NodeDef& node, const OpSpec& spec,
                                      const std::string& name, AttrValue value,
                                      AttrMap* attrs) const {
  const AttrSpec* schema = spec.FindAttr(name);
  if (schema == nullptr) {
    if (IsLaterDefault(node.op(), name, value) || IsProducerDefault(node.op(), name, value)) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("op ", spec.name(), " has no such attr, got ", value.ToString()));
  }
  if (schema->type == "float" && value.KindName() != "float") {
    return absl::InvalidArgumentError(
        absl::StrCat("must have type float, got ", value.KindName(), " ", value.ToString()));
  }
  std::vector<DType> types;
  if (const DType* type = value.get_if<DType>()) types = {*type};
  if (const auto* list = value.get_if<std::vector<DType>>()) types = *list;
  for (const DType type : types) {
    if (!IsRef(type)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("must not be a reference type, got ", DTypeName(type)));
  }
  const bool unknown_shape = node.op() == "Placeholder" && name == "shape" &&
                             def_.versions().producer() < kFirstProducerOfTrueShapes;
  const TensorShape* shape = value.get_if<TensorShape>();
  if (unknown_shape && shape != nullptr && shape->rank() == 0) value = TensorShape::Unknown();
  attrs->emplace(name, std::move(value));
  return absl::OkStatus();
}

bool Importer::IsProducerDefault(const std::string& op, const std::string& attr,
                                 const AttrValue& value) const {
  const auto found = producer_defaults_.find({op, attr});
  if (found == producer_defaults_.end()) return false;
  const absl::StatusOr<AttrValue> given = AttrFromProto(*found->second);
  return given.ok() && WritesSame(value, *given);
}

// Dtypes of later releases of TensorFlow.
bool NamesForeignDType(const AttrValue& value) {
  const auto is_foreign = [](DType type) { return type != DType::kInvalid && !IsKnown(type); };
  if (const DType* type = value.get_if<DType>()) return is_foreign(*type);
  const auto* list = value.get_if<std::vector<DType>>();
  return list != nullptr && std::any_of(list->begin(), list->end(), is_foreign);
}

// `spec` is null for an op that the registry lacks. A value that no attribute here can hold (a
// constant of a dtype that tensors lack) is left out: the node becomes opaque, as it does when it
// names a dtype of later releases.
absl::Status Importer::ReadAttrs(int position, const OpSpec* spec, NodeRequest* request) const {
  AttrMap* attrs = &request->attrs;
  const proto::NodeDef& node = def_.node(position);
  for (const auto& [name, message] : node.attr()) {
    const std::string where = absl::StrCat("attr '", Printable(name), "'");
    absl::StatusOr<AttrValue> value = AttrFromProto(message, options_.budget);
    const bool annotation = absl::StartsWith(name, "_");
    if (annotation && name != kColocation && name != kOutputShapes && !value.ok()) continue;
    if (absl::IsUnimplemented(value.status())) {
      request->opaque = true;
      continue;
    }
    request->opaque |= !annotation && value.ok() && NamesForeignDType(*value);
    if (!value.ok()) return Annotate(value.status(), where);
    if (annotation || spec == nullptr) {
      if (!annotation && !value->has_value()) {
        return absl::InvalidArgumentError(absl::StrCat(where, " has no value"));
      }
      attrs->emplace(name, *std::move(value));
      continue;
    }
    SLUICE_RETURN_IF_ERROR(
        Annotate(ReadSchemaAttr(node, *spec, name, *std::move(value), attrs), where));
  }
  return RenameColocation(attrs);
}

// Rule IG-5.
absl::Status Importer::RenameColocation(AttrMap* attrs) const {
  const AttrValue* given = FindAttr(*attrs, kColocation);
  if (given == nullptr || given->get_if<EmptyList>() != nullptr) return absl::OkStatus();
  const auto* groups = given->get_if<std::vector<std::string>>();
  if (groups == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("attr '_class' must have type list(string), got ", given->KindName()));
  }
  std::vector<std::string> renamed;
  for (absl::string_view group : *groups) {
    absl::string_view op = group;
    if (!absl::ConsumePrefix(&op, kColocationPrefix)) {
      renamed.emplace_back(group);
      continue;
    }
    const auto found = plan_.positions.find(op);
    if (found == plan_.positions.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("expects to be colocated with unknown node '", Printable(op), "'"));
    }
    renamed.push_back(absl::StrCat(kColocationPrefix, plan_.names[found->second]));
  }
  (*attrs)[kColocation] = std::move(renamed);
  return absl::OkStatus();
}

// What the file says of the shapes must not contradict what the ops say. It is believed where
// nothing else is known and a wrong shape does no harm: of what must be fed, and of unknown ops.
absl::Status Importer::ApplyOutputShapes(Node* node, const std::vector<TensorShape>& shapes) {
  const bool trusted = def_.versions().producer() >= kFirstProducerOfTrueShapes;
  const bool opaque = node->spec().opaque();
  for (int i = 0; i < node->num_outputs() && i < static_cast<int>(shapes.size()); ++i) {
    if (!node->output_shape(i).CompatibleWith(shapes[i])) {
      if (!trusted) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("has an _output_shapes attribute inconsistent with the GraphDef: output ", i,
                       " is ", node->output_shape(i).ToString(), ", got ", shapes[i].ToString()));
    }
    if (opaque || node->spec().must_be_fed()) {
      SLUICE_RETURN_IF_ERROR(graph_->SetShape(node->output(i), shapes[i]));
    }
  }
  if (opaque || !trusted || node->num_outputs() == static_cast<int>(shapes.size())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "has an _output_shapes attribute inconsistent with the GraphDef: ", node->num_outputs(),
      " outputs, got ", shapes.size(), " shapes"));
}

// How many results a call of a function in the file's library has, as far as its signature says so
// without attributes; 0 for other ops.
int64_t Importer::ResultsOf(const std::string& op) const {
  const auto found = results_.find(op);
  return found == results_.end() ? 0 : found->second;
}

absl::Status Importer::Add(int position) {
  const proto::NodeDef& def = def_.node(position);
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(def));
  const OpSpec* spec = graph_->registry().Find(def.op());
  NodeRequest request{.op = def.op(),
                      .name = plan_.names[position],
                      .device = options_.clear_devices ? "" : def.device(),
                      .allow_unknown_op = true};
  SLUICE_RETURN_IF_ERROR(AddInputs(position, &request));
  SLUICE_RETURN_IF_ERROR(ReadAttrs(position, spec, &request));

  std::vector<TensorShape> shapes;
  bool has_shapes = false;
  const auto given = request.attrs.find(absl::string_view(kOutputShapes));
  if (given != request.attrs.end()) {
    const auto* list = given->second.get_if<std::vector<TensorShape>>();
    if (list == nullptr && given->second.get_if<EmptyList>() == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "attr '_output_shapes' must have type list(shape), got ", given->second.KindName()));
    }
    if (list != nullptr) shapes = *list;
    has_shapes = true;
    request.attrs.erase(given);
  }
  const int64_t used = std::max<int64_t>(
      {plan_.outputs_used[position], static_cast<int64_t>(shapes.size()), ResultsOf(def.op())});
  if ((spec == nullptr || request.opaque) && used > kMaxOpaqueOutputs) {
    return InvalidOutput(plan_.outputs_used[position] - 1, request.name, kMaxOpaqueOutputs);
  }
  request.unknown_op_outputs = std::max(1, static_cast<int>(used));

  SLUICE_ASSIGN_OR_RETURN(nodes_[position], graph_->AddNode(std::move(request)));
  further_outputs_ += std::max(0, nodes_[position]->num_outputs() - 1);
  if (further_outputs_ > kMaxFurtherOutputs) {
    return absl::ResourceExhaustedError(absl::StrCat("all nodes together must have at most ",
                                                     kMaxFurtherOutputs,
                                                     " outputs beyond their first"));
  }
  return has_shapes ? ApplyOutputShapes(nodes_[position], shapes) : absl::OkStatus();
}

absl::Status Importer::CloseLoops() {
  for (int position = 0; position < def_.node_size(); ++position) {
    const absl::Span<const InputSource> sources = plan_.InputsOf(position);
    for (size_t i = 0; i < sources.size(); ++i) {
      if (!sources[i].back_edge) continue;
      Node* merge = nodes_[position];
      const std::string where = DescribeNode(def_.node(position));
      const absl::StatusOr<Edge> edge = Producer(sources[i]);
      if (!edge.ok()) return Annotate(edge.status(), where);
      const DType got = edge->node->output_dtype(edge->index);
      const DType wanted = merge->input_dtype(static_cast<int>(i));
      const bool opaque = edge->node->spec().opaque() || merge->spec().opaque();
      if (!opaque && BaseType(got) != BaseType(wanted)) {
        return absl::InvalidArgumentError(
            absl::StrCat(where, ": Input ", i, " of node ", merge->name(), " was passed ",
                         DTypeName(got), " from ", edge->node->output(edge->index).name(),
                         " incompatible with expected ", DTypeName(wanted), "."));
      }
      SLUICE_RETURN_IF_ERROR(graph_->SetBackEdge(merge, static_cast<int>(i), *edge));
    }
  }
  return absl::OkStatus();
}

// Rule IG-3. A tensor that input_map replaces is its replacement.
absl::StatusOr<Output> Importer::FindReturned(const std::string& name) const {
  const bool tensor = absl::StrContains(name, ":");
  const absl::StatusOr<TensorRef> ref = ParseTensorRef(name);
  if (tensor && ref.ok()) {
    for (const auto& [key, value] : options_.input_map) {
      const absl::StatusOr<TensorRef> mapped = ParseTensorRef(key);
      if (mapped->node == ref->node && mapped->index == ref->index) return value;
    }
  }
  const bool named = ref.ok() && ref->index != Output::kOperation;
  const auto found = named ? plan_.positions.find(ref->node) : plan_.positions.end();
  if (found == plan_.positions.end()) {
    return absl::InvalidArgumentError(absl::StrCat("Requested return ", tensor ? "tensor" : "node",
                                                   " '", Printable(name),
                                                   "' not found in graph def"));
  }
  Node* node = nodes_[found->second];
  if (!tensor) return node->operation();
  if (ref->index >= node->num_outputs()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Invalid return output ", ref->index, " of node '", Printable(ref->node),
                     "', which has ", node->num_outputs(), " outputs"));
  }
  return node->output(ref->index);
}

// What goes out again as it came in, though nodes do not keep it.
absl::Status Importer::KeepForms() {
  ImportedForms& forms = graph_->imported_forms();
  bool renamed = !options_.input_map.empty();
  for (int i = 0; i < def_.node_size() && !renamed; ++i) {
    renamed = plan_.names[i] != def_.node(i).name();
  }
  std::vector<int> ids;
  ids.reserve(nodes_.size());
  for (int i = 0; i < def_.node_size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(std::optional<ImportedForm> form,
                            FormOf(def_.node(i), *nodes_[i], renamed));
    if (form.has_value()) forms.Keep(nodes_[i]->id(), *std::move(form));
    ids.push_back(nodes_[i]->id());
  }
  forms.KeepOrder(std::move(ids));
  return absl::OkStatus();
}

absl::StatusOr<Imported> Importer::Run() {
  nodes_.assign(def_.node_size(), nullptr);
  for (const int position : plan_.order) {
    const absl::Status added = Add(position);
    if (!added.ok()) return Annotate(added, DescribeNode(def_.node(position)));
  }
  SLUICE_RETURN_IF_ERROR(CloseLoops());
  SLUICE_RETURN_IF_ERROR(KeepForms());
  SLUICE_RETURN_IF_ERROR(MergeLibrary(def_.library(), graph_));
  SLUICE_RETURN_IF_ERROR(MergeRest(def_, graph_));
  Imported imported{.prefix = plan_.prefix};
  for (const std::string& name : options_.return_elements) {
    SLUICE_ASSIGN_OR_RETURN(imported.returned.emplace_back(), FindReturned(name));
  }
  for (int i = 0; i < def_.node_size(); ++i) imported.nodes.emplace(def_.node(i).name(), nodes_[i]);
  if (!plan_.prefix.empty() && !absl::EndsWith(options_.prefix, "/")) {
    graph_->UniqueName(options_.prefix);  // the same name again, marked as used
  }
  return imported;
}

}  // namespace

absl::StatusOr<Output> Imported::Find(absl::string_view name) const {
  SLUICE_ASSIGN_OR_RETURN(const TensorRef ref, ParseTensorRef(name));
  const auto found = nodes.find(ref.node);
  if (found == nodes.end() || ref.index == Output::kOperation) {
    return absl::NotFoundError(absl::StrCat("the graph has no node '", Printable(name), "'"));
  }
  if (!absl::StrContains(name, ":")) return found->second->operation();
  if (ref.index >= found->second->num_outputs()) {
    return absl::NotFoundError(absl::StrCat("node '", Printable(ref.node), "' has ",
                                            found->second->num_outputs(), " outputs, asked for '",
                                            Printable(name), "'"));
  }
  return found->second->output(ref.index);
}

absl::StatusOr<Imported> Import(const proto::GraphDef& def, Graph* graph,
                                const ImportOptions& options) {
  Graph::Transaction transaction(graph);
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(def));
  SLUICE_ASSIGN_OR_RETURN(ImportPlan plan, PlanImport(def, graph, options));
  SLUICE_ASSIGN_OR_RETURN(Imported imported, Importer(def, graph, options, std::move(plan)).Run());
  transaction.Commit();
  return imported;
}

absl::StatusOr<Outputs> ImportGraphDef(const proto::GraphDef& def, Graph* graph,
                                       const ImportOptions& options) {
  SLUICE_ASSIGN_OR_RETURN(Imported imported, Import(def, graph, options));
  return std::move(imported.returned);
}

}  // namespace sluice
