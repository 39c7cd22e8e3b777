// Where the time of a run goes, for people.
#ifndef SLUICE_BENCHMARKS_WORKLOAD_PROFILE_H_
#define SLUICE_BENCHMARKS_WORKLOAD_PROFILE_H_

#include <string>
#include <vector>

#include "session/run_metadata.h"

namespace sluice::benchmarks {

// A table of the ops and one of the slowest steps, from several traced runs of one plan. A step
// takes the shortest of its times: other processes disturb that least.
std::string ProfileTable(const std::vector<RunMetadata>& runs);

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_WORKLOAD_PROFILE_H_
