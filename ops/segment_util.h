// What dense and sparse segment reductions share.
#ifndef SLUICE_OPS_SEGMENT_UTIL_H_
#define SLUICE_OPS_SEGMENT_UTIL_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "ops/kernels/accumulate.h"

namespace sluice::ops {

// The elements of an int32 or int64 tensor. REQUIRES (CHECK): one of these dtypes.
class IndexView {
 public:
  explicit IndexView(const Tensor& tensor)
      : size_(tensor.num_elements()),
        narrow_(tensor.dtype() == DType::kInt32 ? tensor.data<int32_t>() : nullptr),
        wide_(narrow_ || tensor.dtype() == DType::kInt32 ? nullptr : tensor.data<int64_t>()) {}
  int64_t size() const { return size_; }
  int64_t operator[](int64_t i) const { return wide_ ? wide_[i] : int64_t{narrow_[i]}; }

 private:
  int64_t size_;
  const int32_t* narrow_;
  const int64_t* wide_;
};

// How many segments ids in order speak of: the last one and 1. InvalidArgument for ids that are
// negative or not in order.
absl::StatusOr<int64_t> CountSortedSegments(const Tensor& ids);

// a / count; integers towards zero.
template <typename T>
T DividedBy(const T& a, int64_t count) {
  if constexpr (kIsHalf<T>) {
    return T(static_cast<float>(a) / static_cast<float>(count));
  } else {
    return a / static_cast<T>(count);
  }
}

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SEGMENT_UTIL_H_
