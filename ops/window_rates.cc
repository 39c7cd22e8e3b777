#include "ops/window_rates.h"

#include "core/status.h"

namespace sluice::ops {

absl::StatusOr<RatedWindow> PlaceRatedWindow(const AttrMap& attrs, const TensorShape& image,
                                             int64_t height, int64_t width) {
  const AttrMap named = {{"strides", GetAttr<std::vector<int64_t>>(attrs, "strides")},
                         {"dilations", GetAttr<std::vector<int64_t>>(attrs, "rates")},
                         {"padding", GetAttr<std::string>(attrs, "padding")}};
  SLUICE_ASSIGN_OR_RETURN(const WindowAttrs window, ParseWindowAttrs(named));
  RatedWindow placed;
  placed.batch = image.dim(0);
  placed.channels = image.dim(3);
  SLUICE_ASSIGN_OR_RETURN(placed.dims[0], SlideWindow(window, 0, image.dim(1), height));
  SLUICE_ASSIGN_OR_RETURN(placed.dims[1], SlideWindow(window, 1, image.dim(2), width));
  return placed;
}

}  // namespace sluice::ops
