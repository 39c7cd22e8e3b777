// Samples of Poisson distributions. RandomPoisson, the old form, is for imported graphs and has no
// builder.
#ifndef SLUICE_OPS_RANDOM_POISSON_H_
#define SLUICE_OPS_RANDOM_POISSON_H_

#include <cstdint>
#include <optional>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct RandomPoissonOptions {
  DType dtype = DType::kInt64;  // half, float32, float64, int32 or int64
  std::optional<int64_t> seed = {};
};
// For every element of `rate` (the same dtypes) a sample of shape `shape` of the Poisson
// distribution with that mean: the result has shape `shape` + rate.shape. A negative rate counts as
// 0. InvalidArgument for a rate that is NaN or more than `dtype` can hold.
Output RandomPoissonV2(At at, Ints shape, Output rate, RandomPoissonOptions options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RANDOM_POISSON_H_
