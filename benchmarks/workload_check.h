// Does a workload give the same numbers with and without the rewrites of a session?
#ifndef SLUICE_BENCHMARKS_WORKLOAD_CHECK_H_
#define SLUICE_BENCHMARKS_WORKLOAD_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "benchmarks/workload.h"
#include "session/session.h"

namespace sluice::benchmarks {

// The largest difference of two results relative to the largest number of the second:
// max |a - b| / max |b| over the elements of one tensor. Infinite where shapes differ or one has a
// number that is not finite.
struct Difference {
  double relative = 0;
  std::string where;  // the tensor it was found in
  void Add(const std::string& name, const Tensor& a, const Tensor& b);
};

struct WorkloadDifference {
  Difference results;    // the fetched tensors of all runs
  Difference variables;  // after the last run: weights, moving averages, momenta
};

// Runs the workload `runs` times in two sessions, which begin with the same variables (the graph's
// seed makes them). Errors of either.
absl::StatusOr<WorkloadDifference> Compare(const Workload& workload, const SessionOptions& a,
                                           const SessionOptions& b, int runs);

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_WORKLOAD_CHECK_H_
