// Traced runs of one plan, summed up.
#ifndef SLUICE_TOOLS_SLUICE_PROFILE_H_
#define SLUICE_TOOLS_SLUICE_PROFILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "ops/kernels/machine_limits.h"
#include "session/run_metadata.h"

namespace sluice::tools {

enum class ProfileBy {
  kStep,  // a row for each node and op; the iterations of a loop are calls of one row
  kOp,
};

struct ProfileRow {
  std::string op, node;         // node: empty for kOp
  int64_t calls = 0;            // in one run
  double seconds = 0;           // of all calls in one run, the median over the runs
  double bytes = 0, flops = 0;  // of one run
};

struct Profile {
  std::vector<ProfileRow> rows;  // the slowest first
  double run_seconds = 0;        // median
  double step_seconds = 0;       // of them in steps: the rest is between them
  size_t median_run = 0;         // the run that took about run_seconds
  int runs = 0, threads = 1;
  int64_t arena_bytes = 0;
};

// REQUIRES: at least one run. Calls, bytes and flops are those of the last run.
Profile MakeProfile(absl::Span<const RunMetadata> runs, ProfileBy by);

// For people: a line about the runs, one about the machine, one for each row, the total.
std::string ProfileTable(const Profile& profile, const kernels::MachineLimits& limits);
std::string ProfileJson(const Profile& profile, const kernels::MachineLimits& limits);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_PROFILE_H_
