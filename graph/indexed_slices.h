// IndexedSlices: a tensor of which only some rows are given. What gathers give as gradient.
#ifndef SLUICE_GRAPH_INDEXED_SLICES_H_
#define SLUICE_GRAPH_INDEXED_SLICES_H_

#include <utility>
#include <vector>

#include "graph/output.h"

namespace sluice {

class At;

// Row k of `values` belongs to row indices[k] of a tensor of shape `dense_shape`; rows given
// several times add. (tf.IndexedSlices)
struct IndexedSlices {
  Output values;       // [k, ...]
  Output indices;      // [k], int32 or int64
  Output dense_shape;  // [rank], int32 or int64; may be empty: unknown
};

// A gradient: a tensor, slices of one, or nothing.
class TensorOrSlices {
 public:
  TensorOrSlices() = default;
  TensorOrSlices(Output tensor) : tensor_(std::move(tensor)) {}  // NOLINT: implicit
  TensorOrSlices(IndexedSlices slices)                           // NOLINT: implicit
      : tensor_(std::move(slices.values)),
        indices_(std::move(slices.indices)),
        dense_shape_(std::move(slices.dense_shape)) {}

  bool empty() const { return tensor_.empty(); }
  bool is_slices() const { return !indices_.empty(); }
  // REQUIRES: not slices. Empty when this is.
  const Output& tensor() const { return tensor_; }
  // REQUIRES: is_slices().
  IndexedSlices slices() const { return {tensor_, indices_, dense_shape_}; }
  // The tensor, or the values of the slices: what norms and scalings work on.
  const Output& values() const { return tensor_; }
  DType dtype() const { return tensor_.empty() ? DType::kInvalid : tensor_.dtype(); }

 private:
  Output tensor_, indices_, dense_shape_;
};

// What a gradient function returns: one per input. An Outputs converts.
class TensorsOrSlices : public std::vector<TensorOrSlices> {
 public:
  using std::vector<TensorOrSlices>::vector;
  TensorsOrSlices(const Outputs& tensors)  // NOLINT: implicit
      : std::vector<TensorOrSlices>(tensors.begin(), tensors.end()) {}
};

// The dense tensor: rows added up by UnsortedSegmentSum (rule GR-10). InvalidArgument, kept on the
// graph, without a dense_shape, and for slices of another dtype than `dtype` (kInvalid: any). A
// tensor is returned as it is, nothing as nothing.
Output ToDense(At at, const TensorOrSlices& value, DType dtype = DType::kInvalid);

}  // namespace sluice

#endif  // SLUICE_GRAPH_INDEXED_SLICES_H_
