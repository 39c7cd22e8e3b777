#include "tools/sluice/profile.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/status.h"
#include "tools/sluice/json.h"

namespace sluice::tools {
namespace {

using kernels::MachineLimits;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double Seconds(int64_t ns) { return static_cast<double>(ns) * 1e-9; }

// One row while it is summed up.
struct Sums {
  ProfileRow row;
  std::vector<double> seconds;  // by run
};

double Rate(double work, double seconds) { return seconds > 0 ? work / seconds : 0; }

// Of the time that the machine needs at least for this work in the time it took.
double ShareOfLimit(const MachineLimits& limits, double flops, double bytes, double seconds) {
  return Rate(kernels::LeastSeconds(limits, flops, bytes), seconds);
}

ProfileRow Total(const Profile& profile) {
  ProfileRow total = {.op = "total"};
  total.seconds = profile.run_seconds;
  for (const ProfileRow& row : profile.rows) {
    total.calls += row.calls;
    total.bytes += row.bytes;
    total.flops += row.flops;
  }
  return total;
}

std::string TableLine(const ProfileRow& row, const Profile& profile, const MachineLimits& limits,
                      size_t op_width) {
  std::string line = absl::StrFormat(
      "%10.4f %6.1f %6d %13.0f %7.1f %13.0f %8.1f %6.1f  %-*s  %s", row.seconds * 1e3,
      100 * Rate(row.seconds, profile.run_seconds), row.calls, row.bytes,
      Rate(row.bytes, row.seconds) * 1e-9, row.flops, Rate(row.flops, row.seconds) * 1e-9,
      100 * ShareOfLimit(limits, row.flops, row.bytes, row.seconds), static_cast<int>(op_width),
      Printable(row.op), Printable(row.node));
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

Profile MakeProfile(absl::Span<const RunMetadata> runs, ProfileBy by) {
  Profile profile;
  std::map<std::pair<std::string, std::string>, Sums> sums;
  std::vector<double> durations, in_steps;
  for (size_t r = 0; r < runs.size(); ++r) {
    const bool last = r + 1 == runs.size();
    int64_t step_ns = 0;
    for (const StepStats& step : runs[r].steps) {
      Sums& s = sums[{step.op, by == ProfileBy::kStep ? step.node : ""}];
      s.seconds.resize(runs.size(), 0);
      s.seconds[r] += Seconds(step.duration_ns);
      step_ns += step.duration_ns;
      if (!last) continue;
      ++s.row.calls;
      s.row.bytes += static_cast<double>(step.bytes);
      s.row.flops += step.flops;
    }
    durations.push_back(Seconds(runs[r].duration_ns));
    in_steps.push_back(Seconds(step_ns));
  }
  for (auto& [key, s] : sums) {
    std::tie(s.row.op, s.row.node) = key;
    s.row.seconds = Median(std::move(s.seconds));
    profile.rows.push_back(std::move(s.row));
  }
  std::stable_sort(profile.rows.begin(), profile.rows.end(),
                   [](const ProfileRow& a, const ProfileRow& b) { return a.seconds > b.seconds; });
  profile.run_seconds = Median(durations);
  profile.step_seconds = Median(std::move(in_steps));
  for (size_t r = 1; r < runs.size(); ++r) {
    const auto off = [&](size_t i) { return std::abs(durations[i] - profile.run_seconds); };
    if (off(r) < off(profile.median_run)) profile.median_run = r;
  }
  profile.runs = static_cast<int>(runs.size());
  profile.threads = runs.back().threads;
  profile.arena_bytes = runs.back().arena_bytes;
  return profile;
}

std::string ProfileTable(const Profile& profile, const MachineLimits& limits) {
  std::string text = absl::StrFormat(
      "%d %s on %d %s: median %.4f ms, %.4f ms of them between steps; planned memory %d bytes\n",
      profile.runs, profile.runs == 1 ? "run" : "runs", profile.threads,
      profile.threads == 1 ? "thread" : "threads", profile.run_seconds * 1e3,
      std::max(0.0, profile.run_seconds - profile.step_seconds) * 1e3, profile.arena_bytes);
  absl::StrAppendFormat(&text, "this machine now: %.1f GF/s (matrix product), %.1f GB/s (copy)\n\n",
                        limits.flops_per_second * 1e-9, limits.bytes_per_second * 1e-9);
  size_t op_width = 5;
  bool by_node = false;
  for (const ProfileRow& row : profile.rows) {
    op_width = std::max(op_width, row.op.size());
    by_node |= !row.node.empty();
  }
  absl::StrAppendFormat(&text, "%10s %6s %6s %13s %7s %13s %8s %6s  %-*s  %s", "ms", "% run",
                        "calls", "bytes", "GB/s", "FLOPs", "GF/s", "% max",
                        static_cast<int>(op_width), "op", by_node ? "node" : "");
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
  for (const ProfileRow& row : profile.rows)
    absl::StrAppend(&text, TableLine(row, profile, limits, op_width));
  return text + TableLine(Total(profile), profile, limits, op_width);
}

std::string ProfileJson(const Profile& profile, const MachineLimits& limits) {
  Json rows = Json::Array();
  for (const ProfileRow& row : profile.rows) {
    rows.Add(Json::Object()
                 .Set("op", row.op)
                 .Set("node", row.node)
                 .Set("calls", row.calls)
                 .Set("ms", Json::Number(row.seconds * 1e3))
                 .Set("bytes", static_cast<int64_t>(row.bytes))
                 .Set("flops", static_cast<int64_t>(row.flops))
                 .Set("share_of_run", Json::Number(Rate(row.seconds, profile.run_seconds)))
                 .Set("share_of_limit",
                      Json::Number(ShareOfLimit(limits, row.flops, row.bytes, row.seconds))));
  }
  return Json::Object()
      .Set("runs", int64_t{profile.runs})
      .Set("threads", int64_t{profile.threads})
      .Set("run_ms", Json::Number(profile.run_seconds * 1e3))
      .Set("step_ms", Json::Number(profile.step_seconds * 1e3))
      .Set("arena_bytes", profile.arena_bytes)
      .Set("machine_gflops", Json::Number(limits.flops_per_second * 1e-9))
      .Set("machine_gbytes", Json::Number(limits.bytes_per_second * 1e-9))
      .Set("rows", rows)
      .text();
}

}  // namespace sluice::tools
