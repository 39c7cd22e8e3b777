// What the files of broadcasting binary ops share.
#ifndef SLUICE_OPS_BINARY_UTIL_H_
#define SLUICE_OPS_BINARY_UTIL_H_

#include "absl/strings/string_view.h"
#include "core/kernel.h"
#include "graph/op_spec.h"
#include "ops/kernels/binary_math.h"

namespace sluice::ops {

// A kernel of z = f(x, y) with broadcasting. Unimplemented for dtypes that `function` has no loops
// for; InvalidArgument with `invalid` when a checked integer function meets a pair without a value.
KernelPrepare BroadcastKernel(kernels::BinaryFunction function,
                              absl::string_view invalid = "Integer division by zero");

// The function as a step of a chain, of arrays of one size.
TiledFn TileOf(kernels::BinaryFunction function);

// A spec "x: T, y: T -> z: T" (or bool) of such an op, without gradient.
OpSpec BroadcastOp(absl::string_view name, absl::string_view types,
                   kernels::BinaryFunction function);
OpSpec ComparisonOp(absl::string_view name, absl::string_view types,
                    kernels::BinaryFunction function);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_BINARY_UTIL_H_
