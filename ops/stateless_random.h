// Random tensors that are functions of a seed tensor: the same seed gives the same numbers in every
// run, on every machine, whatever the threads; and they are TensorFlow's numbers (up to the last
// bits of logarithms, sines and cosines).
#ifndef SLUICE_OPS_STATELESS_RANDOM_H_
#define SLUICE_OPS_STATELESS_RANDOM_H_

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct StatelessRandomOptions {
  DType dtype = DType::kFloat;  // half, bfloat16, float32 or float64
};
// `seed`: two int32 or int64 numbers (an int32 and the same int64 are one seed). InvalidArgument ~
// "seed must have shape [2], not [3]", and for a negative dimension.
Output StatelessRandomUniform(At at, Ints shape, Output seed,
                              StatelessRandomOptions options = {});  // [0, 1)
Output StatelessRandomNormal(At at, Ints shape, Output seed, StatelessRandomOptions options = {});
Output StatelessTruncatedNormal(At at, Ints shape, Output seed,
                                StatelessRandomOptions options = {});  // normal, within +-2
// Integers of minval's dtype (int32, int64) in [minval, maxval), which are scalars. InvalidArgument
// unless minval < maxval (or nothing is asked for).
Output StatelessRandomUniformInt(At at, Ints shape, Output seed, Output minval, Output maxval);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STATELESS_RANDOM_H_
