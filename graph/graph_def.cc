#include "graph/graph_def.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/imported_forms.h"
#include "graph/node_def.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/meta_graph.pb.h"
#include "proto/tensor.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

void WriteArgs(const std::vector<ArgSpec>& args,
               google::protobuf::RepeatedPtrField<proto::OpDef::ArgDef>* out) {
  for (const ArgSpec& arg : args) {
    proto::OpDef::ArgDef* def = out->Add();
    def->set_name(arg.name);
    def->set_type(static_cast<proto::DataType>(arg.type));
    def->set_type_attr(arg.type_attr);
    def->set_number_attr(arg.number_attr);
    def->set_type_list_attr(arg.type_list_attr);
    def->set_is_ref(arg.is_ref);
  }
}

absl::Status WriteAttr(const AttrSpec& attr, proto::OpDef::AttrDef* def) {
  def->set_name(attr.name);
  def->set_type(attr.type);
  if (attr.default_value.has_value()) {
    SLUICE_RETURN_IF_ERROR(ToProto(*attr.default_value, def->mutable_default_value()));
  }
  if (attr.minimum.has_value()) {
    def->set_has_minimum(true);
    def->set_minimum(*attr.minimum);
  }
  for (const DType type : attr.allowed_types) {
    def->mutable_allowed_values()->mutable_list()->add_type(static_cast<proto::DataType>(type));
  }
  for (const std::string& value : attr.allowed_strings) {
    def->mutable_allowed_values()->mutable_list()->add_s(value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ToGraphDef(const Graph& graph, proto::GraphDef* def, const ExportOptions& options) {
  def->Clear();
  SLUICE_RETURN_IF_ERROR(graph.status());
  const auto hold = graph.Hold();
  const ImportedForms& forms = graph.imported_forms();
  if (forms.graph_rest.has_value()) {
    SLUICE_RETURN_IF_ERROR(ParseMessage(*forms.graph_rest, /*text=*/false, def));
  } else {
    def->mutable_versions()->set_producer(kGraphDefProducer);
  }
  const int num_nodes = graph.num_nodes();
  def->mutable_node()->Reserve(num_nodes);
  for (const int id : forms.Order(num_nodes)) {
    const Node& node = *graph.node(id);
    SLUICE_RETURN_IF_ERROR(Annotate(WriteNode(node, forms.Find(id), options, def->add_node()),
                                    absl::StrCat("node '", node.name(), "' (", node.op(), ")")));
  }
  const std::string library = graph.function_library();
  if (library.empty()) return absl::OkStatus();
  return ParseMessage(library, /*text=*/false, def->mutable_library());
}

absl::Status ToOpDef(const OpSpec& spec, proto::OpDef* def) {
  def->Clear();
  def->set_name(spec.name());
  WriteArgs(spec.inputs(), def->mutable_input_arg());
  WriteArgs(spec.outputs(), def->mutable_output_arg());
  for (const AttrSpec& attr : spec.attrs())
    SLUICE_RETURN_IF_ERROR(WriteAttr(attr, def->add_attr()));
  def->set_is_commutative(spec.commutative());
  def->set_is_aggregate(spec.aggregate());
  def->set_is_stateful(spec.stateful());
  def->set_allows_uninitialized_input(spec.allows_uninitialized_input());
  return absl::OkStatus();
}

absl::StatusOr<std::string> SerializeGraphDef(const Graph& graph, bool text) {
  proto::GraphDef def;
  SLUICE_RETURN_IF_ERROR(ToGraphDef(graph, &def));
  return SerializeMessage(def, text);
}

absl::Status ParseGraphDef(absl::string_view bytes, bool text, proto::GraphDef* def) {
  return ParseMessage(bytes, text, def);
}

absl::StatusOr<std::string> SerializeMetaGraphDef(const proto::MetaGraphDef& def, bool text) {
  return SerializeMessage(def, text);
}

absl::Status ParseMetaGraphDef(absl::string_view bytes, bool text, proto::MetaGraphDef* def) {
  return ParseMessage(bytes, text, def);
}

}  // namespace sluice
