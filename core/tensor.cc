#include "core/tensor.h"

#include <algorithm>
#include <charconv>
#include <complex>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/storage_type.h"
#include "glog/logging.h"

namespace sluice {
namespace {

// OK when a tensor can have the shape.
absl::Status CheckHoldable(const TensorShape& shape) {
  SLUICE_RETURN_IF_ERROR(shape.Check());
  if (shape.fully_defined()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a tensor needs a fully defined shape, got ", shape.ToString()));
}

// The shortest text that reads back as the same number.
template <typename T>
std::string NumberText(T value) {
  char text[64];
  const std::to_chars_result result = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, result.ptr);
}

template <typename T>
std::string ElementText(const T& v) {
  if constexpr (std::is_same_v<T, bool>) {
    return v ? "true" : "false";
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return NumberText(static_cast<float>(v));
  } else if constexpr (std::is_same_v<T, std::string>) {
    return absl::StrCat("\"", Printable(v), "\"");
  } else if constexpr (std::is_same_v<T, ResourceRef>) {
    return v == nullptr ? "null" : v->DebugString();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return NumberText(v);
  } else {
    return absl::StrCat("(", NumberText(v.real()), ",", NumberText(v.imag()), ")");
  }
}

// Calls f(TypeTag<T>{}) for the C++ type that stores `d`.
template <typename F>
void DispatchStorage(DType d, F f) {
  const absl::Status status =
      Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
               uint64_t, bool, Half, BFloat16, std::string, std::complex<float>,
               std::complex<double>, ResourceRef>(StorageType(d), [&](auto tag) {
        f(tag);
        return absl::OkStatus();
      });
  CHECK(status.ok()) << status;
}

// The elements at `from` to `to`: same type, same count, no partial overlap.
void CopyAll(DType dtype, const void* from, void* to, int64_t count) {
  if (count == 0 || from == to) return;
  if (IsTriviallyCopyable(dtype)) {
    std::memcpy(to, from, static_cast<size_t>(count) * SizeOf(dtype));
    return;
  }
  DispatchStorage(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::copy_n(static_cast<const T*>(from), count, static_cast<T*>(to));
  });
}

}  // namespace

