#include "benchmarks/workload_profile.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"

namespace sluice::benchmarks {
namespace {

constexpr size_t kSlowest = 12;

struct Row {
  std::string name;
  int steps = 0;
  double ms = 0, flops = 0, bytes = 0;
  void Add(const StepStats& s, double step_ms) {
    ++steps;
    ms += step_ms;
    flops += s.flops;
    bytes += static_cast<double>(s.bytes);
  }
};

void AppendRows(std::vector<Row> rows, double total, std::string* table) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.ms > b.ms; });
  for (size_t i = 0; i < std::min(rows.size(), kSlowest); ++i) {
    const Row& r = rows[i];
    absl::StrAppendFormat(table, "%-50s %5d %10.3f %6.1f %8.1f %8.1f\n", r.name.substr(0, 50),
                          r.steps, r.ms, 100 * r.ms / total, r.flops / r.ms * 1e-6,
                          r.bytes / r.ms * 1e-6);
  }
}

}  // namespace

std::string ProfileTable(const std::vector<RunMetadata>& runs) {
  const std::vector<StepStats>& steps = runs[0].steps;
  std::vector<double> ms(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    int64_t ns = steps[i].duration_ns;
    for (const RunMetadata& run : runs) {
      if (run.steps.size() == steps.size()) ns = std::min(ns, run.steps[i].duration_ns);
    }
    ms[i] = std::max(1.0, static_cast<double>(ns)) * 1e-6;
  }
  std::map<std::string, Row> by_op;
  std::vector<Row> single;
  double total = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    total += ms[i];
    Row& op = by_op[steps[i].op];
    op.name = steps[i].op;
    op.Add(steps[i], ms[i]);
    single.push_back({absl::StrFormat("%s (%s)", steps[i].node, steps[i].op)});
    single.back().Add(steps[i], ms[i]);
  }
  std::vector<Row> ops;
  for (const auto& [name, row] : by_op) ops.push_back(row);
  std::string table = absl::StrFormat(
      "%d steps, %.3f ms, arena %.1f MB\n%-50s %5s %10s %6s %8s %8s\n", steps.size(), total,
      static_cast<double>(runs[0].arena_bytes) / 1e6, "op", "steps", "ms", "%", "GF/s", "GB/s");
  AppendRows(std::move(ops), total, &table);
  table += "slowest steps\n";
  AppendRows(std::move(single), total, &table);
  return table;
}

}  // namespace sluice::benchmarks
