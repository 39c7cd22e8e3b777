#include "tests/testing/registry/op_trial.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/storage_type.h"
#include "glog/logging.h"

namespace sluice {
namespace {

constexpr DType kQuantized[] = {DType::kQint8, DType::kQuint8, DType::kQint32, DType::kQint16,
                                DType::kQuint16};

template <typename T>
void StoreAs(long double value, T* to) {
  if constexpr (std::is_same_v<T, bool>) {
    *to = value != 0;
  } else if constexpr (std::is_integral_v<T>) {
    const long double low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
    *to = std::isnan(value) ? T{0} : static_cast<T>(std::clamp(value, low, high));
  } else if constexpr (std::is_same_v<T, std::string>) {
    *to = absl::StrCat(static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    *to = T(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    *to = static_cast<T>(value);
  } else {
    *to = T(static_cast<typename T::value_type>(value), 0);
  }
}

template <typename T>
long double LoadAs(const T& from) {
  if constexpr (std::is_same_v<T, std::string>) {
    double value;
    return absl::SimpleAtod(from, &value) ? value : static_cast<double>(from.size());
  } else if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<long double>(from);
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return static_cast<float>(from);
  } else {
    return from.real();
  }
}

template <typename F>
void WithType(DType dtype, F&& f) {
  const absl::Status status =
      Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
               uint64_t, bool, Half, BFloat16, std::string, std::complex<float>,
               std::complex<double>>(StorageType(dtype), [&](auto tag) {
        f(tag);
        return absl::OkStatus();
      });
  CHECK_EQ(status, absl::OkStatus());
}

std::vector<long double> Load(const Tensor& from) {
  std::vector<long double> values;
  WithType(from.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* data = static_cast<const T*>(from.raw());
    for (int64_t i = 0; i < from.num_elements(); ++i) values.push_back(LoadAs(data[i]));
  });
  return values;
}

Tensor Converted(const Tensor& from, DType dtype) {
  if (from.dtype() == dtype || SizeOf(dtype) == 0 || dtype == DType::kResource) return from;
  return MakeTensor(dtype, from.shape(), Load(from));
}

// The type attribute that says what an argument holds, also a resource; "" if none.
std::string TypeAttrOf(const OpSpec& spec, const ArgSpec& arg) {
  if (!arg.type_attr.empty()) return arg.type_attr;
  if (arg.type == DType::kResource) {
    for (const char* name : {"T", "dtype"})
      if (spec.FindAttr(name)) return name;
  }
  return arg.type_list_attr;
}

}  // namespace

std::vector<const ArgSpec*> FlatArgs(const std::vector<ArgSpec>& args, const AttrMap& attrs) {
  std::vector<const ArgSpec*> flat;
  for (const ArgSpec& arg : args) {
    int64_t count = 1;
    if (!arg.number_attr.empty()) count = GetAttr<int64_t>(attrs, arg.number_attr);
    if (!arg.type_list_attr.empty())
      count = static_cast<int64_t>(GetAttr<std::vector<DType>>(attrs, arg.type_list_attr).size());
    for (int64_t i = 0; i < count && i < 100; ++i) flat.push_back(&arg);
  }
  return flat;
}

Tensor MakeTensor(DType dtype, const TensorShape& shape, const std::vector<long double>& values) {
  Tensor tensor = Tensor::Zeros(dtype, shape);
  WithType(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* data = static_cast<T*>(tensor.mutable_raw());
    for (int64_t i = 0; i < tensor.num_elements(); ++i) StoreAs(values[i], &data[i]);
  });
  return tensor;
}

std::string OpTrial::ToString() const {
  std::string text = "attrs {";
  for (const auto& [name, value] : attrs) absl::StrAppend(&text, name, "=", value.ToString(), " ");
  absl::StrAppend(&text, "} inputs");
  for (const Tensor& t : inputs) absl::StrAppend(&text, " ", t.DebugString(24), ";");
  return text;
}

const std::vector<DType>& TrialDTypes() {
  static const auto& types = *new std::vector<DType>{
      DType::kFloat,      DType::kDouble,   DType::kInt32,  DType::kInt64,  DType::kHalf,
      DType::kBool,       DType::kBfloat16, DType::kInt8,   DType::kInt16,  DType::kUint8,
      DType::kUint16,     DType::kUint32,   DType::kUint64, DType::kString, DType::kComplex64,
      DType::kComplex128, DType::kQint8,    DType::kQuint8, DType::kQint32, DType::kQint16,
      DType::kQuint16};
  return types;
}

