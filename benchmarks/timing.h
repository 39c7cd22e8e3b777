// What every benchmark program shares with its peers: flags, timing, one JSON line per result.
// Plain C++17 and the standard library only, so that a peer can include it without our library.
#ifndef SLUICE_BENCHMARKS_TIMING_H_
#define SLUICE_BENCHMARKS_TIMING_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace sluice::benchmarks {

struct Flags {
  std::string workload;  // --workload=NAME; empty: every one that the program has
  int threads = 1;       // --threads=N
  double seconds = 2;    // --seconds=S: how long one result is measured, at least
  bool verbose = false;  // --verbose: also tell on stderr what was tried
};

// Exits with code 2 and the list of flags when one is unknown.
inline Flags ParseFlags(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t equals = arg.find('=');
    const std::string name = arg.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : arg.substr(equals + 1);
    if (name == "--workload") {
      flags.workload = value;
    } else if (name == "--threads") {
      flags.threads = std::max(1, std::atoi(value.c_str()));
    } else if (name == "--seconds") {
      flags.seconds = std::atof(value.c_str());
    } else if (name == "--verbose") {
      flags.verbose = true;
    } else {
      std::fprintf(
          stderr, "%s: unknown flag %s\nflags: --workload=NAME --threads=N --seconds=S --verbose\n",
          argv[0], arg.c_str());
      std::exit(2);
    }
  }
  return flags;
}

struct Times {
  double median = 0, p10 = 0, p90 = 0;  // milliseconds
  int64_t runs = 0;
};

// Three runs (at least 0.2 s) to warm up, then runs for `seconds`, at least seven.
inline Times Measure(const std::function<void()>& run, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const auto warm_up = Clock::now();
  for (int i = 0; i < 3 || since(warm_up) < std::min(0.2, seconds); ++i) run();
  std::vector<double> ms;
  const auto start = Clock::now();
  while (ms.size() < 7 || since(start) < seconds) {
    const auto before = Clock::now();
    run();
    ms.push_back(1e3 * since(before));
  }
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) {
    return ms[static_cast<size_t>(share * static_cast<double>(ms.size() - 1))];
  };
  return {at(0.5), at(0.1), at(0.9), static_cast<int64_t>(ms.size())};
}

inline void PrintJson(const std::string& peer, const std::string& workload, int threads, int batch,
                      const Times& times, const std::string& config = "") {
  std::printf(
      "{\"peer\":\"%s\",\"workload\":\"%s\",\"threads\":%d,\"batch\":%d,\"median_ms\":%.4g,\"p10\":"
      "%.4g,"
      "\"p90\":%.4g,\"reps\":%lld%s%s%s}\n",
      peer.c_str(), workload.c_str(), threads, batch, times.median, times.p10, times.p90,
      static_cast<long long>(times.runs), config.empty() ? "" : ",\"config\":\"", config.c_str(),
      config.empty() ? "" : "\"");
  std::fflush(stdout);
}

// The input of a training step, the same for us and the peers: images [batch, 28, 28, 1] in [0, 1)
// and labels 0..9. There are several batches, taken in turn: one alone is soon memorised, its
// gradients become denormal numbers, and the time changes its meaning.
struct ImageBatch {
  std::vector<float> images;
  std::vector<int64_t> labels;
};
inline std::vector<ImageBatch> ImageBatches(int batch, int count = 8) {
  std::mt19937 random(7);
  std::vector<ImageBatch> batches(static_cast<size_t>(count));
  for (ImageBatch& b : batches) {
    b.images.resize(static_cast<size_t>(batch) * 28 * 28);
    for (float& x : b.images) x = static_cast<float>(random() >> 8) * 0x1p-24f;
    b.labels.resize(static_cast<size_t>(batch));
    for (int64_t& label : b.labels) label = static_cast<int64_t>(random() % 10);
  }
  return batches;
}

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_TIMING_H_
