// Names of devices (tf.DeviceSpec, rule NS-14).
#ifndef SLUICE_GRAPH_DEVICE_H_
#define SLUICE_GRAPH_DEVICE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice {

// "/job:J/replica:R/task:T/device:CPU:0": every part is optional, "*" leaves it open.
struct DeviceSpec {
  std::string job;  // "": open
  std::optional<int> replica, task;
  std::string type;  // "CPU", upper case; "": open
  std::optional<int> index;

  // Also the short forms "/cpu:0", "/gpu:1". InvalidArgument for an unknown or malformed part.
  static absl::StatusOr<DeviceSpec> Parse(absl::string_view name);
  // Fills what is open here from `outer`.
  void Complete(const DeviceSpec& outer);
  // The canonical string; "" when all is open.
  std::string ToString() const;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_DEVICE_H_
