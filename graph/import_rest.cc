#include "graph/import_rest.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph_def.h"
#include "graph/imported_forms.h"
#include "graph/proto_io.h"
#include "proto/graph.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

// All versions that both allow.
void Restrict(const proto::VersionDef& by, proto::VersionDef* versions) {
  versions->set_producer(std::min(versions->producer(), by.producer()));
  versions->set_min_consumer(std::max(versions->min_consumer(), by.min_consumer()));
  for (const int bad : by.bad_consumers()) {
    const auto& known = versions->bad_consumers();
    if (std::find(known.begin(), known.end(), bad) == known.end()) versions->add_bad_consumers(bad);
  }
}

}  // namespace

absl::Status MergeLibrary(const proto::FunctionDefLibrary& library, Graph* graph) {
  if (library.function_size() + library.gradient_size() == 0) {
    return absl::OkStatus();
  }
  proto::FunctionDefLibrary merged;
  SLUICE_RETURN_IF_ERROR(ParseMessage(graph->function_library(), false, &merged));
  CopyUnknownFields(library, &merged);
  absl::flat_hash_map<std::string, std::string> functions, gradients;
  for (const auto& function : merged.function()) {
    SLUICE_ASSIGN_OR_RETURN(functions[function.signature().name()], SerializeMessage(function));
  }
  for (const auto& gradient : merged.gradient()) {
    gradients[gradient.function_name()] = gradient.gradient_func();
  }
  for (const auto& function : library.function()) {
    const std::string& name = function.signature().name();
    if (name.empty()) return absl::InvalidArgumentError("a function of the library has no name");
    SLUICE_ASSIGN_OR_RETURN(std::string bytes, SerializeMessage(function));
    const auto [known, is_new] = functions.emplace(name, bytes);
    if (is_new) *merged.add_function() = function;
    if (known->second == bytes) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the library has two different functions called '", Printable(name), "'"));
  }
  for (const auto& gradient : library.gradient()) {
    const auto [known, is_new] =
        gradients.emplace(gradient.function_name(), gradient.gradient_func());
    if (is_new) *merged.add_gradient() = gradient;
    if (known->second == gradient.gradient_func()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the library has two different gradients of function '",
                     Printable(gradient.function_name()), "'"));
  }
  SLUICE_ASSIGN_OR_RETURN(std::string bytes, SerializeMessage(merged));
  graph->SetFunctionLibrary(std::move(bytes));
  return absl::OkStatus();
}

absl::Status MergeRest(const proto::GraphDef& def, Graph* graph) {
  ImportedForms& forms = graph->imported_forms();
  proto::GraphDef rest;
  if (graph->num_nodes() == def.node_size() && !forms.graph_rest.has_value()) {
    CopyUnknownFields(def, &rest);
    rest.set_version(def.version());
    if (def.has_versions()) *rest.mutable_versions() = def.versions();
    if (def.has_library()) rest.mutable_library();
  } else {
    rest.mutable_versions()->set_producer(kGraphDefProducer);
    if (forms.graph_rest.has_value()) {
      SLUICE_RETURN_IF_ERROR(ParseMessage(*forms.graph_rest, /*text=*/false, &rest));
    }
    Restrict(def.versions(), rest.mutable_versions());
  }
  SLUICE_ASSIGN_OR_RETURN(forms.graph_rest, SerializeMessage(rest));
  return absl::OkStatus();
}

}  // namespace sluice
