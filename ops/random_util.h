// What the random ops share.
#ifndef SLUICE_OPS_RANDOM_UTIL_H_
#define SLUICE_OPS_RANDOM_UTIL_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "graph/shape_context.h"
#include "ops/kernels/random_fill.h"

namespace sluice::ops {

// Output 0 has the shape that input 0 spells. InvalidArgument for a negative dimension.
absl::Status RandomShape(ShapeContext& c);
// The same, followed by the shape of input `parameters`: every parameter gets such a sample.
absl::Status SampleShape(ShapeContext& c, int parameters);

// The stream of an op with these seed attributes in one run. In a session's first random run it is
// the one of TensorFlow's op in its first run; in later runs, others. Both 0: other numbers in
// every session.
kernels::RandomStream StreamOf(const KernelContext& c, int64_t seed, int64_t seed2);

// The stream for the seed tensor (two int32 or int64 numbers) of a stateless op. InvalidArgument ~
// "seed must have shape [2], not [3]".
absl::StatusOr<kernels::RandomStream> StatelessStreamOf(const Tensor& seed);
// The same check of input i's shape.
absl::Status CheckSeedShape(const ShapeContext& c, int i);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_RANDOM_UTIL_H_
