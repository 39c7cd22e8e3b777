// A compiled plan, told: what runs in which order, what was fused, where tensors live.
#ifndef SLUICE_SESSION_PLAN_DESCRIPTION_H_
#define SLUICE_SESSION_PLAN_DESCRIPTION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/tensor_shape.h"

namespace sluice {

struct PlanDescription {
  struct Tensor {
    DType dtype = DType::kInvalid;
    TensorShape shape;
    std::string home;     // "constant", "feed", "arena", "owned", "result" or "runtime"
    int64_t offset = -1;  // bytes into the arena, for "arena"
    int64_t bytes = 0;    // 0 where the shape is not known before the run
  };
  struct Step {
    std::string node, op;              // as StepStats
    std::vector<int> inputs, outputs;  // indices of `tensors`
    int64_t scratch_bytes = 0;
    double flops = 0;
    bool invariant = false;  // runs again only when a variable that it depends on has changed
    bool late = false;       // shapes are known only while running: memory is not planned
    bool in_place = false;   // an output takes over an input's memory
  };
  std::vector<Tensor> tensors;
  std::vector<Step> steps;
  std::vector<std::pair<std::string, int>> rewrites;  // by name: how often each was applied
  int folded = 0;                                     // nodes computed while compiling
  int64_t arena_bytes = 0;        // planned memory: the peak of all "arena" tensors and scratch
  int64_t lower_bound_bytes = 0;  // the most bytes live in one step: no arena is smaller
  int64_t constant_bytes = 0, owned_bytes = 0;
};

// For people: one line per step, then fusions, memory and FLOPs.
std::string ToString(const PlanDescription& plan);

}  // namespace sluice

#endif  // SLUICE_SESSION_PLAN_DESCRIPTION_H_
