// Every workload of README.md, timed as a user's program would run it: input fed from host memory,
// result fetched to host memory. One JSON line per workload and batch.
//
//   bazel-bin/benchmarks/workloads [--workload NAME] [--batch B] [--threads T] [--seconds S]
//       [--config unfused|variables]   without rewrites; inference with variables, not constants
//   bazel-bin/benchmarks/workloads --list
//   bazel-bin/benchmarks/workloads --profile ...  also which ops take the time, on stderr
//   bazel-bin/benchmarks/workloads --check ...    with rewrites against without, instead of times
//
// Without --workload all of them, each in a process of its own, so that its memory is its own.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/machine.h"
#include "benchmarks/speed_workloads.h"
#include "benchmarks/timing.h"
#include "benchmarks/workload.h"
#include "benchmarks/workload_check.h"
#include "benchmarks/workload_profile.h"
#include "core/status.h"
#include "core/threads.h"
#include "glog/logging.h"
#include "ops/rewrites/all_rewrites.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

// Shares of what the machine does just now; needs memory of its own, so call it last.
std::string Achieved(const Workload& w, int threads, double seconds) {
  const ThreadBudget budget(threads);
  Machine machine;
  std::string fields;
  if (w.flops > 0) {
    absl::StrAppendFormat(&fields, ",\"gflops\":%.4g,\"peak_share\":%.3f", w.flops / seconds * 1e-9,
                          w.flops / seconds / machine.PerSecond(Limit::kSgemm));
  }
  if (w.bytes > 0) {
    absl::StrAppendFormat(&fields, ",\"gbytes_per_s\":%.4g,\"copy_share\":%.3f",
                          w.bytes / seconds * 1e-9,
                          w.bytes / seconds / machine.PerSecond(Limit::kCopy));
  }
  return fields;
}

// One of the ways in which a workload is run.
struct Config {
  const char* name;  // "": the usual one
  bool rewrites = true;
  bool freeze = true;  // see WorkloadOptions
};
// What else the command line asks for.
struct Mode {
  bool check = false, profile = false;
};
constexpr Config kConfigs[] = {
    {""}, {.name = "unfused", .rewrites = false}, {.name = "variables", .freeze = false}};

SessionOptions Options(const Config& config, int threads) {
  SessionOptions options{.intra_op_threads = threads};
  if (config.rewrites) return options;
  for (const Rewrite& r : ops::AllRewrites()) options.disabled_rewrites.push_back(r.name);
  return options;
}

Outputs Fed(const Feeds& feeds) {
  Outputs fed;
  for (const auto& [tensor, value] : feeds) fed.push_back(tensor);
  return fed;
}
std::vector<Tensor> Values(const Feeds& feeds) {
  std::vector<Tensor> values;
  for (const auto& [tensor, value] : feeds) values.push_back(value);
  return values;
}

