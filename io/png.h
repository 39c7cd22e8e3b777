// Images as PNG files in memory.
#ifndef SLUICE_IO_PNG_H_
#define SLUICE_IO_PNG_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace sluice {

// The PNG file of an image of `height` rows of `width` pixels of `channels` bytes: 1 grey, 2 grey
// and alpha, 3 RGB, 4 RGBA. Made with libpng's defaults, as TensorFlow's image summaries.
// InvalidArgument for sizes that are not positive or do not fit the pixels.
absl::StatusOr<std::string> EncodePng(absl::Span<const uint8_t> pixels, int64_t width,
                                      int64_t height, int channels);

}  // namespace sluice

#endif  // SLUICE_IO_PNG_H_
