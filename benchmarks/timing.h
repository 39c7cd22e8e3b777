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
#include <string>
#include <utility>
#include <vector>

namespace sluice::benchmarks {

struct Flags {
  std::string workload;  // --workload=NAME; empty: every one that the program has
  int threads = 1;       // --threads=N
  double seconds = 2;    // --seconds=S: how long one result is measured, at least
  bool verbose = false;  // --verbose: also tell on stderr what was tried
};

// A flag "--name=VALUE" or "--name VALUE", or "--name" alone when `value` is empty.
struct FlagSpec {
  std::string name, value;                      // value: what the list of flags calls it, as "N"
  std::function<bool(const std::string&)> set;  // false: not a good value
};

// For a flag's `set`: whole text, in range.
inline bool ParsePositive(const std::string& text, int* value) {
  char* end = nullptr;
  const long parsed = std::strtol(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || parsed < 1 || parsed > 1'000'000) return false;
  *value = static_cast<int>(parsed);
  return true;
}
inline bool ParsePositive(const std::string& text, double* value) {
  char* end = nullptr;
  *value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' && *value > 0 && *value < 1e6;
}

// The flags of every program and `more`. Exits with code 2 and the list of flags when one is
// unknown, lacks its value or has a bad one.
inline Flags ParseFlags(int argc, char** argv, const std::vector<FlagSpec>& more = {}) {
  Flags flags;
  std::vector<FlagSpec> specs = {
      {"--workload", "NAME",
       [&](const std::string& v) {
         flags.workload = v;
         return true;
       }},
      {"--threads", "N", [&](const std::string& v) { return ParsePositive(v, &flags.threads); }},
      {"--seconds", "S", [&](const std::string& v) { return ParsePositive(v, &flags.seconds); }},
      {"--verbose", "", [&](const std::string&) { return flags.verbose = true; }}};
  specs.insert(specs.end(), more.begin(), more.end());
  const auto fail = [&](const std::string& what) {
    std::fprintf(stderr, "%s: %s\nflags:", argv[0], what.c_str());
    for (const FlagSpec& spec : specs)
      std::fprintf(stderr, " %s%s%s", spec.name.c_str(), spec.value.empty() ? "" : "=",
                   spec.value.c_str());
    std::fprintf(stderr, "\n");
    std::exit(2);
  };
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const size_t equals = arg.find('=');
    const std::string name = arg.substr(0, equals);
    const auto spec =
        std::find_if(specs.begin(), specs.end(), [&](const FlagSpec& s) { return s.name == name; });
    if (spec == specs.end() || (spec->value.empty() && equals != std::string::npos)) {
      fail("unknown flag " + arg);
    }
    std::string value = equals == std::string::npos ? "" : arg.substr(equals + 1);
    if (!spec->value.empty() && equals == std::string::npos) {
      if (i + 1 == argc) fail(name + " needs a value");
      value = argv[++i];
    }
    if (!spec->set(value)) fail(name + " cannot be \"" + value + "\"");
  }
  return flags;
}

struct Times {
  double median = 0, p10 = 0, p90 = 0;  // milliseconds
  int64_t runs = 0;
};

// How long to measure: `warm_up` runs (and at least 0.2 s or `seconds`) before, then at least
// `runs`.
struct Effort {
  double seconds = 2;
  int warm_up = 3, runs = 7;
};

// Of the times of single runs, in milliseconds; one at least.
inline Times Summarize(std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) {
    return ms[static_cast<size_t>(share * static_cast<double>(ms.size() - 1))];
  };
  return {at(0.5), at(0.1), at(0.9), static_cast<int64_t>(ms.size())};
}

inline Times Measure(const std::function<void()>& run, const Effort& effort) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const auto warm_up = Clock::now();
  for (int i = 0; i < effort.warm_up || since(warm_up) < std::min(0.2, effort.seconds); ++i) run();
  std::vector<double> ms;
  const auto start = Clock::now();
  while (ms.size() < static_cast<size_t>(effort.runs) || since(start) < effort.seconds) {
    const auto before = Clock::now();
    run();
    ms.push_back(1e3 * since(before));
  }
  return Summarize(std::move(ms));
}

// Three runs (at least 0.2 s) to warm up, then runs for `seconds`, at least seven.
inline Times Measure(const std::function<void()>& run, double seconds) {
  return Measure(run, Effort{seconds});
}

// One line. `config` tells which of several ways was measured; `more` is further fields of the
// object, as "\"a\":1,\"b\":2".
inline void PrintJson(const std::string& peer, const std::string& workload, int threads, int batch,
                      const Times& times, const std::string& config = "",
                      const std::string& more = "") {
  std::printf(
      "{\"peer\":\"%s\",\"workload\":\"%s\",\"threads\":%d,\"batch\":%d,\"median_ms\":%.4g,\"p10\":"
      "%.4g,\"p90\":%.4g,\"reps\":%lld%s%s%s%s%s}\n",
      peer.c_str(), workload.c_str(), threads, batch, times.median, times.p10, times.p90,
      static_cast<long long>(times.runs), config.empty() ? "" : ",\"config\":\"", config.c_str(),
      config.empty() ? "" : "\"", more.empty() ? "" : ",", more.c_str());
  std::fflush(stdout);
}

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_TIMING_H_
