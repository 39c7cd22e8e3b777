// sluice ops: which ops there are, for which types, with which properties.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/all_ops.h"
#include "tools/sluice/command_line.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/json.h"

namespace sluice::tools {
namespace {

// What decides whether the same inputs give the same result.
const char* Determinism(const OpSpec& op) {
  if (op.random()) return op.FindAttr("seed") ? "seeded" : "random";
  return op.stateful() ? "stateful" : "yes";
}

bool IsMissing(const OpSpec& op, const AttrSpec& attr, DType dtype) {
  for (const MissingKernel& missing : op.missing_kernels()) {
    const auto& types = missing.types;
    if (missing.attr == attr.name && std::find(types.begin(), types.end(), dtype) != types.end())
      return true;
  }
  return false;
}

// The types that the schema allows for an attribute and a kernel takes, in the schema's order.
std::vector<std::string> TypesWithKernel(const OpSpec& op, const AttrSpec& attr) {
  std::vector<DType> allowed = attr.allowed_types;
  if (allowed.empty()) {  // any: by number
    for (int i = 1; IsKnown(static_cast<DType>(i)); ++i)
      if (SizeOf(static_cast<DType>(i)) > 0) allowed.push_back(static_cast<DType>(i));
  }
  std::vector<std::string> names;
  for (DType d : allowed)
    if (!IsMissing(op, attr, d)) names.push_back(DTypeName(d));
  return names;
}

bool IsTypeAttr(const AttrSpec& attr) { return attr.type == "type" || attr.type == "list(type)"; }

// "T: float32,float64; Tidx: int32,int64".
std::string TypesText(const OpSpec& op) {
  std::vector<std::string> texts;
  for (const AttrSpec& attr : op.attrs()) {
    if (!IsTypeAttr(attr)) continue;
    const bool any = attr.allowed_types.empty() && op.missing_kernels().empty();
    texts.push_back(
        absl::StrCat(attr.name, ": ", any ? "any" : absl::StrJoin(TypesWithKernel(op, attr), ",")));
  }
  return texts.empty() ? "-" : absl::StrJoin(texts, "; ");
}

void PrintTable(const std::vector<const OpSpec*>& chosen) {
  std::printf("op\ttypes\tgradient\tdeterministic\n");
  for (const OpSpec* op : chosen) {
    const std::string gradient =
        op->gradient() ? "yes" : absl::StrCat("no: ", op->no_gradient_reason());
    std::printf("%s\t%s\t%s\t%s\n", op->name().c_str(), TypesText(*op).c_str(), gradient.c_str(),
                Determinism(*op));
  }
}

Json OpJson(const OpSpec& op) {
  Json types = Json::Object(), missing = Json::Array();
  for (const AttrSpec& attr : op.attrs()) {
    if (!IsTypeAttr(attr)) continue;
    Json list = Json::Array();
    for (const std::string& name : TypesWithKernel(op, attr)) list.Add(name);
    types.Set(attr.name, list);
  }
  for (const MissingKernel& m : op.missing_kernels()) {
    Json list = Json::Array();
    for (DType d : m.types) list.Add(DTypeName(d));
    missing.Add(Json::Object().Set("attr", m.attr).Set("types", list).Set("reason", m.reason));
  }
  return Json::Object()
      .Set("name", op.name())
      .Set("types", types)
      .Set("missing_kernels", missing)
      .Set("gradient", op.gradient() ? "yes" : "no")
      .Set("no_gradient_reason", op.no_gradient_reason())
      .Set("deterministic", Determinism(op));
}

// The ops of these names, all when there are none.
absl::StatusOr<std::vector<const OpSpec*>> Choose(const std::vector<std::string>& names) {
  if (names.empty()) return ops::Builtin().ops();
  std::vector<const OpSpec*> chosen;
  for (const std::string& name : names) {
    const OpSpec* op = ops::Builtin().Find(name);
    if (!op) return absl::UnimplementedError(absl::StrCat("no op ", Printable(name)));
    chosen.push_back(op);
  }
  return chosen;
}

}  // namespace

absl::Status OpsCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line = CommandLine::Parse(args, {{"json", false, false}});
  if (!line.ok()) return UsageError(line.status().message());
  SLUICE_ASSIGN_OR_RETURN(const std::vector<const OpSpec*> chosen, Choose(line->positional()));
  if (!line->Has("json")) {
    PrintTable(chosen);
    return absl::OkStatus();
  }
  Json list = Json::Array();
  for (const OpSpec* op : chosen) list.Add(OpJson(*op));
  std::printf("%s\n", Json::Object().Set("ops", list).text().c_str());
  return absl::OkStatus();
}

}  // namespace sluice::tools
