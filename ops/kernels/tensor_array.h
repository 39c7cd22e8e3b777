// The array of tensors behind TensorFlow 1's TensorArray ops (rule CF-25): made by a run, gone with
// it.
#ifndef SLUICE_OPS_KERNELS_TENSOR_ARRAY_H_
#define SLUICE_OPS_KERNELS_TENSOR_ARRAY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/tensor.h"

namespace sluice::kernels {

struct TensorArrayOptions {
  std::string name;
  DType dtype = DType::kInvalid;
  TensorShape element_shape = TensorShape::Unknown();
  bool dynamic_size = false;              // writing past the end makes it larger
  bool clear_after_read = true;           // an element can be read once
  bool identical_element_shapes = false;  // the first write fixes the shape of all
};

// Errors are InvalidArgument in TensorFlow's words. Used by one thread at a time.
class TensorArray : public Resource {
 public:
  TensorArray(TensorArrayOptions options, int64_t size)
      : options_(std::move(options)), size_(size) {}

  // The array that collects the gradients of this one's elements for the gradient computation
  // `source`: same size from now on fixed, elements of the same shapes, zeros where nothing was
  // written, sums where more was written than once. The same object for the same source.
  // `prepend`: dimensions in front of each element's.
  std::shared_ptr<TensorArray> Gradient(const std::string& source, const TensorShape& prepend);

  // `value` becomes element `index`; it is kept, so its memory must not be written again.
  absl::Status Write(int64_t index, const Tensor& value,
                     const std::shared_ptr<MemoryBudget>& budget);
  // Zeros where nothing was written and the shape is known.
  absl::StatusOr<Tensor> Read(int64_t index, const std::shared_ptr<MemoryBudget>& budget);
  // Before writing indices below `size`: grows a dynamic array.
  void Grow(int64_t size);
  absl::Status Close();
  // Every op asks first.
  absl::Status CheckOpen() const;

  DType dtype() const { return options_.dtype; }
  int64_t size() const { return size_; }
  bool dynamic_size() const { return options_.dynamic_size; }
  const TensorShape& element_shape() const { return options_.element_shape; }
  // More is known of the elements' shape. InvalidArgument when it contradicts what is known.
  absl::Status MergeElementShape(const TensorShape& shape);
  std::string DebugString() const override;

 private:
  struct Element {
    Tensor value;  // empty: not written, or cleared
    TensorShape shape = TensorShape::Unknown();
    bool written = false, read = false, cleared = false;
  };
  std::string Named() const;
  absl::Status CheckWrite(int64_t index, const Tensor& value) const;
  absl::Status Aggregate(Element* element, const Tensor& value, int64_t index,
                         const std::shared_ptr<MemoryBudget>& budget);
  absl::StatusOr<TensorShape> ZerosShape(const Element& element, int64_t index) const;

  TensorArrayOptions options_;
  int64_t size_ = 0;
  absl::flat_hash_map<int64_t, Element> elements_;  // those that were touched
  bool is_gradient_ = false, closed_ = false;
  std::map<std::string, std::shared_ptr<TensorArray>> gradients_;  // by source
};

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_TENSOR_ARRAY_H_
