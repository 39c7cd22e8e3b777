// sluice plan: what a run is compiled to.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "session/plan_description.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/json.h"
#include "tools/sluice/trial.h"

namespace sluice::tools {
namespace {

std::string DescriptionOf(const OpRegistry& registry, const std::string& rewrite) {
  for (const Rewrite& known : registry.rewrites()) {
    if (known.name == rewrite) return known.description;
  }
  return "";
}

Json Indices(const std::vector<int>& indices) {
  Json list = Json::Array();
  for (const int i : indices) list.Add(int64_t{i});
  return list;
}

Json StepsJson(const PlanDescription& plan) {
  Json list = Json::Array();
  for (const PlanDescription::Step& step : plan.steps) {
    list.Add(Json::Object()
                 .Set("node", step.node)
                 .Set("op", step.op)
                 .Set("inputs", Indices(step.inputs))
                 .Set("outputs", Indices(step.outputs))
                 .Set("scratch_bytes", step.scratch_bytes)
                 .Set("flops", static_cast<int64_t>(step.flops))
                 .Set("invariant", Json::Bool(step.invariant))
                 .Set("late", Json::Bool(step.late))
                 .Set("in_place", Json::Bool(step.in_place)));
  }
  return list;
}

Json TensorsJson(const PlanDescription& plan) {
  Json list = Json::Array();
  for (const PlanDescription::Tensor& tensor : plan.tensors) {
    Json json = Json::Object();
    json.Set("dtype", DTypeName(tensor.dtype))
        .Set("shape", ShapeJson(tensor.shape))
        .Set("home", tensor.home)
        .Set("bytes", tensor.bytes);
    if (tensor.offset >= 0) json.Set("offset", tensor.offset);
    list.Add(json);
  }
  return list;
}

std::string PlanJson(const PlanDescription& plan, const OpRegistry& registry) {
  Json rewrites = Json::Array();
  for (const auto& [name, count] : plan.rewrites) {
    rewrites.Add(Json::Object()
                     .Set("name", name)
                     .Set("count", int64_t{count})
                     .Set("description", DescriptionOf(registry, name)));
  }
  double flops = 0;
  for (const PlanDescription::Step& step : plan.steps) flops += step.flops;
  return Json::Object()
      .Set("steps", StepsJson(plan))
      .Set("tensors", TensorsJson(plan))
      .Set("rewrites", rewrites)
      .Set("folded", int64_t{plan.folded})
      .Set("arena_bytes", plan.arena_bytes)
      .Set("lower_bound_bytes", plan.lower_bound_bytes)
      .Set("constant_bytes", plan.constant_bytes)
      .Set("owned_bytes", plan.owned_bytes)
      .Set("flops", static_cast<int64_t>(flops))
      .text();
}

}  // namespace

absl::Status PlanCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line =
      CommandLine::Parse(args, Trial::Flags({{"json", false, false}}));
  if (!line.ok()) return UsageError(line.status().message());
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<Trial> trial, Trial::Open(*line, false));
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(trial->graph(), trial->options()));
  SLUICE_ASSIGN_OR_RETURN(const PlanDescription plan,
                          session.DescribePlan(trial->feeds(), trial->fetches()));
  const OpRegistry& registry = trial->graph().registry();
  if (line->Has("json")) {
    std::printf("%s\n", PlanJson(plan, registry).c_str());
    return absl::OkStatus();
  }
  std::printf("%s", ToString(plan).c_str());
  if (!plan.rewrites.empty()) std::printf("\nwhat the rewrites do\n");
  for (const auto& [name, count] : plan.rewrites)
    std::printf("  %s: %s\n", name.c_str(), DescriptionOf(registry, name).c_str());
  return absl::OkStatus();
}

}  // namespace sluice::tools
