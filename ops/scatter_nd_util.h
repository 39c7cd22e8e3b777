// What the ops share that write slices to places given by index tuples: ScatterNd, ScatterNdUpdate,
// TensorScatterAdd and their like.
#ifndef SLUICE_OPS_SCATTER_ND_UTIL_H_
#define SLUICE_OPS_SCATTER_ND_UTIL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "ops/kernels/combine.h"

namespace sluice::ops {

// "indices[1,2]" for element `position` of a tensor of that shape; "indices" for a scalar's.
std::string IndexName(const TensorShape& shape, int64_t position);
// "indices[1,2] = [4, 0]" for tuple `position` of an int32 or int64 tensor of tuples.
std::string TupleName(const Tensor& indices, int64_t position);

// OK when updates.shape = indices.shape[:-1] + shape[k:] with k = indices.shape[-1], as far as
// known. Nothing may be given for an array without elements, and neither indices without updates
// nor updates without indices. InvalidArgument otherwise; `whole` is the array's name there.
absl::Status CheckScatterShapes(const TensorShape& indices, const TensorShape& updates,
                                const TensorShape& shape, absl::string_view whole);

// value[indices[j...], i...] `how` updates[j..., i...], one slice after another.
// InvalidArgument, before anything is written, as above and for a tuple that points outside ("...
// does not index into shape [4]"); Unimplemented where CombineSlices is.
absl::Status ScatterSlices(Combine how, const Tensor& indices, const Tensor& updates, Tensor& value,
                           absl::string_view whole);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SCATTER_ND_UTIL_H_
