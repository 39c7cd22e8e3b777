#include "graph/lower_functions_library.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/status.h"
#include "graph/later_attrs.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

using Args = google::protobuf::RepeatedPtrField<proto::OpDef::ArgDef>;

absl::Status AttrError(absl::string_view attr, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("attr '", Printable(attr), "' ", problem));
}

template <typename T>
absl::Status Holds(const AttrMap& attrs, const std::string& name, absl::string_view kind) {
  const AttrValue* value = FindAttr(attrs, name);
  if (value == nullptr || !value->has_value()) return AttrError(name, "is missing");
  if (value->get_if<T>() != nullptr) return absl::OkStatus();
  if (absl::StartsWith(kind, "list") && value->get_if<EmptyList>()) return absl::OkStatus();
  return AttrError(name, absl::StrCat("must have type ", kind, ", got ", value->KindName()));
}

// Are the attributes that give the argument's types there?
absl::Status CheckArgAttrs(const ArgSpec& arg, const AttrMap& attrs) {
  if (!arg.type_list_attr.empty()) {
    return Holds<std::vector<DType>>(attrs, arg.type_list_attr, "list(type)");
  }
  if (!arg.number_attr.empty()) {
    SLUICE_RETURN_IF_ERROR(Holds<int64_t>(attrs, arg.number_attr, "int"));
  }
  return arg.type_attr.empty() ? absl::OkStatus() : Holds<DType>(attrs, arg.type_attr, "type");
}

absl::StatusOr<std::vector<FlatArg>> SignatureArgs(const Args& args, const AttrMap& attrs) {
  std::vector<ArgSpec> specs;
  for (const proto::OpDef::ArgDef& arg : args) {
    specs.push_back({.name = arg.name(),
                     .type = static_cast<DType>(arg.type()),
                     .type_attr = arg.type_attr(),
                     .number_attr = arg.number_attr(),
                     .type_list_attr = arg.type_list_attr(),
                     .is_ref = arg.is_ref()});
    SLUICE_RETURN_IF_ERROR(Annotate(CheckArgAttrs(specs.back(), attrs),
                                    absl::StrCat("argument '", Printable(arg.name()), "'")));
  }
  return FlatArgs(specs, attrs);
}

// --- attributes that stand for attributes of the function ---

bool HasPlaceholder(const proto::AttrValue& value);

bool HasPlaceholder(const proto::NameAttrList& function) {
  return std::any_of(function.attr().begin(), function.attr().end(),
                     [](const auto& attr) { return HasPlaceholder(attr.second); });
}

// As deep as messages may nest, no deeper.
bool HasPlaceholder(const proto::AttrValue& value) {
  if (value.value_case() == proto::AttrValue::kPlaceholder) return true;
  if (value.value_case() == proto::AttrValue::kFunc) return HasPlaceholder(value.func());
  const auto& functions = value.list().func();
  return std::any_of(functions.begin(), functions.end(),
                     [](const proto::NameAttrList& f) { return HasPlaceholder(f); });
}

absl::Status FillIn(const AttrMap& attrs, proto::AttrValue* value);

absl::Status FillIn(const AttrMap& attrs, proto::NameAttrList* function) {
  for (auto& [name, value] : *function->mutable_attr()) {
    SLUICE_RETURN_IF_ERROR(FillIn(attrs, &value));
  }
  return absl::OkStatus();
}

absl::Status FillIn(const AttrMap& attrs, proto::AttrValue* value) {
  if (value->value_case() == proto::AttrValue::kPlaceholder) {
    const std::string name = value->placeholder();
    const AttrValue* given = FindAttr(attrs, name);
    if (given == nullptr || !given->has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("stands for the attr '", Printable(name),
                                                     "' of the function, which the call lacks"));
    }
    return ToProto(*given, value);
  }
  if (value->value_case() == proto::AttrValue::kFunc) return FillIn(attrs, value->mutable_func());
  if (value->value_case() != proto::AttrValue::kList) return absl::OkStatus();
  for (proto::NameAttrList& function : *value->mutable_list()->mutable_func()) {
    SLUICE_RETURN_IF_ERROR(FillIn(attrs, &function));
  }
  return absl::OkStatus();
}

