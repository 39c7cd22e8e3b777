// What comes before the first result: starting a process and running a network once, compiling a
// plan; and what a program carries: its size, its memory. README.md describes the lines.
//
//   bazel-bin/benchmarks/startup_benchmark [--workload NAME] [--threads N]
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/networks.h"
#include "benchmarks/speed_workloads.h"
#include "benchmarks/timing.h"
#include "benchmarks/workload.h"
#include "core/file.h"
#include "core/status.h"
#include "glog/logging.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStarts = 15;   // processes of each kind
constexpr int kCompiles = 5;  // processes that compile one plan

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Told {
  double value = 0;        // what a child process told
  double ms = 0;           // from before it was made until then
  double peak_rss_mb = 0;  // its largest resident memory
};

// `child` writes one double to the pipe it gets, and ends. Its exit code is 0 when it could.
absl::StatusOr<Told> Ask(const std::function<bool(int pipe)>& child) {
  int ends[2];
  if (pipe(ends) != 0) return absl::InternalError("no pipe");
  const auto start = Clock::now();
  const pid_t pid = fork();
  if (pid == 0) _exit(child(ends[1]) ? 0 : 1);
  close(ends[1]);
  Told told;
  const bool heard = read(ends[0], &told.value, sizeof(told.value)) == sizeof(told.value);
  told.ms = MillisecondsSince(start);
  close(ends[0]);
  struct rusage usage = {};
  int status = 1;
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status != 0 || !heard) {
    return absl::InternalError("a process that was to be timed failed");
  }
  told.peak_rss_mb = static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
  return told;
}

bool Tell(int pipe, double value) { return write(pipe, &value, sizeof(value)) == sizeof(value); }

// --- from the start of a process to its first result ---

absl::Status RunLeNetOnce(Session& session, const Output& x, const Output& logits) {
  std::mt19937 random(7);
  return session.Run({{x, RandomFloats({1, 28, 28, 1}, &random)}}, {logits}).status();
}

// Made by layers, with fresh variables.
absl::Status FirstResultOfBuilt(int threads) {
  SLUICE_ASSIGN_OR_RETURN(const Workload w, MakeWorkload("lenet_infer", 1, {.freeze = false}));
  SLUICE_ASSIGN_OR_RETURN(Session session,
                          Session::Create(*w.graph, {.intra_op_threads = threads}));
  SLUICE_RETURN_IF_ERROR(session.Run(w.init));
  return session.Run(w.feeds[0], w.fetches).status();
}

// From a file of 13 MB, weights included.
absl::Status FirstResultOfFrozen(const std::string& file, int threads) {
  SLUICE_ASSIGN_OR_RETURN(const std::string bytes, FileSystem::Default().ReadAll(file));
  Graph graph(ops::Builtin());
  SLUICE_RETURN_IF_ERROR(train::ImportFrozen(bytes, &graph));
  SLUICE_ASSIGN_OR_RETURN(const Output x, graph.FindTensor("input:0"));
  SLUICE_ASSIGN_OR_RETURN(const Output logits, graph.FindTensor("output:0"));
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph, {.intra_op_threads = threads}));
  return RunLeNetOnce(session, x, logits);
}

// What the program does in the processes it starts: argv is {program, "--first-result", kind,
// pipe, threads, file}.
int FirstResult(char** argv) {
  const std::string kind = argv[2];
  const int threads = std::atoi(argv[4]);
  absl::Status status;
  if (kind == "start_built_lenet") status = FirstResultOfBuilt(threads);
  if (kind == "start_frozen_lenet") status = FirstResultOfFrozen(argv[5], threads);
  if (!status.ok()) LOG(ERROR) << status;
  return status.ok() && Tell(std::atoi(argv[3]), 0) ? 0 : 1;
}

absl::Status Start(const std::string& kind, const std::string& file, const Flags& flags) {
  std::vector<double> ms;
  double peak = 0;
  for (int i = 0; i < kStarts; ++i) {
    SLUICE_ASSIGN_OR_RETURN(const Told told, Ask([&](int pipe) {
                              execl("/proc/self/exe", "startup_benchmark", "--first-result",
                                    kind.c_str(), std::to_string(pipe).c_str(),
                                    std::to_string(flags.threads).c_str(), file.c_str(), nullptr);
                              return false;
                            }));
    ms.push_back(told.ms);
    peak = std::max(peak, told.peak_rss_mb);
  }
  PrintJson("sluice", kind, flags.threads, 1, Summarize(std::move(ms)), "",
            absl::StrFormat("\"peak_rss_mb\":%.1f", peak));
  return absl::OkStatus();
}