// Processor time of this process, in milliseconds.
double ProcessorMilliseconds() { return 1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

absl::Status Profile(Session& session, const Workload& w) {
  std::vector<RunMetadata> runs(7);
  std::vector<Tensor> results;
  for (RunMetadata& run : runs) {
    SLUICE_RETURN_IF_ERROR(session.RunInto(
        w.feeds[0], w.fetches, {.trace_level = RunOptions::kFullTrace}, &results, &run));
  }
  std::fputs(ProfileTable(runs).c_str(), stderr);
  return absl::OkStatus();
}

absl::Status Time(const SpeedRun& run, const Config& config, const SpeedFlags& flags, Mode mode) {
  const double base = ResidentMb();
  SLUICE_ASSIGN_OR_RETURN(const Workload w,
                          MakeWorkload(run.workload, run.batch, {.freeze = config.freeze}));
  ForgetPeak();  // that of a model being made
  SLUICE_ASSIGN_OR_RETURN(Session session,
                          Session::Create(*w.graph, Options(config, flags.threads)));
  if (!w.init.empty()) SLUICE_RETURN_IF_ERROR(session.Run(w.init));

  std::vector<std::vector<Tensor>> feeds;
  for (const Feeds& f : w.feeds) feeds.push_back(Values(f));
  SLUICE_ASSIGN_OR_RETURN(Callable step, session.MakeCallable(w.fetches, Fed(w.feeds[0])));
  std::vector<Tensor> results;
  const auto start = std::chrono::steady_clock::now();
  SLUICE_RETURN_IF_ERROR(step.Run(feeds[0], &results));
  const double first =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  absl::Status status;
  size_t next = 1;
  const double processor = ProcessorMilliseconds();
  const Times times = Measure(
      [&] { status.Update(step.Run(feeds[next++ % feeds.size()], &results)); }, flags.effort());
  SLUICE_RETURN_IF_ERROR(status);
  const double processor_ms = (ProcessorMilliseconds() - processor) / static_cast<double>(next - 1);
  std::string more = absl::StrFormat(
      "\"cpu_ms\":%.4g,\"peak_rss_mb\":%.1f,\"base_rss_mb\":%.1f,\"compile_ms\":%.4g", processor_ms,
      PeakResidentMb(), base, std::max(0.0, 1e3 * first - times.median));
  absl::StrAppend(&more, Achieved(w, flags.threads, times.median * 1e-3));
  PrintJson("sluice", run.workload, flags.threads, run.batch, times, config.name, more);
  return mode.profile ? Profile(session, w) : absl::OkStatus();
}

// Two runs: the second one's results depend on what the first one did to the variables.
absl::Status Check(const SpeedRun& run, const SpeedFlags& flags) {
  SLUICE_ASSIGN_OR_RETURN(const Workload w, MakeWorkload(run.workload, run.batch));
  const SessionOptions with{.intra_op_threads = flags.threads};
  SessionOptions without = with;
  without.optimize = false;
  SLUICE_ASSIGN_OR_RETURN(const WorkloadDifference d, Compare(w, with, without, /*runs=*/2));
  std::printf(
      "{\"peer\":\"sluice\",\"workload\":\"%s\",\"threads\":%d,\"batch\":%d,"
      "\"results_difference\":%.3g,\"variables_difference\":%.3g,\"variable\":\"%s\"}\n",
      run.workload.c_str(), flags.threads, run.batch, d.results.relative, d.variables.relative,
      d.variables.where.c_str());
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status CheckOrTime(const SpeedRun& run, const SpeedFlags& flags, Mode mode) {
  if (mode.check) return Check(run, flags);
  for (const Config& config : kConfigs) {
    if (config.name == flags.config) SLUICE_RETURN_IF_ERROR(Time(run, config, flags, mode));
  }
  // What a step costs when steps cannot be fused.
  if (!flags.config.empty() || run.workload.rfind("add1000_", 0) != 0) return absl::OkStatus();
  return Time(run, kConfigs[1], flags, mode);
}

// Exits with code 2 when there is no such way.
void CheckConfig(const std::string& name) {
  std::string all;
  for (const Config& config : kConfigs) {
    if (config.name == name) return;
    absl::StrAppend(&all, " ", config.name);
  }
  std::fprintf(stderr, "--config cannot be \"%s\"; there are%s\n", name.c_str(), all.c_str());
  std::exit(2);
}

bool Succeeds(const SpeedRun& run, const SpeedFlags& flags, Mode mode) {
  const absl::Status status = CheckOrTime(run, flags, mode);
  if (!status.ok()) LOG(ERROR) << run.workload << " of batch " << run.batch << ": " << status;
  return status.ok();
}

// The same in a child. Call it before anything starts a thread.
bool SucceedsInChild(const SpeedRun& run, const SpeedFlags& flags, Mode mode) {
  const pid_t child = fork();
  if (child == 0) _exit(Succeeds(run, flags, mode) ? 0 : 1);
  int status = 1;
  if (child < 0 || waitpid(child, &status, 0) != child) return false;
  if (WIFSIGNALED(status)) LOG(ERROR) << run.workload << ": signal " << WTERMSIG(status);
  return status == 0;
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  google::InitGoogleLogging(argv[0]);
  Mode mode;
  const SpeedFlags flags =
      ParseSpeedFlags(argc, argv,
                      {{"--check", "", [&](const std::string&) { return mode.check = true; }},
                       {"--profile", "", [&](const std::string&) { return mode.profile = true; }}});
  const std::vector<SpeedRun> runs = ChooseRuns(flags);
  CheckConfig(flags.config);
  if (flags.list) {
    PrintList(runs);
    return 0;
  }
  bool good = true;
  for (const SpeedRun& run : runs) {
    good &= runs.size() == 1 ? Succeeds(run, flags, mode) : SucceedsInChild(run, flags, mode);
  }
  return good ? 0 : 1;
}