absl::StatusOr<AttrValue> Filled(const proto::AttrValue& value, const AttrMap& attrs) {
  if (value.value_case() == proto::AttrValue::kPlaceholder) {  // the usual case: nothing to copy
    const AttrValue* given = FindAttr(attrs, value.placeholder());
    if (given != nullptr && given->has_value()) return *given;
  }
  proto::AttrValue filled = value;
  SLUICE_RETURN_IF_ERROR(FillIn(attrs, &filled));
  return AttrFromProto(filled);
}

bool IsNote(const std::string& attr) { return absl::StartsWith(attr, "_"); }

// Where the nodes stand, and what is known of their shapes, is not the same at every call.
bool IsDropped(const std::string& attr) { return attr == "_class" || attr == "_output_shapes"; }

// Dtypes of later releases of TensorFlow.
bool NamesForeignDType(const AttrValue& value) {
  const auto foreign = [](DType type) { return type != DType::kInvalid && !IsKnown(type); };
  if (const DType* type = value.get_if<DType>()) return foreign(*type);
  const auto* list = value.get_if<std::vector<DType>>();
  return list != nullptr && std::any_of(list->begin(), list->end(), foreign);
}

// Adds an attribute as an import would: what later releases added stays out at its default.
absl::Status AddAttr(const OpSpec* spec, const std::string& name, absl::StatusOr<AttrValue> value,
                     Function::BodyAttrs* result) {
  if (IsNote(name) && !value.ok()) return absl::OkStatus();
  if (absl::IsUnimplemented(value.status())) {
    result->opaque = true;
    return absl::OkStatus();
  }
  if (!value.ok()) {
    return Annotate(value.status(), absl::StrCat("attr '", Printable(name), "'"));
  }
  if (spec != nullptr && !IsNote(name) && spec->FindAttr(name) == nullptr) {
    if (IsLaterDefault(spec->name(), name, *value)) return absl::OkStatus();
    return AttrError(name, absl::StrCat("is not one of op ", spec->name(), ", got ",
                                        Printable(value->ToString())));
  }
  result->opaque |= !IsNote(name) && NamesForeignDType(*value);
  result->attrs.insert_or_assign(name, *std::move(value));
  return absl::OkStatus();
}

}  // namespace

std::vector<DType> TypesOf(const std::vector<FlatArg>& args) {
  std::vector<DType> types;
  for (const FlatArg& arg : args) types.insert(types.end(), arg.types.begin(), arg.types.end());
  return types;
}

absl::StatusOr<std::vector<FlatArg>> FlatArgs(const std::vector<ArgSpec>& args,
                                              const AttrMap& attrs) {
  std::vector<FlatArg> flat;
  for (const ArgSpec& arg : args) {
    FlatArg& added = flat.emplace_back();
    added.name = arg.name;
    SLUICE_ASSIGN_OR_RETURN(added.types, ArgTypes({arg}, attrs));
  }
  return flat;
}

// --- Function ---

Function::Function(const proto::FunctionDef& def, const OpRegistry& registry)
    : def_(def), registry_(registry), nodes_(static_cast<size_t>(def.node_def_size())) {
  for (int i = 0; i < def.node_def_size(); ++i) node_index_.emplace(def.node_def(i).name(), i);
  for (int i = 0; i < def.signature().input_arg_size(); ++i) {
    arg_index_.emplace(def.signature().input_arg(i).name(), i);
  }
}

const std::string& Function::name() const { return def_.signature().name(); }
bool Function::stateful() const { return def_.signature().is_stateful(); }

