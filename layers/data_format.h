// Where the channels of an image batch lie.
#ifndef SLUICE_LAYERS_DATA_FORMAT_H_
#define SLUICE_LAYERS_DATA_FORMAT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tensor_shape.h"
#include "ops/padding.h"

namespace sluice {

// kChannelsLast: [batch, height, width, channels] (NHWC); kChannelsFirst: [batch, channels, height,
// width] (NCHW).
enum class DataFormat { kChannelsLast, kChannelsFirst };

namespace layers {

inline std::string DataFormatName(DataFormat f) {
  return f == DataFormat::kChannelsLast ? "NHWC" : "NCHW";
}
// Axis of the channels of a rank-4 batch.
inline int ChannelAxis(DataFormat f) { return f == DataFormat::kChannelsLast ? 3 : 1; }
// A window attribute: {1, h, w, 1} or {1, 1, h, w}.
std::vector<int64_t> WindowAttr(DataFormat f, Int2 value);
// Both > 0. InvalidArgument naming the option otherwise.
absl::Status CheckPair(const char* option, Int2 value);
// The channel count of a rank-4 batch. InvalidArgument for another rank or unknown channels.
absl::StatusOr<int64_t> InputChannels(const TensorShape& shape, DataFormat f);

}  // namespace layers
}  // namespace sluice

#endif  // SLUICE_LAYERS_DATA_FORMAT_H_
