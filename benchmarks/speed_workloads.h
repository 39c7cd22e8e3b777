// The networks and small programs that we and every peer run, by name; README.md defines them. The
// standard library only, so that a peer can include it.
#ifndef SLUICE_BENCHMARKS_SPEED_WORKLOADS_H_
#define SLUICE_BENCHMARKS_SPEED_WORKLOADS_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "benchmarks/timing.h"

namespace sluice::benchmarks {

struct SpeedWorkload {
  std::string name;          // as --workload names it
  std::vector<int> batches;  // those measured; {1} for the small programs, which have none
  int64_t parameters = 0;    // trainable numbers; 0: a small program
};

inline const std::vector<SpeedWorkload>& SpeedWorkloads() {
  static const auto* const workloads =
      new std::vector<SpeedWorkload>{{"lenet_infer", {1, 32, 128}, 3'274'634},
                                     {"mlp_infer", {1, 32, 128}, 1'863'690},
                                     {"mobilenet_infer", {1}, 4'231'976},
                                     {"resnet18_infer", {1}, 11'689'512},
                                     {"resnet50_infer", {1}, 25'557'032},
                                     {"lstm_infer", {32}, 527'882},
                                     {"sepconv_infer", {32}, 13'482},
                                     {"local2d_infer", {32}, 1'051'370},
                                     {"lenet_train", {1, 32, 128}, 3'274'634},
                                     {"mlp_train", {1, 32, 128}, 1'863'690},
                                     {"mobilenet_train", {8}, 4'231'976},
                                     {"resnet18_train", {16}, 11'689'512},
                                     {"resnet50_train", {8}, 25'557'032},
                                     {"lstm_train", {32}, 527'882},
                                     {"sepconv_train", {32}, 13'482},
                                     {"local2d_train", {32}, 1'051'370},
                                     {"add1000_scalar", {1}},
                                     {"add1000_1024", {1}},
                                     {"matmul1000_8x8", {1}},
                                     {"ew8_1e7", {1}},
                                     {"gelu_1e7", {1}},
                                     {"gelu_1e7_train", {1}},
                                     {"sum_1e7", {1}},
                                     {"softmax_4096x1000", {1}},
                                     {"transpose_4096", {1}},
                                     {"bias_add_4096x4096", {1}},
                                     {"bmm_32x128x64x128", {1}},
                                     {"adam_1e7", {1}},
                                     {"gather_1e5x64", {1}}};
  return *workloads;
}

// One thing to measure.
struct SpeedRun {
  std::string workload;
  int batch = 1;
  int64_t parameters = 0;
};

struct SpeedFlags : Flags {
  int batch = 0;       // --batch=B: 0 takes those of the workload
  int runs = 7;        // --runs=N: how many runs are timed, at least
  bool list = false;   // --list: print "workload batch" lines, measure nothing
  std::string config;  // --config=NAME: measure this of several ways, not the fastest

  Effort effort() const { return {seconds, 3, runs}; }
};

// Flags as ParseFlags, those above and `more`.
inline SpeedFlags ParseSpeedFlags(int argc, char** argv, const std::vector<FlagSpec>& more = {}) {
  SpeedFlags flags;
  std::vector<FlagSpec> specs = {
      {"--batch", "B", [&](const std::string& v) { return ParsePositive(v, &flags.batch); }},
      {"--runs", "N", [&](const std::string& v) { return ParsePositive(v, &flags.runs); }},
      {"--list", "", [&](const std::string&) { return flags.list = true; }},
      {"--config", "NAME", [&](const std::string& v) {
         flags.config = v;
         return true;
       }}};
  specs.insert(specs.end(), more.begin(), more.end());
  static_cast<Flags&>(flags) = ParseFlags(argc, argv, specs);
  return flags;
}

// What the flags choose. Exits with code 2 when there is no such workload, or when a small program
// is to have a batch.
inline std::vector<SpeedRun> ChooseRuns(const SpeedFlags& flags) {
  std::vector<SpeedRun> runs;
  for (const SpeedWorkload& w : SpeedWorkloads()) {
    if (!flags.workload.empty() && flags.workload != w.name) continue;
    if (flags.batch > 1 && w.parameters == 0) {
      if (flags.workload.empty()) continue;
      std::fprintf(stderr, "%s has no batch %d, only 1\n", w.name.c_str(), flags.batch);
      std::exit(2);
    }
    if (flags.batch > 0) {
      runs.push_back({w.name, flags.batch, w.parameters});
    } else {
      for (const int batch : w.batches) runs.push_back({w.name, batch, w.parameters});
    }
  }
  if (runs.empty()) {
    std::fprintf(stderr, "no workload is called %s; there are\n", flags.workload.c_str());
    for (const SpeedWorkload& w : SpeedWorkloads()) {
      std::fprintf(stderr, "  %s, batch", w.name.c_str());
      for (const int batch : w.batches) std::fprintf(stderr, " %d", batch);
      std::fprintf(stderr, "%s\n", w.parameters > 0 ? " or another" : "");
    }
    std::exit(2);
  }
  return runs;
}

// What --list prints.
inline void PrintList(const std::vector<SpeedRun>& runs) {
  for (const SpeedRun& run : runs) std::printf("%s %d\n", run.workload.c_str(), run.batch);
}

// Megabytes (10^6) from a line of /proc/self/status: "VmRSS:" is resident now, "VmHWM:" the most it
// ever was. 0 where there is none.
inline double StatusMb(const char* line_begin) {
  double kib = 0;
  if (std::FILE* file = std::fopen("/proc/self/status", "r")) {
    char line[256];
    while (std::fgets(line, sizeof(line), file) != nullptr) {
      if (std::strncmp(line, line_begin, std::strlen(line_begin)) == 0) {
        kib = std::atof(line + std::strlen(line_begin));
      }
    }
    std::fclose(file);
  }
  return kib * 1024 / 1e6;
}
inline double ResidentMb() { return StatusMb("VmRSS:"); }
inline double PeakResidentMb() { return StatusMb("VmHWM:"); }

// PeakResidentMb begins anew (Linux 4.0; without the right to it nothing happens).
inline void ForgetPeak() {
  if (std::FILE* file = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", file);
    std::fclose(file);
  }
}

// PrintJson with the memory of this process: its peak until now, and `base_rss_mb`, what was
// resident before the model was built.
inline void PrintSpeedJson(const std::string& peer, const SpeedRun& run, int threads,
                           const Times& times, double base_rss_mb, const std::string& config) {
  char memory[80];
  std::snprintf(memory, sizeof(memory), "\"peak_rss_mb\":%.1f,\"base_rss_mb\":%.1f",
                PeakResidentMb(), base_rss_mb);
  PrintJson(peer, run.workload, threads, run.batch, times, config, memory);
}

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_SPEED_WORKLOADS_H_