absl::Status Function::CompleteAttrs(AttrMap* attrs) const {
  for (const proto::OpDef::AttrDef& attr : def_.signature().attr()) {
    if (!attr.has_default_value() || FindAttr(*attrs, attr.name()) != nullptr) continue;
    SLUICE_ASSIGN_OR_RETURN(AttrValue value, AttrFromProto(attr.default_value()));
    attrs->emplace(attr.name(), std::move(value));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<FlatArg>> Function::Inputs(const AttrMap& attrs) const {
  return SignatureArgs(def_.signature().input_arg(), attrs);
}

absl::StatusOr<std::vector<FlatArg>> Function::Outputs(const AttrMap& attrs) const {
  return SignatureArgs(def_.signature().output_arg(), attrs);
}

absl::Status Function::ReadTemplate(int i, NodeTemplate* result) const {
  const proto::NodeDef& node = def_.node_def(i);
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(node));
  const OpSpec* spec = registry_.Find(node.op());
  NodeTemplate read;
  for (const auto& [name, message] : node.attr()) {
    if (IsDropped(name)) continue;
    if (HasPlaceholder(message)) {
      read.open.emplace_back(name, &message);
      continue;
    }
    SLUICE_RETURN_IF_ERROR(AddAttr(spec, name, AttrFromProto(message), &read.fixed));
  }
  std::sort(read.open.begin(), read.open.end());
  read.read = true;
  *result = std::move(read);
  return absl::OkStatus();
}

absl::StatusOr<Function::BodyAttrs> Function::NodeAttrs(int i, const AttrMap& attrs) const {
  NodeTemplate& node = nodes_[static_cast<size_t>(i)];
  if (!node.read) SLUICE_RETURN_IF_ERROR(ReadTemplate(i, &node));
  const OpSpec* spec = registry_.Find(def_.node_def(i).op());
  BodyAttrs result = node.fixed;
  for (const auto& [name, message] : node.open) {
    SLUICE_RETURN_IF_ERROR(AddAttr(spec, name, Filled(*message, attrs), &result));
  }
  result.opaque |= spec == nullptr;
  if (!result.opaque) SLUICE_RETURN_IF_ERROR(CheckAttrs(*spec, &result.attrs));
  return result;
}

int Function::FindNode(absl::string_view name) const {
  const auto found = node_index_.find(name);
  return found == node_index_.end() ? -1 : found->second;
}

int Function::FindArg(absl::string_view name) const {
  const auto found = arg_index_.find(name);
  return found == arg_index_.end() ? -1 : found->second;
}

int Function::ReturnedArgument(int k) const {
  constexpr int kMostIdentities = 16;
  if (k < 0 || k >= def_.signature().output_arg_size()) return -1;
  const auto ret = def_.ret().find(def_.signature().output_arg(k).name());
  if (ret == def_.ret().end()) return -1;
  absl::string_view from = ret->second;
  for (int steps = 0; steps < kMostIdentities; ++steps) {
    from = from.substr(0, from.find(':'));
    if (const int arg = FindArg(from); arg >= 0) return arg;
    const int node = FindNode(from);
    if (node < 0 || def_.node_def(node).op() != "Identity") return -1;
    if (def_.node_def(node).input().empty()) return -1;
    from = def_.node_def(node).input(0);
  }
  return -1;
}

// --- FunctionLibrary ---

FunctionLibrary::FunctionLibrary(const OpRegistry& registry)
    : registry_(registry), def_(std::make_unique<proto::FunctionDefLibrary>()) {}
FunctionLibrary::~FunctionLibrary() = default;

absl::StatusOr<std::unique_ptr<FunctionLibrary>> FunctionLibrary::Parse(
    const std::string& serialized, const OpRegistry& registry) {
  std::unique_ptr<FunctionLibrary> library(new FunctionLibrary(registry));
  SLUICE_RETURN_IF_ERROR(Annotate(ParseMessage(serialized, /*text=*/false, library->def_.get()),
                                  "the graph's function library"));
  for (const proto::FunctionDef& function : library->def_->function()) {
    const std::string& name = function.signature().name();
    if (library->functions_.emplace(name, std::make_unique<Function>(function, registry)).second) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat("the library has function '", Printable(name), "' twice"));
  }
  return library;
}

const Function* FunctionLibrary::Find(absl::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : found->second.get();
}

const Function* FunctionLibrary::FindCalled(absl::string_view op) const {
  return registry_.Find(op) != nullptr ? nullptr : Find(op);
}

}  // namespace sluice
