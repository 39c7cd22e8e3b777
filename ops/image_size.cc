#include "ops/image_size.h"

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/array_util.h"

namespace sluice::ops {

absl::StatusOr<ImageSize> ReadImageSize(const Tensor& size, absl::string_view what) {
  SLUICE_ASSIGN_OR_RETURN(const Dims sizes, ReadInts(size, "size"));
  if (size.shape().rank() != 1 || sizes.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("size must be a vector of two elements, got ", size.DebugString()));
  }
  if (sizes[0] <= 0 || sizes[1] <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " dimensions must be positive, got ", sizes[0], " and ", sizes[1]));
  }
  return ImageSize{sizes[0], sizes[1]};
}

absl::Status SetSizedImage(ShapeContext& c, int i, int64_t batch, int64_t channels) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape vector, c.WithRank(i, 1));
  if (vector.dim(0) >= 0 && vector.dim(0) != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("Dimension must be 2 but is ", vector.dim(0), ": a height and a width"));
  }
  TensorShape size = TensorShape::OfRank(2);
  if (c.value(i) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(size, c.ShapeFromValue(i));
  }
  TensorShape shape({batch, size.dim(0), size.dim(1), channels});
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

}  // namespace sluice::ops
