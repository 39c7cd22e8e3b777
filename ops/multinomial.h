// Classes drawn from given distributions.
#ifndef SLUICE_OPS_MULTINOMIAL_H_
#define SLUICE_OPS_MULTINOMIAL_H_

#include <cstdint>
#include <optional>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct MultinomialOptions {
  DType output_dtype = DType::kInt64;  // or kInt32
  std::optional<int64_t> seed = {};    // of the op; with the graph's seed by rule IN-9
};
// Row b of the result, of shape [batch, num_samples]: classes drawn with probabilities proportional
// to exp(logits[b]), independently. `logits` is a matrix of floating numbers with at least one
// column; infinite and NaN ones are never drawn (a row without another gives the number of
// classes). `num_samples`: an int32 scalar >= 0. InvalidArgument otherwise. (tf.random.categorical)
Output Multinomial(At at, Output logits, Ints num_samples, MultinomialOptions options = {});

// The same for a seed tensor of two numbers, as ops/stateless_random.h.
Output StatelessMultinomial(At at, Output logits, Ints num_samples, Output seed,
                            DType output_dtype = DType::kInt64);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_MULTINOMIAL_H_