// --- compiling ---

absl::StatusOr<double> CompileMilliseconds(const std::string& workload, int batch, int threads) {
  SLUICE_ASSIGN_OR_RETURN(const Workload w, MakeWorkload(workload, batch));
  SLUICE_ASSIGN_OR_RETURN(Session session,
                          Session::Create(*w.graph, {.intra_op_threads = threads}));
  if (!w.init.empty()) SLUICE_RETURN_IF_ERROR(session.Run(w.init));
  const auto start = Clock::now();
  SLUICE_RETURN_IF_ERROR(session.DescribePlan(w.feeds[0], w.fetches).status());
  return MillisecondsSince(start);
}

absl::Status Compile(const SpeedRun& run, const Flags& flags) {
  std::vector<double> ms;
  double peak = 0;
  for (int i = 0; i < kCompiles; ++i) {
    // A process of its own: oneDNN keeps what it compiled.
    SLUICE_ASSIGN_OR_RETURN(const Told told, Ask([&](int pipe) {
                              const auto compiled =
                                  CompileMilliseconds(run.workload, run.batch, flags.threads);
                              if (!compiled.ok()) LOG(ERROR) << compiled.status();
                              return compiled.ok() && Tell(pipe, *compiled);
                            }));
    ms.push_back(told.value);
    peak = std::max(peak, told.peak_rss_mb);
  }
  PrintJson("sluice", absl::StrCat("compile_", run.workload), flags.threads, run.batch,
            Summarize(std::move(ms)), "", absl::StrFormat("\"peak_rss_mb\":%.1f", peak));
  return absl::OkStatus();
}

// --- all ---

absl::Status WriteFrozenLeNet(const std::string& file) {
  return Ask([&](int pipe) {  // a process of its own: this one must not start threads
           const auto bytes = [&]() -> absl::StatusOr<std::string> {
             SLUICE_ASSIGN_OR_RETURN(Workload w, MakeWorkload("lenet_infer", 1, {.freeze = false}));
             SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(*w.graph));
             SLUICE_RETURN_IF_ERROR(session.Run(w.init));
             return train::FreezeToBytes(session, w.fetches);
           }();
           return bytes.ok() && FileSystem::Default().ReplaceAtomically(file, *bytes).ok() &&
                  Tell(pipe, 0);
         })
      .status();
}

absl::Status RunAll(const Flags& flags) {
  const auto wanted = [&](const std::string& name) {
    return flags.workload.empty() || flags.workload == name;
  };
  std::error_code error;
  if (wanted("binary_size")) {
    std::printf("{\"peer\":\"sluice\",\"workload\":\"binary_size\",\"mb\":%.2f}\n",
                static_cast<double>(std::filesystem::file_size("/proc/self/exe", error)) / 1e6);
    std::fflush(stdout);
  }
  const std::string file = absl::StrCat(std::filesystem::temp_directory_path(error).string(),
                                        "/startup_benchmark_", getpid(), ".pb");
  if (wanted("start_frozen_lenet")) SLUICE_RETURN_IF_ERROR(WriteFrozenLeNet(file));
  absl::Status status;
  for (const char* kind : {"start_nothing", "start_built_lenet", "start_frozen_lenet"}) {
    if (wanted(kind)) status.Update(Start(kind, file, flags));
  }
  std::filesystem::remove(file, error);
  for (const SpeedWorkload& w : SpeedWorkloads()) {
    if (w.parameters == 0 || !wanted(absl::StrCat("compile_", w.name))) continue;
    for (const int batch : w.batches) status.Update(Compile({w.name, batch}, flags));
  }
  return status;
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  google::InitGoogleLogging(argv[0]);
  if (argc == 6 && std::string(argv[1]) == "--first-result") return FirstResult(argv);
  const absl::Status status = RunAll(ParseFlags(argc, argv));
  if (!status.ok()) LOG(ERROR) << status;
  return status.ok() ? 0 : 1;
}
