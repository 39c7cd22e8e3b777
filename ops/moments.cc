#include "ops/moments.h"

#include "graph/at.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/reduction.h"
#include "ops/reshape.h"

namespace sluice::ops {

MomentsOutputs Moments(At at, Output x, const std::vector<int64_t>& axes,
                       const MomentsOptions& options) {
  if (x.empty()) return {};
  const DType dtype = BaseType(x.dtype());
  const bool narrow = dtype == DType::kHalf || dtype == DType::kBfloat16;
  const At in = at.Composite("moments");
  const Output y = narrow ? Cast(in, x, DType::kFloat) : x;
  Output mean = Mean(in.Named("mean"), y, axes, {.keep_dims = true});
  const Output fixed = in.Node("StopGradient", {mean});
  Output variance =
      Mean(in.Named("variance"), SquaredDifference(in, y, fixed), axes, {.keep_dims = true});
  if (!options.keep_dims && !axes.empty()) {
    mean = Squeeze(in, mean, {.squeeze_dims = axes});
    variance = Squeeze(in, variance, {.squeeze_dims = axes});
  }
  return {Cast(in, mean, dtype), Cast(in, variance, dtype)};
}

}  // namespace sluice::ops
