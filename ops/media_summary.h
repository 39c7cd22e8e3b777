// Summaries of images, sound and tensors, for TensorBoard.
#ifndef SLUICE_OPS_MEDIA_SUMMARY_H_
#define SLUICE_OPS_MEDIA_SUMMARY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct ImageSummaryOptions {
  int64_t max_images = 3;
  Tensor bad_color = Tensor::Of<uint8_t>({4}, {255, 0, 0, 255});  // of pixels with NaN or infinity
};
// PNGs of the first images of `tensor` [batch, height, width, channels], channels 1, 3 or 4, under
// the tags "tag/image/0", "tag/image/1", ... ("tag/image" when max_images is 1). uint8 as they are;
// half, float, double scaled, each image by its own extremes: to 0..255, or around 128 when there
// are negative values.
Output ImageSummary(At at, Output tag, Output tensor, const ImageSummaryOptions& options = {});

struct AudioSummaryOptions {
  int64_t max_outputs = 3;
};
// WAVs of the first clips of `tensor` [batch, frames, channels] or [batch, frames], samples in [-1,
// 1), under the tags "tag/audio/0", ...; `sample_rate` in Hertz, a scalar (of the older form an
// attribute).
Output AudioSummaryV2(At at, Output tag, Output tensor, Output sample_rate,
                      const AudioSummaryOptions& options = {});
Output AudioSummary(At at, Output tag, Output tensor, float sample_rate,
                    const AudioSummaryOptions& options = {});

// The tensor itself; `serialized_summary_metadata` is a SummaryMetadata message.
Output TensorSummaryV2(At at, Output tag, Output tensor, Output serialized_summary_metadata);
struct TensorSummaryOptions {
  std::string description = "";  // not used
  std::vector<std::string> labels = {};
  std::string display_name = "";
};
Output TensorSummary(At at, Output tensor, const TensorSummaryOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_MEDIA_SUMMARY_H_