std::vector<DType> TrialDTypes(const AttrSpec& attr) {
  std::vector<DType> types;
  for (DType d : TrialDTypes()) {
    const auto& allowed = attr.allowed_types;
    const bool listed = std::find(allowed.begin(), allowed.end(), d) != allowed.end();
    if (allowed.empty() || listed) types.push_back(d);
  }
  return types;
}

bool IsMissing(const OpSpec& spec, const std::string& attr, DType dtype) {
  for (const MissingKernel& missing : spec.missing_kernels()) {
    const auto& types = missing.types;
    if (missing.attr == attr && std::find(types.begin(), types.end(), dtype) != types.end())
      return true;
  }
  return false;
}

bool UsesMissing(const OpSpec& spec, const AttrMap& attrs) {
  for (const auto& [name, value] : attrs) {
    if (const DType* d = value.get_if<DType>(); d && IsMissing(spec, name, *d)) return true;
    if (const auto* list = value.get_if<std::vector<DType>>()) {
      for (DType d : *list)
        if (IsMissing(spec, name, d)) return true;
    }
  }
  return false;
}

bool CanTry(const OpSpec& spec) {
  if (spec.flow() != ControlFlow::kNone || spec.must_be_fed()) return false;
  if (!spec.prepare() && spec.aliases().empty()) return false;
  for (const ArgSpec& arg : spec.inputs()) {
    if (arg.type == DType::kVariant) return false;
    if (!arg.type_attr.empty() && TrialDTypes(*spec.FindAttr(arg.type_attr)).empty()) return false;
  }
  for (const ArgSpec& arg : spec.outputs())
    if (arg.type == DType::kResource || arg.type == DType::kVariant) return false;
  for (const AttrSpec& attr : spec.attrs())
    if (attr.type == "func" || attr.type == "list(func)") return false;
  return true;
}

bool TakesVariables(const OpSpec& spec) {
  return std::any_of(spec.inputs().begin(), spec.inputs().end(), IsVariable);
}

absl::StatusOr<std::vector<DType>> InputValueTypes(const OpSpec& spec, const AttrMap& attrs) {
  absl::StatusOr<std::vector<DType>> types = ArgTypes(spec.inputs(), attrs);
  if (!types.ok()) return types;
  const std::vector<const ArgSpec*> args = FlatArgs(spec.inputs(), attrs);
  for (size_t i = 0; i < args.size() && i < types->size(); ++i) {
    DType& type = (*types)[i];
    type = BaseType(type);
    if (type != DType::kResource) continue;
    const AttrValue* attr = FindAttr(attrs, TypeAttrOf(spec, *args[i]));
    const DType* named = attr ? attr->get_if<DType>() : nullptr;
    type = named && SizeOf(*named) > 0 && *named != DType::kResource ? *named : DType::kFloat;
  }
  return types;
}

OpTrial Retyped(const OpSpec& spec, const OpTrial& trial, const std::string& attr, DType dtype) {
  OpTrial result = trial;
  AttrValue& value = result.attrs[attr];
  DType before = DType::kInvalid;
  if (const auto* list = value.get_if<std::vector<DType>>()) {
    value = std::vector<DType>(std::max<size_t>(list->size(), 1), dtype);
    if (list->empty()) value = std::vector<DType>{};
  } else if (const DType* d = value.get_if<DType>()) {
    before = *d;
    value = dtype;
  }
  const std::vector<const ArgSpec*> args = FlatArgs(spec.inputs(), trial.attrs);
  for (size_t i = 0; i < args.size() && i < result.inputs.size(); ++i) {
    if (TypeAttrOf(spec, *args[i]) == attr) result.inputs[i] = Converted(result.inputs[i], dtype);
  }
  for (auto& [name, other] : result.attrs) {
    const Tensor* tensor = other.get_if<Tensor>();
    if (tensor && tensor->dtype() == before) other = Converted(*tensor, dtype);
  }
  return result;
}

}  // namespace sluice
