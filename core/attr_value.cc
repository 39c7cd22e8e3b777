#include "core/attr_value.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "glog/logging.h"

namespace sluice {
namespace {

template <typename T>
struct ListTraits {
  static constexpr bool is_list = false;
};
template <typename T>
struct ListTraits<std::vector<T>> {
  static constexpr bool is_list = true;
  using Element = T;
};

// OpDef's name of the kind that C++ type T holds.
template <typename T>
std::string KindOf() {
  if constexpr (ListTraits<T>::is_list) {
    return absl::StrCat("list(", KindOf<typename ListTraits<T>::Element>(), ")");
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return "";
  } else if constexpr (std::is_same_v<T, EmptyList>) {
    return "list()";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "string";
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return "int";
  } else if constexpr (std::is_same_v<T, float>) {
    return "float";
  } else if constexpr (std::is_same_v<T, bool>) {
    return "bool";
  } else if constexpr (std::is_same_v<T, DType>) {
    return "type";
  } else if constexpr (std::is_same_v<T, TensorShape>) {
    return "shape";
  } else if constexpr (std::is_same_v<T, Tensor>) {
    return "tensor";
  } else {
    static_assert(std::is_same_v<T, FuncRef>);
    return "func";
  }
}

std::string Text(std::monostate) { return "(none)"; }
std::string Text(const std::string& v) { return absl::StrCat("\"", Printable(v), "\""); }
std::string Text(int64_t v) { return absl::StrCat(v); }
std::string Text(float v) { return absl::StrCat(v); }
std::string Text(bool v) { return v ? "true" : "false"; }
std::string Text(DType v) { return DTypeName(v); }
std::string Text(const TensorShape& v) { return v.ToString(); }
std::string Text(const Tensor& v) { return v.DebugString(); }
std::string Text(const FuncRef& v) { return Printable(v.name); }
std::string Text(EmptyList) { return "[]"; }
template <typename T>
std::string Text(const std::vector<T>& list) {
  constexpr size_t kMaxShown = 20;
  std::string text = "[";
  for (size_t i = 0; i < list.size() && i < kMaxShown; ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "", Text(static_cast<const T&>(list[i])));
  }
  return absl::StrCat(text, list.size() > kMaxShown ? ", ...]" : "]");
}

bool Same(std::monostate, std::monostate) { return true; }
bool Same(EmptyList, EmptyList) { return true; }
bool Same(const std::string& a, const std::string& b) { return a == b; }
bool Same(int64_t a, int64_t b) { return a == b; }
bool Same(bool a, bool b) { return a == b; }
bool Same(DType a, DType b) { return a == b; }
bool Same(const TensorShape& a, const TensorShape& b) { return a == b; }
bool Same(const Tensor& a, const Tensor& b) { return BitEqual(a, b); }
bool Same(float a, float b) { return std::memcmp(&a, &b, sizeof(float)) == 0; }
bool Same(const FuncRef& a, const FuncRef& b) {
  static const AttrMap& none = *new AttrMap;
  return a.name == b.name && (a.attrs ? *a.attrs : none) == (b.attrs ? *b.attrs : none);
}
template <typename T>
bool Same(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!Same(static_cast<const T&>(a[i]), static_cast<const T&>(b[i]))) return false;
  }
  return true;
}

}  // namespace

std::string AttrValue::KindName() const {
  return std::visit([](const auto& v) { return KindOf<std::decay_t<decltype(v)>>(); }, value_);
}

std::string AttrValue::ToString() const {
  return std::visit([](const auto& v) { return Text(v); }, value_);
}

bool operator==(const AttrValue& a, const AttrValue& b) {
  if (a.value_.index() != b.value_.index()) return false;
  return std::visit(
      [&](const auto& v) { return Same(v, std::get<std::decay_t<decltype(v)>>(b.value_)); },
      a.value_);
}

const AttrValue* FindAttr(const AttrMap& attrs, absl::string_view name) {
  const auto found = attrs.find(name);
  return found == attrs.end() ? nullptr : &found->second;
}

template <typename T>
T GetAttr(const AttrMap& attrs, absl::string_view name) {
  const AttrValue* value = FindAttr(attrs, name);
  CHECK(value != nullptr) << "no attr " << name;
  const T* held = value->get_if<T>();
  if constexpr (ListTraits<T>::is_list) {
    if (held == nullptr && value->get_if<EmptyList>() != nullptr) return T();
  }
  CHECK(held != nullptr) << "attr " << name << " is " << value->KindName() << ", read as "
                         << KindOf<T>();
  return *held;
}

template std::string GetAttr<std::string>(const AttrMap&, absl::string_view);
template int64_t GetAttr<int64_t>(const AttrMap&, absl::string_view);
template float GetAttr<float>(const AttrMap&, absl::string_view);
template bool GetAttr<bool>(const AttrMap&, absl::string_view);
template DType GetAttr<DType>(const AttrMap&, absl::string_view);
template TensorShape GetAttr<TensorShape>(const AttrMap&, absl::string_view);
template Tensor GetAttr<Tensor>(const AttrMap&, absl::string_view);
template FuncRef GetAttr<FuncRef>(const AttrMap&, absl::string_view);
template std::vector<std::string> GetAttr<std::vector<std::string>>(const AttrMap&,
                                                                    absl::string_view);
template std::vector<int64_t> GetAttr<std::vector<int64_t>>(const AttrMap&, absl::string_view);
template std::vector<float> GetAttr<std::vector<float>>(const AttrMap&, absl::string_view);
template std::vector<bool> GetAttr<std::vector<bool>>(const AttrMap&, absl::string_view);
template std::vector<DType> GetAttr<std::vector<DType>>(const AttrMap&, absl::string_view);
template std::vector<TensorShape> GetAttr<std::vector<TensorShape>>(const AttrMap&,
                                                                    absl::string_view);
template std::vector<Tensor> GetAttr<std::vector<Tensor>>(const AttrMap&, absl::string_view);
template std::vector<FuncRef> GetAttr<std::vector<FuncRef>>(const AttrMap&, absl::string_view);

}  // namespace sluice
