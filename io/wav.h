// Sound as WAV files in memory.
#ifndef SLUICE_IO_WAV_H_
#define SLUICE_IO_WAV_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace sluice {

// The WAV file, 16 bits a sample, of `samples` in [-1, 1) (others are clipped): frames of
// `channels` samples each, `sample_rate` of them a second. InvalidArgument for no frames and for
// numbers that the format cannot hold.
absl::StatusOr<std::string> EncodeWav(absl::Span<const float> samples, int64_t sample_rate,
                                      int64_t channels);

}  // namespace sluice

#endif  // SLUICE_IO_WAV_H_
