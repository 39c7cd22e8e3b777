// What a traced run notes of every step.
#include <algorithm>
#include <chrono>
#include <utility>

#include "session/describe_program.h"
#include "session/plan.h"

namespace sluice {
namespace {

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int64_t BytesOf(const std::vector<Tensor>& slots, const std::vector<int>& values) {
  int64_t bytes = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    // A value that is read twice is moved once.
    if (std::find(values.begin(), values.begin() + i, values[i]) != values.begin() + i) continue;
    bytes += slots[values[i]].byte_size();
  }
  return bytes;
}

// The outputs of a step, where it has set them.
std::vector<StepOutput> OutputsOf(const std::vector<Tensor>& slots, const ProgramStep& step) {
  std::vector<StepOutput> outputs;
  for (size_t i = 0; i < step.outputs.size(); ++i) {
    const Tensor& value = slots[step.outputs[i]];
    if (value.empty_handle()) continue;
    const int slot = step.kind == StepKind::kAlias ? step.alias_output : static_cast<int>(i);
    outputs.push_back({slot, value.dtype(), value.shape(), value.byte_size()});
  }
  return outputs;
}

}  // namespace

void Plan::BeginTrace() {
  trace_->start_us = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
  trace_->arena_bytes = layout_.arena_bytes;
  trace_->threads = state_.threads;
  trace_->steps.reserve(steps_.size());
  trace_start_ns_ = NowNs();
}

void Plan::EndTrace() { trace_->duration_ns = NowNs() - trace_start_ns_; }

absl::Status Plan::RunTraced(Step& step, std::vector<Tensor>* results, int thread) {
  if (dead(step.guard)) return SkipStep(step);
  const int64_t before = NowNs();
  const int64_t read = BytesOf(slots_, step.source->inputs);  // aliases may be moved by the run
  absl::Status status = RunOne(step, results);
  const int64_t after = NowNs();
  const int64_t written = BytesOf(slots_, step.source->outputs);
  StepStats stats;
  stats.node = step.source->node->name();
  stats.op = StepOp(*step.source);
  stats.start_ns = before - trace_start_ns_;
  stats.duration_ns = after - before;
  stats.bytes = read + written;
  stats.output_bytes = written;
  stats.flops = StepFlops(program_, *step.source);
  stats.thread = thread;
  stats.outputs = OutputsOf(slots_, *step.source);
  const std::lock_guard<std::mutex> lock(trace_mutex_);
  trace_->steps.push_back(std::move(stats));
  return status;
}

}  // namespace sluice
