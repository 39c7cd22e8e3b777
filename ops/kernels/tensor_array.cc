#include "ops/kernels/tensor_array.h"

#include <complex>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/kernels/accumulate.h"

namespace sluice::kernels {
namespace {

absl::Status AddTo(const Tensor& value, Tensor* sum) {
  return Dispatch<float, double, Half, BFloat16, int32_t, int64_t, int8_t, int16_t, uint8_t,
                  uint16_t, std::complex<float>, std::complex<double>>(
      value.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        ops::AddRow(value.data<T>(), sum->mutable_data<T>(), value.num_elements());
        return absl::OkStatus();
      });
}

TensorShape Concatenated(const TensorShape& a, const TensorShape& b) {
  if (!a.rank_known() || !b.rank_known()) return TensorShape::Unknown();
  std::vector<int64_t> dims(a.dims().begin(), a.dims().end());
  dims.insert(dims.end(), b.dims().begin(), b.dims().end());
  return TensorShape(dims);
}

}  // namespace

std::string TensorArray::DebugString() const {
  return absl::StrCat("TensorArray ", Named(), " of ", size(), " ", DTypeName(dtype()));
}

std::string TensorArray::Named() const { return absl::StrCat("'", Printable(options_.name), "'"); }

absl::Status TensorArray::CheckOpen() const {
  if (!closed_) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("TensorArray ", Named(), " has already been closed."));
}

absl::Status TensorArray::Close() {
  SLUICE_RETURN_IF_ERROR(CheckOpen());
  closed_ = true;
  size_ = 0;
  elements_.clear();
  gradients_.clear();
  return absl::OkStatus();
}

std::shared_ptr<TensorArray> TensorArray::Gradient(const std::string& source,
                                                   const TensorShape& prepend) {
  std::shared_ptr<TensorArray>& gradient = gradients_[source];
  if (gradient != nullptr) return gradient;
  options_.dynamic_size = false;  // what is differentiated keeps its size
  TensorArrayOptions options = options_;
  options.name = absl::StrCat(options_.name, "@", source);
  options.clear_after_read = false;
  options.element_shape = Concatenated(prepend, options_.element_shape);
  gradient = std::make_shared<TensorArray>(std::move(options), size());
  gradient->is_gradient_ = true;
  for (const auto& [index, element] : elements_) {
    gradient->elements_[index].shape = Concatenated(prepend, element.shape);
  }
  return gradient;
}

absl::Status TensorArray::MergeElementShape(const TensorShape& shape) {
  absl::StatusOr<TensorShape> merged = options_.element_shape.MergeWith(shape);
  if (!merged.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("TensorArray ", Named(), ": element shape ", shape.ToString(),
                     " is incompatible with the known ", options_.element_shape.ToString()));
  }
  options_.element_shape = *std::move(merged);
  return absl::OkStatus();
}

void TensorArray::Grow(int64_t size) {
  if (options_.dynamic_size && size > size_) size_ = size;
}

absl::Status TensorArray::CheckWrite(int64_t index, const Tensor& value) const {
  const std::string could_not =
      absl::StrCat("TensorArray ", Named(), ": Could not write to TensorArray index ", index);
  if (value.dtype() != dtype()) {
    return absl::InvalidArgumentError(
        absl::StrCat(could_not, " because the value dtype is ", DTypeName(value.dtype()),
                     " but TensorArray dtype is ", DTypeName(dtype()), "."));
  }
  if (!element_shape().CompatibleWith(value.shape())) {
    return absl::InvalidArgumentError(
        absl::StrCat(could_not, " because the value shape is ", value.shape().ToString(),
                     " which is incompatible with the TensorArray's inferred element shape: ",
                     element_shape().ToString(), " (consider setting infer_shape=False)."));
  }
  return absl::OkStatus();
}

absl::Status TensorArray::Write(int64_t index, const Tensor& value,
                                const std::shared_ptr<MemoryBudget>& budget) {
  if (index < 0 || (!dynamic_size() && index >= size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("TensorArray ", Named(), ": Tried to write to index ", index,
                     " but array is not resizeable and size is: ", size()));
  }
  SLUICE_RETURN_IF_ERROR(CheckWrite(index, value));
  Grow(index + 1);
  if (options_.identical_element_shapes) SLUICE_RETURN_IF_ERROR(MergeElementShape(value.shape()));
  Element& element = elements_[index];
  if (element.read) {
    return absl::InvalidArgumentError(absl::StrCat("TensorArray ", Named(),
                                                   ": Could not write to TensorArray index ", index,
                                                   " because it has already been read."));
  }
  if (element.written && is_gradient_) return Aggregate(&element, value, index, budget);
  if (element.written) {
    return absl::InvalidArgumentError(absl::StrCat("TensorArray ", Named(),
                                                   ": Could not write to TensorArray index ", index,
                                                   " because it has already been written to."));
  }
  element.value = value;
  element.shape = value.shape();
  element.written = true;
  return absl::OkStatus();
}

absl::Status TensorArray::Aggregate(Element* element, const Tensor& value, int64_t index,
                                    const std::shared_ptr<MemoryBudget>& budget) {
  if (element->value.shape() != value.shape()) {
    return absl::InvalidArgumentError(
        absl::StrCat("TensorArray ", Named(), ": Could not aggregate to TensorArray index ", index,
                     " because the existing shape is ", element->value.shape().ToString(),
                     " but the new input shape is ", value.shape().ToString(), "."));
  }
  if (!element->value.unique()) {
    SLUICE_ASSIGN_OR_RETURN(element->value, element->value.Clone(budget));
  }
  return AddTo(value, &element->value);
}

absl::StatusOr<TensorShape> TensorArray::ZerosShape(const Element& element, int64_t index) const {
  absl::StatusOr<TensorShape> shape = element_shape().MergeWith(element.shape);
  if (!shape.ok()) shape = element_shape();
  if (shape->fully_defined()) return shape;
  return absl::InvalidArgumentError(absl::StrCat(
      "TensorArray ", Named(), ": Could not read from TensorArray index ", index,
      ".  Furthermore, the element shape is not fully defined: ", shape->ToString(),
      ".  It is possible you are working with a resizeable TensorArray and stop_gradients is not "
      "allowing the gradients to be written.  If you set the full element_shape property on the "
      "forward TensorArray, the proper all-zeros tensor will be returned instead of incurring this "
      "error."));
}

absl::StatusOr<Tensor> TensorArray::Read(int64_t index,
                                         const std::shared_ptr<MemoryBudget>& budget) {
  if (index < 0 || index >= size()) {
    return absl::InvalidArgumentError(absl::StrCat("TensorArray ", Named(),
                                                   ": Tried to read from index ", index,
                                                   " but array size is: ", size()));
  }
  Element& element = elements_[index];
  if (element.cleared) {
    return absl::InvalidArgumentError(
        absl::StrCat("TensorArray ", Named(), ": Could not read index ", index,
                     " twice because it was cleared after a previous read (perhaps try setting "
                     "clear_after_read = false?)."));
  }
  if (!element.written) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, ZerosShape(element, index));
    SLUICE_ASSIGN_OR_RETURN(element.value, Tensor::Make(dtype(), shape, budget));
    if (IsTriviallyCopyable(dtype()) && element.value.byte_size() > 0) {
      std::memset(element.value.mutable_raw(), 0, static_cast<size_t>(element.value.byte_size()));
    }
    element.shape = shape;
  }
  element.read = true;
  Tensor value = element.value;
  if (options_.clear_after_read) {
    element.value = Tensor();
    element.cleared = true;
  }
  return value;
}

}  // namespace sluice::kernels
