// Const: output = the tensor held by attr `value`.
#include "ops/const.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

absl::Status ConstShape(ShapeContext& c) {
  const Tensor value = c.attr<Tensor>("value");
  if (value.dtype() != c.output_dtype(0)) {
    return absl::InvalidArgumentError(absl::StrCat("attr 'dtype' is ", DTypeName(c.output_dtype(0)),
                                                   ", but attr 'value' holds ",
                                                   DTypeName(value.dtype())));
  }
  c.set_output(0, value.shape());
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> ConstPrepare(PrepareContext& p) {
  p.WillSetOutput(0);
  return KernelRun([value = p.attr<Tensor>("value")](KernelContext& c) {
    c.SetOutput(0, value);
    return absl::OkStatus();
  });
}

}  // namespace

OpSpec ConstOp() {
  return OpSpec("Const")
      .Output("output: dtype")
      .Attr("value: tensor")
      .Attr("dtype: type")
      .Shape(ConstShape)
      .Prepare(ConstPrepare)
      .NotDifferentiable("a constant depends on nothing");
}

Output Const(At at, const Tensor& value) {
  if (value.empty_handle()) {
    return at.Fail("Const", absl::InvalidArgumentError("the tensor is empty: it has no dtype"));
  }
  return at.Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
}

Output Const(At at, float value) { return Const(at, Tensor::Scalar(value)); }
Output Const(At at, double value) { return Const(at, Tensor::Scalar(value)); }
Output Const(At at, int32_t value) { return Const(at, Tensor::Scalar(value)); }
Output Const(At at, int64_t value) { return Const(at, Tensor::Scalar(value)); }
Output Const(At at, bool value) { return Const(at, Tensor::Scalar(value)); }
Output Const(At at, const char* value) { return Const(at, Tensor::Scalar(std::string(value))); }
Output Const(At at, const std::string& value) { return Const(at, Tensor::Scalar(value)); }

template <typename T>
Output Const(At at, absl::Span<const T> values, const TensorShape& shape) {
  absl::StatusOr<Tensor> tensor = Tensor::Make(DTypeOf<T>::value, shape);
  if (!tensor.ok()) return at.Fail("Const", tensor.status());
  const int64_t count = tensor->num_elements();
  if (values.size() == 1) {
    FillElements(tensor->dtype(), values.data(), tensor->mutable_raw(), count);
  } else if (static_cast<int64_t>(values.size()) == count) {
    std::copy(values.begin(), values.end(), tensor->template mutable_data<T>());
  } else {
    return at.Fail("Const", absl::InvalidArgumentError(
                                absl::StrCat("shape ", shape.ToString(), " has ", count,
                                             " elements, got ", values.size(), " values")));
  }
  return Const(at, *tensor);
}

template Output Const<float>(At, absl::Span<const float>, const TensorShape&);
template Output Const<double>(At, absl::Span<const double>, const TensorShape&);
template Output Const<int8_t>(At, absl::Span<const int8_t>, const TensorShape&);
template Output Const<int16_t>(At, absl::Span<const int16_t>, const TensorShape&);
template Output Const<int32_t>(At, absl::Span<const int32_t>, const TensorShape&);
template Output Const<int64_t>(At, absl::Span<const int64_t>, const TensorShape&);
template Output Const<uint8_t>(At, absl::Span<const uint8_t>, const TensorShape&);
template Output Const<uint16_t>(At, absl::Span<const uint16_t>, const TensorShape&);
template Output Const<uint32_t>(At, absl::Span<const uint32_t>, const TensorShape&);
template Output Const<uint64_t>(At, absl::Span<const uint64_t>, const TensorShape&);
template Output Const<bool>(At, absl::Span<const bool>, const TensorShape&);
template Output Const<Half>(At, absl::Span<const Half>, const TensorShape&);
template Output Const<BFloat16>(At, absl::Span<const BFloat16>, const TensorShape&);
template Output Const<std::string>(At, absl::Span<const std::string>, const TensorShape&);
template Output Const<std::complex<float>>(At, absl::Span<const std::complex<float>>,
                                           const TensorShape&);
template Output Const<std::complex<double>>(At, absl::Span<const std::complex<double>>,
                                            const TensorShape&);

