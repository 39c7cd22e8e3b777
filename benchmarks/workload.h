// What workloads.cc runs: networks, in inference and in training, and small programs. Each is a
// graph with random inputs, ready for a session. README.md defines them.
#ifndef SLUICE_BENCHMARKS_WORKLOAD_H_
#define SLUICE_BENCHMARKS_WORKLOAD_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "benchmarks/networks.h"
#include "core/tensor.h"
#include "graph/graph.h"
#include "graph/output.h"
#include "session/session.h"

namespace sluice::benchmarks {

// The whole work at full size by default; a test asks for less.
struct WorkloadOptions {
  int64_t side = 0;     // of networks, see NetworkOptions
  int64_t divisor = 1;  // of networks, see NetworkOptions; and of each size of the small programs
  bool freeze = true;   // inference runs the graph with constants in the place of its variables, as
                        // a saved model is served; false: with the variables
};

// Run `init` once where it is not empty, then fetch `fetches` as often as wanted, the feeds in
// turn: one batch alone is soon memorised, its gradients become denormal numbers, and the time
// changes its meaning.
struct Workload {
  std::unique_ptr<Graph> graph;
  Output init;
  std::vector<Feeds> feeds;  // one at least
  Outputs fetches;
  double flops = 0;  // of one run at full size; 0: not what limits it
  double bytes = 0;  // that one run must read and write at least; 0: not what limits it
};

// The workload of that name in speed_workloads.h. NotFound for another one; InvalidArgument for a
// batch below 1, or other than 1 for a small program; errors of building and, with `freeze`, of a
// first session.
absl::StatusOr<Workload> MakeWorkload(absl::string_view name, int batch,
                                      const WorkloadOptions& options = {});

// --- parts ---

// A tensor of floats uniform in [-1.7, 1.7): of variance 1, nearly.
Tensor RandomFloats(const TensorShape& shape, std::mt19937* random);

// workload_programs.cc
struct Program {
  const char* name;
  absl::StatusOr<Workload> (*make)(int64_t divisor);
};
absl::Span<const Program> Programs();

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_WORKLOAD_H_