absl::StatusOr<Tensor> Tensor::Make(DType dtype, const TensorShape& shape,
                                    const std::shared_ptr<MemoryBudget>& budget) {
  SLUICE_RETURN_IF_ERROR(CheckHoldable(shape));
  Tensor t;
  t.elements_ = shape.num_elements();
  auto buffer = Buffer::Make(dtype, t.elements_, budget);
  if (!buffer.ok()) {
    return Annotate(buffer.status(), absl::StrCat("tensor ", DTypeName(dtype), shape.ToString()));
  }
  t.buffer_ = *std::move(buffer);
  t.data_ = t.buffer_->data();
  t.dtype_ = dtype;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::View(BufferRef buffer, int64_t offset, DType dtype, const TensorShape& shape) {
  const auto element = static_cast<int64_t>(SizeOf(dtype));
  const int64_t elements = shape.num_elements();
  CHECK(buffer && element > 0 && elements >= 0) << DTypeName(dtype) << shape.ToString();
  CHECK(buffer->dtype() == dtype ||
        (IsTriviallyCopyable(dtype) && IsTriviallyCopyable(buffer->dtype())))
      << DTypeName(dtype) << " on a buffer of " << DTypeName(buffer->dtype());
  CHECK(offset >= 0 && offset <= buffer->bytes() &&
        elements <= (buffer->bytes() - offset) / element)
      << DTypeName(dtype) << shape.ToString() << " at byte " << offset << " of " << buffer->bytes();
  CHECK_EQ(offset % (IsTriviallyCopyable(dtype) ? std::min<int64_t>(element, 8) : element), 0);
  Tensor t;
  t.data_ = static_cast<char*>(buffer->data()) + offset;
  t.buffer_ = std::move(buffer);
  t.elements_ = elements;
  t.dtype_ = dtype;
  t.shape_ = shape;
  return t;
}

Tensor Tensor::ShapeOnly(DType dtype, const TensorShape& shape) {
  Tensor t;
  t.elements_ = shape.num_elements();
  CHECK_GE(t.elements_, 0) << shape.ToString();
  t.dtype_ = dtype;
  t.shape_ = shape;
  return t;
}

template <typename T>
Tensor Tensor::Of(const TensorShape& shape, absl::Span<const T> values) {
  absl::StatusOr<Tensor> made = Make(DTypeOf<T>::value, shape);
  CHECK(made.ok()) << made.status();
  Tensor t = *std::move(made);
  CHECK_EQ(t.elements_, static_cast<int64_t>(values.size()))
      << "values for shape " << shape.ToString();
  std::copy(values.begin(), values.end(), t.mutable_data<T>());
  return t;
}

template Tensor Tensor::Of<float>(const TensorShape&, absl::Span<const float>);
template Tensor Tensor::Of<double>(const TensorShape&, absl::Span<const double>);
template Tensor Tensor::Of<int8_t>(const TensorShape&, absl::Span<const int8_t>);
template Tensor Tensor::Of<int16_t>(const TensorShape&, absl::Span<const int16_t>);
template Tensor Tensor::Of<int32_t>(const TensorShape&, absl::Span<const int32_t>);
template Tensor Tensor::Of<int64_t>(const TensorShape&, absl::Span<const int64_t>);
template Tensor Tensor::Of<uint8_t>(const TensorShape&, absl::Span<const uint8_t>);
template Tensor Tensor::Of<uint16_t>(const TensorShape&, absl::Span<const uint16_t>);
template Tensor Tensor::Of<uint32_t>(const TensorShape&, absl::Span<const uint32_t>);
template Tensor Tensor::Of<uint64_t>(const TensorShape&, absl::Span<const uint64_t>);
template Tensor Tensor::Of<bool>(const TensorShape&, absl::Span<const bool>);
template Tensor Tensor::Of<Half>(const TensorShape&, absl::Span<const Half>);
template Tensor Tensor::Of<BFloat16>(const TensorShape&, absl::Span<const BFloat16>);
template Tensor Tensor::Of<std::string>(const TensorShape&, absl::Span<const std::string>);
template Tensor Tensor::Of<std::complex<float>>(const TensorShape&,
                                                absl::Span<const std::complex<float>>);
template Tensor Tensor::Of<std::complex<double>>(const TensorShape&,
                                                 absl::Span<const std::complex<double>>);
template Tensor Tensor::Of<ResourceRef>(const TensorShape&, absl::Span<const ResourceRef>);

Tensor Tensor::Zeros(DType dtype, const TensorShape& shape) {
  absl::StatusOr<Tensor> made = Make(dtype, shape);
  CHECK(made.ok()) << made.status();
  Tensor t = *std::move(made);
  if (IsTriviallyCopyable(dtype)) std::memset(t.data_, 0, static_cast<size_t>(t.byte_size()));
  return t;
}

int64_t Tensor::byte_size() const { return elements_ * static_cast<int64_t>(SizeOf(dtype_)); }

absl::StatusOr<std::vector<int64_t>> Tensor::ToInt64s() const {
  if (dtype_ == DType::kInt32)
    return std::vector<int64_t>(flat<int32_t>().begin(), flat<int32_t>().end());
  if (dtype_ == DType::kInt64)
    return std::vector<int64_t>(flat<int64_t>().begin(), flat<int64_t>().end());
  return absl::InvalidArgumentError(
      absl::StrCat("expected int32 or int64 values, got ", DTypeName(dtype_)));
}

absl::StatusOr<Tensor> Tensor::Reshaped(const TensorShape& shape) const {
  SLUICE_RETURN_IF_ERROR(CheckHoldable(shape));
  if (empty_handle() || shape.num_elements() != elements_) {
    return absl::InvalidArgumentError(absl::StrCat("cannot reshape ", elements_,
                                                   " elements of shape ", shape_.ToString(), " to ",
                                                   shape.ToString()));
  }
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

absl::StatusOr<Tensor> Tensor::Clone(const std::shared_ptr<MemoryBudget>& budget) const {
  if (data_ == nullptr) return *this;
  SLUICE_ASSIGN_OR_RETURN(Tensor copy, Make(dtype_, shape_, budget));
  CopyAll(dtype_, data_, copy.data_, elements_);
  return copy;
}

void Tensor::CopyElements(const Tensor& from) {
  CHECK(dtype_ == from.dtype_ && elements_ == from.elements_)
      << DTypeName(from.dtype_) << from.shape_.ToString() << " into " << DTypeName(dtype_)
      << shape_.ToString();
  CHECK((data_ != nullptr && from.data_ != nullptr) || elements_ == 0) << "a shape alone";
  CopyAll(dtype_, from.data_, data_, elements_);
}

std::string Tensor::DebugString(int max_values) const {
  if (empty_handle()) return "no tensor";
  if (data_ == nullptr)
    return absl::StrCat(DTypeName(dtype_), shape_.ToString(), " without elements");
  std::string text = absl::StrCat(DTypeName(dtype_), shape_.ToString(), " {");
  DispatchStorage(dtype_, [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int64_t shown = std::min<int64_t>(elements_, std::max(max_values, 0));
    for (int64_t i = 0; i < shown; ++i) {
      absl::StrAppend(&text, i > 0 ? ", " : "", ElementText(static_cast<const T*>(data_)[i]));
    }
    if (shown < elements_) absl::StrAppend(&text, shown > 0 ? ", " : "", "...");
  });
  return text + "}";
}

void Tensor::CheckType(DType wanted) const {
  CHECK(dtype_ == wanted) << "tensor of " << DTypeName(dtype_) << " read as " << DTypeName(wanted);
  CHECK(data_ != nullptr || elements_ == 0) << "a shape alone has no elements";
}

void Tensor::CheckScalar() const {
  CHECK_EQ(elements_, 1) << "elements in " << DTypeName(dtype_) << shape_.ToString()
                         << ", read as a scalar";
}

bool BitEqual(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.num_elements() == 0 || a.raw() == b.raw()) return true;
  if (a.raw() == nullptr || b.raw() == nullptr) return false;
  if (IsTriviallyCopyable(a.dtype())) {
    return std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.byte_size())) == 0;
  }
  bool equal = false;
  DispatchStorage(a.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, ResourceRef>) {
      equal = a.flat<T>() == b.flat<T>();
    }
  });
  return equal;
}

}  // namespace sluice
