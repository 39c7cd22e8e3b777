#include "graph/node_def.h"

#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

constexpr char kColocation[] = "_class";
constexpr char kOutputShapes[] = "_output_shapes";

// --- writing -------------------------------------------------------------------------------------

bool IsDefault(const OpSpec& spec, const std::string& attr, const AttrValue& value) {
  const AttrSpec* schema = spec.FindAttr(attr);
  return schema != nullptr && schema->default_value.has_value() &&
         WritesSame(value, *schema->default_value);
}

// Rule NS-15. Control inputs are sorted, so that equal graphs give equal files.
void WriteInputs(const Node& node, proto::NodeDef* def) {
  for (int i = 0; i < node.num_inputs(); ++i) {
    const Edge& edge = node.input_edge(i);
    def->add_input(edge.index == 0 ? edge.node->name()
                                   : absl::StrCat(edge.node->name(), ":", edge.index));
  }
  std::vector<std::string> control;
  for (const Node* input : node.control_inputs())
    control.push_back(absl::StrCat("^", input->name()));
  std::sort(control.begin(), control.end());
  for (std::string& input : control) def->add_input(std::move(input));
}

absl::Status WriteAttr(const std::string& name, const AttrValue& value, proto::AttrValue* out) {
  return Annotate(ToProto(value, out), absl::StrCat("attr '", Printable(name), "'"));
}

absl::Status ApplyForm(const Node& node, const ImportedForm& form, const ExportOptions& options,
                       proto::NodeDef* def) {
  proto::NodeDef rest;
  SLUICE_RETURN_IF_ERROR(ParseMessage(form.rest, /*text=*/false, &rest));
  for (const std::string& name : form.absent_attrs) def->mutable_attr()->erase(name);
  for (auto& [name, value] : *rest.mutable_attr()) {
    const AttrValue* known = FindAttr(node.attrs(), name);
    if (options.strip_default_attrs && known != nullptr && IsDefault(node.spec(), name, *known)) {
      continue;
    }
    (*def->mutable_attr())[name] = std::move(value);
  }
  if (rest.input_size() > 0) def->mutable_input()->Swap(rest.mutable_input());
  if (rest.has_experimental_debug_info()) {
    *def->mutable_experimental_debug_info() = std::move(*rest.mutable_experimental_debug_info());
  }
  CopyUnknownFields(rest, def);
  return absl::OkStatus();
}

// --- comparing -----------------------------------------------------------------------------------

// The numbers of a tensor as WriteNode writes them: told without writing them, for there may be
// many.
bool IsPlainContent(const proto::AttrValue& value) {
  if (!value.has_tensor() || value.tensor().tensor_content().empty()) return false;
  const proto::TensorProto& tensor = value.tensor();
  if (tensor.dtype() == proto::DT_STRING || tensor.tensor_shape().unknown_rank()) return false;
  int64_t elements = 1;
  for (const auto& dim : tensor.tensor_shape().dim()) elements *= dim.size();  // checked by import
  if (elements <= 1) return false;
  proto::TensorProto frame;  // nothing but dtype, shape and content
  frame.set_dtype(tensor.dtype());
  *frame.mutable_tensor_shape() = tensor.tensor_shape();
  const auto varint_size = [](size_t n) {
    size_t bytes = 1;
    for (; n >= 0x80; n >>= 7) ++bytes;
    return bytes;
  };
  const size_t content =
      1 + varint_size(tensor.tensor_content().size()) + tensor.tensor_content().size();
  return tensor.ByteSizeLong() == frame.ByteSizeLong() + content &&
         value.GetReflection()->GetUnknownFields(value).empty();
}

absl::StatusOr<bool> SaysTheSame(const proto::AttrValue& file, const std::string& name,
                                 const AttrValue& value) {
  if (IsPlainContent(file)) return true;
  proto::AttrValue ours;
  SLUICE_RETURN_IF_ERROR(WriteAttr(name, value, &ours));
  SLUICE_ASSIGN_OR_RETURN(const std::string a, SerializeMessage(ours));
  SLUICE_ASSIGN_OR_RETURN(const std::string b, SerializeMessage(file));
  return a == b;
}

bool SameInputs(const proto::NodeDef& file, const Node& node) {
  proto::NodeDef ours;
  WriteInputs(node, &ours);
  return std::equal(file.input().begin(), file.input().end(), ours.input().begin(),
                    ours.input().end());
}

}  // namespace

absl::Status WriteNode(const Node& node, const ImportedForm* form, const ExportOptions& options,
                       proto::NodeDef* def) {
  def->set_name(node.name());
  def->set_op(node.op());
  def->set_device(node.device());
  WriteInputs(node, def);
  for (const auto& [name, value] : node.attrs()) {
    if (options.strip_default_attrs && IsDefault(node.spec(), name, value)) continue;
    SLUICE_RETURN_IF_ERROR(WriteAttr(name, value, &(*def->mutable_attr())[name]));
  }
  const auto was_imported = [&] { return node.graph().imported_forms().IsImported(node.id()); };
  const bool add_shapes = options.add_shapes && node.num_outputs() > 0 &&
                          (options.add_shapes_to_imported || !was_imported());
  if (add_shapes) {
    auto* shapes = (*def->mutable_attr())[kOutputShapes].mutable_list();
    for (int i = 0; i < node.num_outputs(); ++i) ToProto(node.output_shape(i), shapes->add_shape());
  }
  return form == nullptr ? absl::OkStatus() : ApplyForm(node, *form, options, def);
}

absl::StatusOr<std::optional<ImportedForm>> FormOf(const proto::NodeDef& file, const Node& node,
                                                   bool renamed) {
  ImportedForm form;
  proto::NodeDef rest;
  for (const auto& [name, value] : file.attr()) {
    if (renamed && name == kColocation) continue;
    const AttrValue* ours = FindAttr(node.attrs(), name);
    bool same = false;
    if (ours != nullptr) {
      SLUICE_ASSIGN_OR_RETURN(same, SaysTheSame(value, name, *ours));
    }
    if (!same) (*rest.mutable_attr())[name] = value;
  }
  for (const auto& [name, value] : node.attrs()) {
    if (file.attr().count(name) == 0) form.absent_attrs.push_back(name);
  }
  if (!renamed && !SameInputs(file, node)) *rest.mutable_input() = file.input();
  if (file.has_experimental_debug_info()) {
    *rest.mutable_experimental_debug_info() = file.experimental_debug_info();
  }
  CopyUnknownFields(file, &rest);
  SLUICE_ASSIGN_OR_RETURN(form.rest, SerializeMessage(rest));
  if (form.rest.empty() && form.absent_attrs.empty()) return std::optional<ImportedForm>();
  return std::optional<ImportedForm>(std::move(form));
}

}  // namespace sluice
