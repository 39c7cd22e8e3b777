// Placing tensors whose lives are known in one block of memory.
#ifndef SLUICE_SESSION_MEMORY_PLAN_H_
#define SLUICE_SESSION_MEMORY_PLAN_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace sluice {

// `bytes` of memory that hold something from step `first` to step `last`, both included.
struct MemoryRequest {
  int64_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<int64_t> offsets;  // of each request, multiples of kBufferAlignment
  int64_t total = 0;             // bytes that all of them need
};

// Requests whose lives overlap never share a byte. With `reuse` false nobody does. Deterministic.
// Two heuristics, the better result of both: walking the steps with best fit into free gaps (any
// number of requests, n log n), and placing the largest first into the smallest gap that fits (up
// to a few thousand requests, n^2). Pisarchyk and Lee, "Efficient Memory Management for Deep Neural
// Net Inference", 2020, compare them; optimal placement is NP-hard.
MemoryPlan PlanMemory(absl::Span<const MemoryRequest> requests, bool reuse = true);

// No plan needs less: the most bytes that are live in one step.
int64_t MemoryLowerBound(absl::Span<const MemoryRequest> requests);

}  // namespace sluice

#endif  // SLUICE_SESSION_MEMORY_PLAN_H_
