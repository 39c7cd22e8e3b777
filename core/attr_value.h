// Attributes of nodes: the values of TensorFlow's AttrValue.
#ifndef SLUICE_CORE_ATTR_VALUE_H_
#define SLUICE_CORE_ATTR_VALUE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/dtype.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"

namespace sluice {

class AttrValue;
// Ordered by name, so that everything written from it is reproducible. Looked up with
// absl::string_view.
struct AttrNameLess {
  using is_transparent = void;
  bool operator()(absl::string_view a, absl::string_view b) const { return a < b; }
};
using AttrMap = std::map<std::string, AttrValue, AttrNameLess>;

// A function by name with its attributes (TensorFlow's NameAttrList).
struct FuncRef {
  std::string name;
  std::shared_ptr<const AttrMap> attrs;  // may be null: none
};

// An empty list has no element type in a file (AttrValue.list {}): it is held as EmptyList and
// accepted as any list.
struct EmptyList {};

// One value. Constructors are implicit so that {"strides", {1, 2, 2, 1}} and {"padding", "SAME"}
// read well.
class AttrValue {
 public:
  using Value =
      std::variant<std::monostate, std::string, int64_t, float, bool, DType, TensorShape, Tensor,
                   FuncRef, EmptyList, std::vector<std::string>, std::vector<int64_t>,
                   std::vector<float>, std::vector<bool>, std::vector<DType>,
                   std::vector<TensorShape>, std::vector<Tensor>, std::vector<FuncRef>>;
  AttrValue() = default;
  AttrValue(const char* s) : value_(std::string(s)) {}
  AttrValue(std::string s) : value_(std::move(s)) {}
  AttrValue(absl::string_view s) : value_(std::string(s)) {}
  AttrValue(int i) : value_(int64_t{i}) {}
  AttrValue(int64_t i) : value_(i) {}
  AttrValue(float f) : value_(f) {}
  AttrValue(bool b) : value_(b) {}
  AttrValue(DType t) : value_(t) {}
  AttrValue(TensorShape s) : value_(std::move(s)) {}
  AttrValue(Tensor t) : value_(std::move(t)) {}
  AttrValue(FuncRef f) : value_(std::move(f)) {}
  AttrValue(EmptyList e) : value_(e) {}
  AttrValue(std::vector<std::string> v) : value_(std::move(v)) {}
  AttrValue(std::vector<int64_t> v) : value_(std::move(v)) {}
  AttrValue(std::vector<float> v) : value_(std::move(v)) {}
  AttrValue(std::vector<bool> v) : value_(std::move(v)) {}
  AttrValue(std::vector<DType> v) : value_(std::move(v)) {}
  AttrValue(std::vector<TensorShape> v) : value_(std::move(v)) {}
  AttrValue(std::vector<Tensor> v) : value_(std::move(v)) {}
  AttrValue(std::vector<FuncRef> v) : value_(std::move(v)) {}

  const Value& value() const { return value_; }
  bool has_value() const { return !std::holds_alternative<std::monostate>(value_); }
  template <typename T>
  const T* get_if() const {
    return std::get_if<T>(&value_);
  }
  // OpDef's name of the kind held: "string", "int", "list(int)", "list()" for an empty list, "" for
  // none.
  std::string KindName() const;
  // Short text for messages: 3, "SAME", [1, 2], float32.
  std::string ToString() const;
  // Deep equality; floats compare by bits, tensors by dtype, shape and bits.
  friend bool operator==(const AttrValue& a, const AttrValue& b);

 private:
  Value value_;
};

// Typed look-ups over an AttrMap whose node passed its schema check: the attr is there and of that
// type, so a mismatch is our own bug (CHECK). Lists accept EmptyList. FindAttr is for attrs that
// may be absent (null).
const AttrValue* FindAttr(const AttrMap& attrs, absl::string_view name);
template <typename T>
T GetAttr(const AttrMap& attrs, absl::string_view name);  // all alternatives of Value but EmptyList

}  // namespace sluice

#endif  // SLUICE_CORE_ATTR_VALUE_H_
