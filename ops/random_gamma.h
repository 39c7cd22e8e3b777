// Samples of gamma distributions.
#ifndef SLUICE_OPS_RANDOM_GAMMA_H_
#define SLUICE_OPS_RANDOM_GAMMA_H_

#include <cstdint>
#include <optional>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// For every element of `alpha` (half, float32 or float64) a sample of shape `shape` of the gamma
// distribution with that shape parameter and scale 1: the result has shape `shape` + alpha.shape.
// NaN for an alpha that is negative or NaN. Gradient to alpha: how the sample moves with it
// (implicit reparameterization; not for half).
Output RandomGamma(At at, Ints shape, Output alpha, std::optional<int64_t> seed = {});

// d sample / d alpha for samples of Gamma(alpha, 1); broadcasts. float32, float64.
Output RandomGammaGrad(At at, Output alpha, Output sample);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RANDOM_GAMMA_H_
