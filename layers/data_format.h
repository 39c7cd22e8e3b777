// Windows over sequences, images and volumes: where the channels lie, and sizes as lists.
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
// width] (NCHW). Of sequences NWC and NCW, of volumes NDHWC and NCDHW.
enum class DataFormat { kChannelsLast, kChannelsFirst };

// Of a sequence, as Int2 and Int3 of images and volumes: `.kernel_size = 3` or `{3}`.
struct Int1 {
  int64_t length = 0;
  constexpr Int1(int64_t l) : length(l) {}  // NOLINT: implicit
  friend constexpr bool operator==(const Int1& a, const Int1& b) = default;
};

namespace layers {

// One entry per spatial dimension.
inline std::vector<int64_t> SizesOf(Int1 v) { return {v.length}; }
inline std::vector<int64_t> SizesOf(Int2 v) { return {v.height, v.width}; }
inline std::vector<int64_t> SizesOf(Int3 v) { return {v.depth, v.height, v.width}; }

// TensorFlow's name for a batch of that rank (3, 4 or 5): "NWC", "NCHW", ...
std::string DataFormatName(DataFormat f, int rank = 4);
// Axis of the channels of a batch of that rank.
inline int ChannelAxis(DataFormat f, int rank = 4) {
  return f == DataFormat::kChannelsLast ? rank - 1 : 1;
}
// Axis of the first spatial dimension.
inline int SpatialAxis(DataFormat f) { return f == DataFormat::kChannelsLast ? 1 : 2; }
// A window attribute: {1, h, w, 1} or {1, 1, h, w}, for any number of sizes.
std::vector<int64_t> WindowAttr(DataFormat f, const std::vector<int64_t>& sizes);
inline std::vector<int64_t> WindowAttr(DataFormat f, Int2 v) { return WindowAttr(f, SizesOf(v)); }
// All > 0. InvalidArgument naming the option otherwise (rule CV-10).
absl::Status CheckSizes(const char* option, const std::vector<int64_t>& sizes);
inline absl::Status CheckPair(const char* option, Int2 v) { return CheckSizes(option, SizesOf(v)); }
// The channel count of a batch of that rank. InvalidArgument for another rank or unknown channels
// (rule CV-13).
absl::StatusOr<int64_t> InputChannels(const TensorShape& shape, DataFormat f, int rank = 4);

}  // namespace layers
}  // namespace sluice

#endif  // SLUICE_LAYERS_DATA_FORMAT_H_
