// Sizes of images that arrive as tensors: a vector of height and width.
#ifndef SLUICE_OPS_IMAGE_SIZE_H_
#define SLUICE_OPS_IMAGE_SIZE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor.h"
#include "graph/shape_context.h"

namespace sluice::ops {

struct ImageSize {
  int64_t height = 0, width = 0;
};

// The two positive numbers of an int32 vector. InvalidArgument "`what` dimensions must be positive"
// or for any other tensor.
absl::StatusOr<ImageSize> ReadImageSize(const Tensor& size, absl::string_view what);

// Output 0 is [batch, height, width, channels], with the size that input i spells; a -1 there is
// unknown. InvalidArgument unless that is a vector of two.
absl::Status SetSizedImage(ShapeContext& c, int i, int64_t batch, int64_t channels);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_IMAGE_SIZE_H_
