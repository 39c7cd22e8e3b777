// What a traced run took, step by step.
#ifndef SLUICE_SESSION_RUN_METADATA_H_
#define SLUICE_SESSION_RUN_METADATA_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/tensor_shape.h"

namespace sluice {

// A tensor that a step made.
struct StepOutput {
  int slot = 0;  // which output of the node
  DType dtype = DType::kInvalid;
  TensorShape shape;
  int64_t bytes = 0;
};

// One step of a plan in one run.
struct StepStats {
  std::string node;      // the node whose work it is (of fused work: the last node of it)
  std::string op;        // what ran: the node's op, a fused op, or "read", "fetch", ...
  int64_t start_ns = 0;  // since the beginning of the run
  int64_t duration_ns = 0;
  int64_t bytes = 0;         // of inputs and outputs, each counted once
  double flops = 0;          // two per multiply-add; 0 where the op does not tell
  int64_t output_bytes = 0;  // of outputs alone
  int thread = 0;            // 0: the caller's; others of inter_op_threads
  std::vector<StepOutput> outputs;
};

// tf.RunMetadata of a run with RunOptions::kFullTrace; empty without.
struct RunMetadata {
  std::vector<StepStats> steps;  // in the order in which they began
  int64_t start_us = 0;          // of the run: microseconds since 1970
  int64_t duration_ns = 0;       // of the whole run
  int64_t arena_bytes = 0;       // planned memory
  int threads = 1;
};

// The run in the JSON of chrome://tracing (one complete event per step, microseconds).
std::string ChromeTrace(const RunMetadata& run);

}  // namespace sluice

#endif  // SLUICE_SESSION_RUN_METADATA_H_
