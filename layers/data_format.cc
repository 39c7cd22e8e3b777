#include "layers/data_format.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "core/status.h"

namespace sluice::layers {

std::string DataFormatName(DataFormat f, int rank) {
  const std::string spatial = rank == 3 ? "W" : rank == 4 ? "HW" : "DHW";
  return f == DataFormat::kChannelsLast ? "N" + spatial + "C" : "NC" + spatial;
}

std::vector<int64_t> WindowAttr(DataFormat f, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> all = {1};
  if (f == DataFormat::kChannelsFirst) all.push_back(1);
  all.insert(all.end(), sizes.begin(), sizes.end());
  if (f == DataFormat::kChannelsLast) all.push_back(1);
  return all;
}

absl::Status CheckSizes(const char* option, const std::vector<int64_t>& sizes) {
  if (std::all_of(sizes.begin(), sizes.end(), [](int64_t v) { return v > 0; }))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("The `", option, "` argument must be a tuple of ",
                                                 sizes.size(), " integers. Received: (",
                                                 absl::StrJoin(sizes, ", "), "), must be > 0"));
}

absl::StatusOr<int64_t> InputChannels(const TensorShape& shape, DataFormat f, int rank) {
  if (!shape.rank_known() || shape.rank() != rank) {
    return absl::InvalidArgumentError(absl::StrCat("Inputs should have rank ", rank,
                                                   ". Received input shape: ", shape.ToString(),
                                                   " (expected ndim=", rank, ")"));
  }
  const int64_t channels = shape.dim(ChannelAxis(f, rank));
  if (channels < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("The channel dimension of the inputs should be defined. Found `None`. (input ",
                     shape.ToString(), ")"));
  }
  return channels;
}

}  // namespace sluice::layers
