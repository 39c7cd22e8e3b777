// Tensor: a typed, shaped view of a reference-counted buffer.
#ifndef SLUICE_CORE_TENSOR_H_
#define SLUICE_CORE_TENSOR_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/dtype.h"
#include "core/memory.h"
#include "core/tensor_shape.h"

namespace sluice {

// Row-major elements. Copying a Tensor shares the elements (numpy's and TensorFlow's rule); Clone()
// copies them. Writing through mutable_flat() is seen by everybody who shares the buffer: write
// only into a tensor that you made. A default-constructed tensor is empty: dtype kInvalid, no
// elements.
class Tensor {
 public:
  Tensor() = default;
  Tensor(const Tensor&) = default;
  Tensor& operator=(const Tensor&) = default;
  Tensor(Tensor&& o) noexcept { *this = std::move(o); }  // leaves `o` empty
  Tensor& operator=(Tensor&& o) noexcept;

  // Uninitialized numbers, empty strings. The shape must be fully defined.
  // InvalidArgument for a shape that is not (or breaks TensorShape::Check) or a dtype that cannot
  // be held; ResourceExhausted when the budget refuses.
  static absl::StatusOr<Tensor> Make(
      DType dtype, const TensorShape& shape,
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process());
  // A view of `shape` on `buffer`, starting `offset` bytes in. For memory planners. REQUIRES: it
  // fits and is aligned.
  static Tensor View(BufferRef buffer, int64_t offset, DType dtype, const TensorShape& shape);

  // A dtype and a shape without elements: raw() is null, byte_size() what the elements would take.
  // For work that looks at shapes only. REQUIRES: the shape is fully defined.
  static Tensor ShapeOnly(DType dtype, const TensorShape& shape);

  // Tensor::Of<float>({2, 2}, {1, 2, 3, 4}). REQUIRES (CHECK): as many values as elements. For
  // literals in programs.
  template <typename T>
  static Tensor Of(const TensorShape& shape, absl::Span<const T> values);
  template <typename T>
  static Tensor Of(const TensorShape& shape, std::initializer_list<T> values) {
    return Of<T>(shape, absl::Span<const T>(values.begin(), values.size()));
  }
  template <typename T>
  static Tensor Scalar(T value) {
    return Of<T>({}, absl::Span<const T>(&value, 1));
  }
  static Tensor Zeros(DType dtype, const TensorShape& shape);  // CHECKs where Make() would refuse

  bool empty_handle() const { return dtype_ == DType::kInvalid; }  // default-constructed
  DType dtype() const { return dtype_; }
  const TensorShape& shape() const { return shape_; }
  int64_t dim(int i) const { return shape_.dim(i); }
  int64_t num_elements() const { return elements_; }
  int64_t byte_size() const;  // elements x SizeOf(dtype)

  const void* raw() const { return data_; }
  void* mutable_raw() { return data_; }
  // Elements as a span. REQUIRES (CHECK): T is the dtype's C++ type. Check dtype() first where it
  // comes from a user.
  template <typename T>
  absl::Span<const T> flat() const {
    CheckType(DTypeOf<T>::value);
    return absl::Span<const T>(static_cast<const T*>(data_),
                               static_cast<size_t>(elements_));  // not {}: a list of bools
  }
  template <typename T>
  absl::Span<T> mutable_flat() {
    CheckType(DTypeOf<T>::value);
    return absl::Span<T>(static_cast<T*>(data_), static_cast<size_t>(elements_));
  }
  template <typename T>
  const T* data() const {
    return flat<T>().data();
  }
  template <typename T>
  T* mutable_data() {
    return mutable_flat<T>().data();
  }
  // The only element. REQUIRES (CHECK): one element of type T.
  template <typename T>
  const T& scalar() const {
    CheckScalar();
    return flat<T>()[0];
  }
  // Elements of an int32 or int64 tensor as int64. InvalidArgument for another dtype. Allocates.
  absl::StatusOr<std::vector<int64_t>> ToInt64s() const;

  // The same elements under another shape. InvalidArgument unless the element counts agree.
  absl::StatusOr<Tensor> Reshaped(const TensorShape& shape) const;
  absl::StatusOr<Tensor> Clone(
      const std::shared_ptr<MemoryBudget>& budget = MemoryBudget::Process()) const;
  // Copies `from`'s elements here. REQUIRES (CHECK): same dtype and element count.
  void CopyElements(const Tensor& from);

  bool SharesBufferWith(const Tensor& o) const {
    return buffer_ && buffer_.get() == o.buffer_.get();
  }
  // Buffer::version() of the elements; 0 without elements. Views of one buffer share it.
  uint64_t version() const { return buffer_ ? buffer_->version() : 0; }
  // After writing elements that others may recognise by their version: variables do.
  void SetNewVersion() {
    if (buffer_) buffer_->SetNewVersion();
  }
  // Nobody else holds the buffer: it may be written in place.
  bool unique() const { return buffer_ && buffer_->unique(); }

  // "float32[2,2] {1, 2, 3, 4}", at most `max_values` values.
  std::string DebugString(int max_values = 10) const;

 private:
  void CheckType(DType wanted) const;
  void CheckScalar() const;

  BufferRef buffer_;
  void* data_ = nullptr;
  int64_t elements_ = 0;
  DType dtype_ = DType::kInvalid;
  TensorShape shape_;
};

inline Tensor& Tensor::operator=(Tensor&& o) noexcept {
  if (this == &o) return *this;
  buffer_ = std::move(o.buffer_);
  data_ = std::exchange(o.data_, nullptr);
  elements_ = std::exchange(o.elements_, 0);
  dtype_ = std::exchange(o.dtype_, DType::kInvalid);
  shape_ = std::move(o.shape_);
  return *this;
}

// Same dtype, shape and bits (strings: same bytes).
bool BitEqual(const Tensor& a, const Tensor& b);

}  // namespace sluice

#endif  // SLUICE_CORE_TENSOR_H_
