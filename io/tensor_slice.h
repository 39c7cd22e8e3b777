// Parts of a tensor, as checkpoints name them: a partitioned variable is saved slice by slice.
#ifndef SLUICE_IO_TENSOR_SLICE_H_
#define SLUICE_IO_TENSOR_SLICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"

namespace sluice {

// The elements start .. start + length - 1 of one dimension; length -1 means all of it (start is
// then 0).
struct SliceExtent {
  int64_t start = 0;
  int64_t length = -1;
  bool full() const { return length < 0; }
  friend bool operator==(const SliceExtent&, const SliceExtent&) = default;
};

// One extent per dimension.
struct TensorSlice {
  std::vector<SliceExtent> extents;

  // The shape of the slice of a tensor of shape `full`. InvalidArgument when the ranks differ or an
  // extent leaves its dimension.
  absl::StatusOr<TensorShape> ShapeWithin(const TensorShape& full) const;
  bool full() const;             // every extent is
  std::string ToString() const;  // "0,5:-", as in SaveV2's shape_and_slices
  friend bool operator==(const TensorSlice&, const TensorSlice&) = default;
};

// An entry of the input shape_and_slices of SaveV2 and RestoreV2: "" for a whole tensor (`sliced`
// false), else the full shape, then one "start,length" or "-" for each dimension: "10 4 0,5:-".
struct SliceSpec {
  bool sliced = false;
  TensorShape full_shape;
  TensorSlice slice;
};
absl::StatusOr<SliceSpec> ParseSliceSpec(
    absl::string_view text);  // InvalidArgument, quoting the text

// The key in a bundle's index of one slice of tensor `name`: an order-preserving code of (0, name,
// rank, start, length, ...). It begins with a zero byte, as no tensor's name does.
std::string SliceKey(absl::string_view name, const TensorSlice& slice);

// Copies between a whole tensor and a slice of it. `part` has the slice's shape and the dtype of
// `whole`. REQUIRES (CHECK): that, and that the slice lies within `whole`.
void CopySliceOut(const Tensor& whole, const TensorSlice& slice, Tensor& part);
void CopySliceIn(const Tensor& part, const TensorSlice& slice, Tensor& whole);

}  // namespace sluice

#endif  // SLUICE_IO_TENSOR_SLICE_H_
