#include "layers/data_format.h"

#include "core/status.h"

namespace sluice::layers {

std::vector<int64_t> WindowAttr(DataFormat f, Int2 value) {
  if (f == DataFormat::kChannelsLast) return {1, value.height, value.width, 1};
  return {1, 1, value.height, value.width};
}

absl::Status CheckPair(const char* option, Int2 value) {
  if (value.height > 0 && value.width > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("The `", option, "` argument must be a tuple of 2 integers > 0. Received: (",
                   value.height, ", ", value.width, ")"));
}

absl::StatusOr<int64_t> InputChannels(const TensorShape& shape, DataFormat f) {
  if (!shape.rank_known() || shape.rank() != 4) {
    return absl::InvalidArgumentError(
        absl::StrCat("Inputs should have rank 4. Received input shape: ", shape.ToString()));
  }
  const int64_t channels = shape.dim(ChannelAxis(f));
  if (channels < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("The channel dimension of the inputs should be defined. Found `None`. (input ",
                     shape.ToString(), ")"));
  }
  return channels;
}

}  // namespace sluice::layers
