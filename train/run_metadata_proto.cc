#include "train/run_metadata_proto.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/dtype.h"
#include "graph/tensor_proto.h"
#include "proto/run_metadata.pb.h"

namespace sluice::train {
namespace {

constexpr int64_t kMostMicros = std::numeric_limits<int64_t>::max() / 4000;  // sums fit

void SetOutputs(const StepStats& step, proto::NodeExecStats* out) {
  for (const StepOutput& output : step.outputs) {
    proto::NodeOutput* o = out->add_output();
    o->set_slot(output.slot);
    proto::TensorDescription* tensor = o->mutable_tensor_description();
    tensor->set_dtype(static_cast<proto::DataType>(output.dtype));
    sluice::ToProto(output.shape, tensor->mutable_shape());
    proto::AllocationDescription* memory = tensor->mutable_allocation_description();
    memory->set_requested_bytes(output.bytes);
    memory->set_allocated_bytes(output.bytes);
    memory->set_allocator_name("cpu");
  }
  proto::AllocatorMemoryUsed* used = out->add_memory();
  used->set_allocator_name("cpu");
  used->set_total_bytes(step.output_bytes);
  used->set_peak_bytes(step.output_bytes);
}

// Every time in both units; the relative ones count from all_start. The op is all that there is.
void SetTimes(const StepStats& step, int64_t start_us, proto::NodeExecStats* out) {
  const int64_t start_ns = start_us * 1000 + step.start_ns;
  const int64_t ns = std::max<int64_t>(step.duration_ns, 0);
  const int64_t us = (ns + 999) / 1000;  // TensorBoard leaves out what took 0
  out->set_scheduled_micros(start_ns / 1000);
  out->set_scheduled_nanos(start_ns);
  out->set_all_start_micros(start_ns / 1000);
  out->set_all_start_nanos(start_ns);
  out->set_op_end_rel_micros(us);
  out->set_op_end_rel_nanos(ns);
  out->set_all_end_rel_micros(us);
  out->set_all_end_rel_nanos(ns);
}

absl::string_view OpOf(const proto::NodeExecStats& node) {
  absl::string_view label = node.timeline_label();
  if (label.empty()) return node.node_name();
  const size_t equals = label.find(" = ");
  if (equals != absl::string_view::npos) label.remove_prefix(equals + 3);
  return label.substr(0, label.find('('));
}

int64_t Sane(int64_t value, int64_t most) { return value < 0 || value > most ? 0 : value; }

int64_t StartNs(const proto::NodeExecStats& node) {
  const int64_t ns = node.all_start_nanos();
  return ns > 0 ? Sane(ns, 1000 * kMostMicros) : 1000 * Sane(node.all_start_micros(), kMostMicros);
}

int64_t DurationNs(const proto::NodeExecStats& node) {
  const int64_t ns = node.all_end_rel_nanos();
  return ns > 0 ? Sane(ns, 1000 * kMostMicros)
                : 1000 * Sane(node.all_end_rel_micros(), kMostMicros);
}

void AddOutputs(const proto::NodeExecStats& node, StepStats* step) {
  for (const proto::NodeOutput& o : node.output()) {
    const proto::TensorDescription& tensor = o.tensor_description();
    const absl::StatusOr<TensorShape> shape = ShapeFromProto(tensor.shape());
    if (!shape.ok()) continue;
    StepOutput output;
    output.slot = o.slot();
    output.dtype = static_cast<DType>(tensor.dtype());
    output.shape = *shape;
    output.bytes = Sane(tensor.allocation_description().requested_bytes(), kMostMicros);
    if (!IsKnown(output.dtype)) output.dtype = DType::kInvalid;
    step->output_bytes += output.bytes;
    step->outputs.push_back(std::move(output));
  }
  step->bytes = step->output_bytes;
}

}  // namespace

void ToProto(const RunMetadata& run, proto::RunMetadata* out) {
  out->Clear();
  proto::DeviceStepStats* device = out->mutable_step_stats()->add_dev_stats();
  device->set_device(kCpuDevice);
  for (const StepStats& step : run.steps) {
    if (step.op == "fetch") continue;
    proto::NodeExecStats* node = device->add_node_stats();
    node->set_node_name(step.node);
    node->set_timeline_label(absl::StrCat(step.node, " = ", step.op, "()"));
    node->set_thread_id(static_cast<uint32_t>(std::max(step.thread, 0)));
    SetTimes(step, run.start_us, node);
    SetOutputs(step, node);
    (*device->mutable_thread_names())[node->thread_id()] =
        step.thread == 0 ? "caller" : absl::StrCat("branch thread ", step.thread);
  }
}

RunMetadata FromProto(const proto::RunMetadata& in) {
  RunMetadata run;
  int64_t first = std::numeric_limits<int64_t>::max(), last = 0;
  for (const proto::DeviceStepStats& device : in.step_stats().dev_stats())
    for (const proto::NodeExecStats& node : device.node_stats())
      first = std::min(first, StartNs(node));
  std::map<std::pair<std::string, uint32_t>, int> threads;
  for (const proto::DeviceStepStats& device : in.step_stats().dev_stats()) {
    for (const proto::NodeExecStats& node : device.node_stats()) {
      StepStats step;
      step.node = node.node_name();
      step.op = std::string(OpOf(node));
      step.start_ns = StartNs(node) - first;
      step.duration_ns = DurationNs(node);
      step.thread = threads
                        .emplace(std::make_pair(device.device(), node.thread_id()),
                                 static_cast<int>(threads.size()))
                        .first->second;
      AddOutputs(node, &step);
      last = std::max(last, step.start_ns + step.duration_ns);
      run.steps.push_back(std::move(step));
    }
  }
  std::stable_sort(run.steps.begin(), run.steps.end(),
                   [](const StepStats& a, const StepStats& b) { return a.start_ns < b.start_ns; });
  if (!run.steps.empty()) run.start_us = first / 1000;
  run.duration_ns = last;
  run.threads = std::max<int>(1, static_cast<int>(threads.size()));
  return run;
}

}  // namespace sluice::train
