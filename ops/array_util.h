// What the array ops share: integers that arrive as tensors, axes, checks of run-time shapes.
#ifndef SLUICE_OPS_ARRAY_UTIL_H_
#define SLUICE_OPS_ARRAY_UTIL_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "graph/shape_context.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {

// The elements of an int32 or int64 tensor of rank 0 or 1. InvalidArgument, naming the argument
// `what`, for anything else.
absl::StatusOr<Dims> ReadInts(const Tensor& tensor, absl::string_view what);
// The only element of such a tensor.
absl::StatusOr<int64_t> ReadInt(const Tensor& tensor, absl::string_view what);

// `axis` counted from the front. InvalidArgument unless -rank <= axis < rank.
absl::StatusOr<int> CanonicalAxis(int64_t axis, int rank, absl::string_view what = "axis");

// InvalidArgument unless output i was planned with that shape: for kernels whose result depends on
// values of a run.
absl::Status CheckOutputShape(KernelContext& c, int i, const TensorShape& wanted);

// Output i with that shape: allocated now, or as planned (`planned`: its shape was known in
// Prepare), which must be the same.
absl::StatusOr<Tensor*> ProvideOutput(KernelContext& c, int i, bool planned,
                                      const TensorShape& shape);

// a * b and a + b of sizes that may be unknown (-1 gives -1). InvalidArgument where the result
// passes kMaxElements.
absl::StatusOr<int64_t> MultiplySizes(int64_t a, int64_t b);
absl::StatusOr<int64_t> AddSizes(int64_t a, int64_t b);

// Output 0 has the shape that integer vector input i spells; unlike ShapeContext::ShapeFromValue,
// -1 is an error.
absl::Status ShapeFromInput(ShapeContext& c, int i);

// Pieces that lie side by side along one axis of a dense array: the copies that put them there, or
// take them out.
enum class PieceCopy { kJoin, kCut };
// For pieces of these sizes along `axis` of an array of shape `whole`. REQUIRES: a defined shape,
// sizes that add up to its dimension.
std::vector<StridedCopy> PlanPieces(DType dtype, const TensorShape& whole, int axis,
                                    absl::Span<const int64_t> sizes, PieceCopy direction);
// Joins inputs first, first + 1, ... to output 0.
absl::Status JoinPieces(KernelContext& c, const std::vector<StridedCopy>& pieces, int first);
// Cuts input `whole` to the outputs.
absl::Status CutPieces(KernelContext& c, const std::vector<StridedCopy>& pieces, int whole);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_ARRAY_UTIL_H_
