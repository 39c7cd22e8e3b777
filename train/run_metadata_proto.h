// What a traced run took, as TensorFlow's message: for event files, where TensorBoard colours the
// graph by it, and back.
#ifndef SLUICE_TRAIN_RUN_METADATA_PROTO_H_
#define SLUICE_TRAIN_RUN_METADATA_PROTO_H_

#include "absl/status/status.h"
#include "session/run_metadata.h"

namespace sluice {
namespace proto {
class RunMetadata;
}  // namespace proto

namespace train {

// The device that every node of ours ran on.
inline constexpr char kCpuDevice[] = "/job:localhost/replica:0/task:0/device:CPU:0";

// One DeviceStepStats of kCpuDevice: per step its node, times, thread, the label "node = Op()", its
// outputs with dtype, shape and bytes, and their sum as memory. What was fused counts for the last
// node of it; what only hands values on (fetches) is left out. Times are absolute microseconds and
// nanoseconds, as TensorFlow writes both.
void ToProto(const RunMetadata& run, proto::RunMetadata* out);

// The same back, also what TensorFlow itself wrote, of all its devices: threads are numbered by
// device and thread in the order of first appearance. The op is what stands before the "(" in the
// label "name = Op(inputs)", else the whole label, else the node's name. Times that are negative or
// overflow count as 0. Shapes that no tensor can have are left out.
RunMetadata FromProto(const proto::RunMetadata& in);

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_RUN_METADATA_PROTO_H_
