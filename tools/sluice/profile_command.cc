// sluice profile: where the time of a run goes.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/status.h"
#include "core/threads.h"
#include "ops/kernels/machine_limits.h"
#include "tools/sluice/commands.h"
#include "tools/sluice/profile.h"
#include "tools/sluice/start_variables.h"
#include "tools/sluice/trial.h"

namespace sluice::tools {
namespace {

constexpr int kWarmUpRuns = 3;

struct Settings {
  int runs = 20;
  ProfileBy by = ProfileBy::kStep;
};

absl::StatusOr<Settings> ReadSettings(const CommandLine& line) {
  Settings settings;
  const absl::StatusOr<int64_t> runs = ParseInt("runs", line.Get("runs", "20"), 1, 1'000'000);
  if (!runs.ok()) return UsageError(runs.status().message());
  settings.runs = static_cast<int>(*runs);
  const std::string by = line.Get("by", "step");
  if (by != "step" && by != "op")
    return UsageError("--by is step or op, got \"" + Printable(by) + "\"");
  settings.by = by == "op" ? ProfileBy::kOp : ProfileBy::kStep;
  if (line.Has("init") && line.Has("checkpoint"))
    return UsageError("either --init or --checkpoint, not both");
  return settings;
}

absl::StatusOr<std::vector<RunMetadata>> RunTraced(const Trial& trial, int runs, Session* session) {
  std::vector<Tensor> results;
  for (int i = 0; i < kWarmUpRuns; ++i)
    SLUICE_RETURN_IF_ERROR(session->RunInto(trial.feeds(), trial.fetches(), &results));
  std::vector<RunMetadata> traces(runs);
  for (RunMetadata& trace : traces) {
    SLUICE_RETURN_IF_ERROR(session->RunInto(
        trial.feeds(), trial.fetches(), {.trace_level = RunOptions::kFullTrace}, &results, &trace));
  }
  return traces;
}

}  // namespace

absl::Status ProfileCommand(const std::vector<std::string>& args) {
  const absl::StatusOr<CommandLine> line =
      CommandLine::Parse(args, Trial::Flags({{"feed", true, true},
                                             {"init", true, false},
                                             {"checkpoint", true, false},
                                             {"runs", true, false},
                                             {"by", true, false},
                                             {"trace", true, false},
                                             {"json", false, false}}));
  if (!line.ok()) return UsageError(line.status().message());
  SLUICE_ASSIGN_OR_RETURN(const Settings settings, ReadSettings(*line));
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<Trial> trial, Trial::Open(*line, true));
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(trial->graph(), trial->options()));
  SLUICE_RETURN_IF_ERROR(StartVariables(*line, trial.get(), &session));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<RunMetadata> runs,
                          RunTraced(*trial, settings.runs, &session));
  const Profile profile = MakeProfile(runs, settings.by);
  if (line->Has("trace")) {
    SLUICE_RETURN_IF_ERROR(FileSystem::Default().ReplaceAtomically(
        line->Get("trace", ""), ChromeTrace(runs[profile.median_run])));
  }
  const ThreadBudget threads(session.intra_op_threads());
  const kernels::MachineLimits limits = kernels::MeasureMachineLimits();
  if (line->Has("json")) {
    std::printf("%s\n", ProfileJson(profile, limits).c_str());
  } else {
    std::printf("%s", ProfileTable(profile, limits).c_str());
    if (line->Has("trace")) std::printf("\ntrace -> %s\n", line->Get("trace", "").c_str());
  }
  return absl::OkStatus();
}

}  // namespace sluice::tools