namespace {

// `value` as a scalar of type T. InvalidArgument when T is an integer type that cannot hold it.
template <typename T>
absl::StatusOr<Tensor> TypedScalar(double value) {
  if constexpr (std::is_same_v<T, bool>) {
    return Tensor::Scalar(value != 0);
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return Tensor::Scalar(T(static_cast<float>(value)));
  } else if constexpr (std::is_integral_v<T>) {
    const double whole = std::trunc(value);
    if (!(whole >= static_cast<double>(std::numeric_limits<T>::min()) &&
          whole < std::ldexp(1.0, std::numeric_limits<T>::digits))) {
      return absl::InvalidArgumentError(
          absl::StrCat(DTypeName(DTypeOf<T>::value), " cannot hold ", value));
    }
    return Tensor::Scalar(static_cast<T>(whole));
  } else if constexpr (std::is_floating_point_v<T>) {
    return Tensor::Scalar(static_cast<T>(value));
  } else {
    return Tensor::Scalar(T(static_cast<typename T::value_type>(value)));
  }
}

bool FitsInt32(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() &&
         value <= std::numeric_limits<int32_t>::max();
}

// A Const of `values` as int32 or int64.
Output IntConst(At at, absl::Span<const int64_t> values, const TensorShape& shape, DType dtype) {
  if (dtype == DType::kInt64) return Const<int64_t>(at, values, shape);
  return Const<int32_t>(at, std::vector<int32_t>(values.begin(), values.end()), shape);
}

}  // namespace

absl::StatusOr<Tensor> ScalarOf(DType dtype, double value) {
  if (dtype == DType::kString && value == 0) return Tensor::Scalar(std::string());
  absl::StatusOr<Tensor> scalar;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                uint64_t, bool, Half, BFloat16, std::complex<float>, std::complex<double>>(
          dtype, [&](auto tag) {
            scalar = TypedScalar<typename decltype(tag)::type>(value);
            return scalar.status();
          })));
  return scalar;
}

Output ConstOf(At at, DType dtype, double value) {
  const absl::StatusOr<Tensor> scalar = ScalarOf(dtype, value);
  return scalar.ok() ? Const(at, *scalar) : at.Fail("Const", scalar.status());
}

Output Ints::Tensor(At at, absl::string_view name, DType wanted) const {
  if (const auto* tensor = std::get_if<Output>(&value_)) return *tensor;
  const DType type = dtype() == DType::kInt64 ? DType::kInt64 : wanted;
  if (const auto* scalar = std::get_if<int64_t>(&value_)) {
    return IntConst(at.Named(name), {scalar, 1}, {}, type);
  }
  if (list() == nullptr) {
    return at.Fail("Const",
                   absl::InvalidArgumentError(absl::StrCat(name, " is a shape of unknown rank")));
  }
  const std::vector<int64_t>& values = *list();
  return IntConst(at.Named(name), values, {static_cast<int64_t>(values.size())}, type);
}

Output Ints::Matrix(At at, absl::string_view name, int64_t columns, DType wanted) const {
  const std::vector<int64_t>* values = list();
  if (values == nullptr) return Tensor(at, name, wanted);
  const auto count = static_cast<int64_t>(values->size());
  if (count % columns != 0) {
    return at.Fail("Const",
                   absl::InvalidArgumentError(absl::StrCat(
                       name, " must have ", columns, " numbers per row, got ", count, " numbers")));
  }
  return IntConst(at.Named(name), *values, {count / columns, columns},
                  dtype() == DType::kInt64 ? DType::kInt64 : wanted);
}

DType Ints::dtype() const {
  if (const auto* tensor = std::get_if<Output>(&value_)) {
    return tensor->empty() ? DType::kInt32 : tensor->dtype();
  }
  if (const auto* scalar = std::get_if<int64_t>(&value_)) {
    return FitsInt32(*scalar) ? DType::kInt32 : DType::kInt64;
  }
  const bool fits = list() == nullptr || std::all_of(list()->begin(), list()->end(), FitsInt32);
  return fits ? DType::kInt32 : DType::kInt64;
}

DType CommonDType(std::initializer_list<const Ints*> arguments) {
  DType common = DType::kInt32;
  for (const Ints* argument : arguments) {
    if (argument->is_tensor()) return argument->dtype();
    if (argument->dtype() == DType::kInt64) common = DType::kInt64;
  }
  return common;
}

}  // namespace sluice::ops
