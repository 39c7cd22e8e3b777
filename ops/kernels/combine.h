// value = value OP update, in place: the arithmetic behind AssignAdd, scatter updates and their
// like.
#ifndef SLUICE_OPS_KERNELS_COMBINE_H_
#define SLUICE_OPS_KERNELS_COMBINE_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/tensor.h"

namespace sluice {

enum class Combine { kUpdate, kAdd, kSub, kMul, kDiv, kMin, kMax };

// Element by element. Integers wrap around; half and bfloat16 are computed in float. REQUIRES
// (CHECK): same dtype and element count. InvalidArgument for an integer division by 0 (then an
// unspecified part is done); Unimplemented for a dtype that is not a number, except that kUpdate
// serves every dtype, kAdd strings (joined) and bools (or), kSub bools (not equal), and for kMin
// and kMax of complex numbers.
absl::Status CombineElements(Combine how, const Tensor& update, Tensor& value);

// Row indices[k] of `value` is combined with row k of `updates`, one after another, so that an
// index may occur several times. Rows are slices along dimension 0. `updates` has shape
// indices.shape + value.shape[1:], or is a scalar that stands for every element. InvalidArgument,
// before anything is written, for other shapes ("Must have updates.shape = indices.shape +
// params.shape[1:] or updates.shape = [], got ...") and for an index out of range ("indices[2] = 5
// is not in [0, 4)"); otherwise as above. REQUIRES (CHECK): same dtype; indices int32 or int64.
absl::Status CombineRows(Combine how, const Tensor& indices, const Tensor& updates, Tensor& value);

// Slice k of `updates`, cut into `count` slices, is combined with the elements of `value` that
// begin at start(k), one slice after another. Errors as CombineElements. REQUIRES: the places lie
// inside `value`, same dtype (CHECK), `count` divides updates' elements.
absl::Status CombineSlices(Combine how, int64_t count, absl::FunctionRef<int64_t(int64_t)> start,
                           const Tensor& updates, Tensor& value);

}  // namespace sluice

#endif  // SLUICE_OPS_KERNELS_COMBINE_H_
