// The half of graph/tensor_proto.h that is about attributes.
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

// Functions as attributes of functions as attributes ... in one message.
constexpr int kMaxFunctionDepth = 32;

// --- to a message ---

absl::Status WriteFunction(const FuncRef& in, proto::NameAttrList* out) {
  out->set_name(in.name);
  if (in.attrs == nullptr) return absl::OkStatus();
  for (const auto& [name, value] : *in.attrs) {
    SLUICE_RETURN_IF_ERROR(Annotate(ToProto(value, &(*out->mutable_attr())[name]),
                                    absl::StrCat("attr '", Printable(name), "'")));
  }
  return absl::OkStatus();
}

// Sets the member of AttrValue, or adds to the list of ListValue, that the argument's type belongs
// to.
struct Writer {
  proto::AttrValue* out;

  absl::Status operator()(std::monostate) const { return absl::OkStatus(); }
  absl::Status operator()(EmptyList) const { return out->mutable_list(), absl::OkStatus(); }
  absl::Status operator()(const std::string& v) const { return out->set_s(v), absl::OkStatus(); }
  absl::Status operator()(int64_t v) const { return out->set_i(v), absl::OkStatus(); }
  absl::Status operator()(float v) const { return out->set_f(v), absl::OkStatus(); }
  absl::Status operator()(bool v) const { return out->set_b(v), absl::OkStatus(); }
  absl::Status operator()(DType v) const {
    return out->set_type(static_cast<proto::DataType>(v)), absl::OkStatus();
  }
  absl::Status operator()(const TensorShape& v) const {
    return ToProto(v, out->mutable_shape()), absl::OkStatus();
  }
  absl::Status operator()(const Tensor& v) const { return ToProto(v, out->mutable_tensor()); }
  absl::Status operator()(const FuncRef& v) const { return WriteFunction(v, out->mutable_func()); }

  template <typename T>
  absl::Status operator()(const std::vector<T>& values) const {
    auto* list = out->mutable_list();
    for (const T& v : values) SLUICE_RETURN_IF_ERROR(Add(v, list));
    return absl::OkStatus();
  }

  using List = proto::AttrValue::ListValue;
  static absl::Status Add(const std::string& v, List* l) { return l->add_s(v), absl::OkStatus(); }
  static absl::Status Add(int64_t v, List* l) { return l->add_i(v), absl::OkStatus(); }
  static absl::Status Add(float v, List* l) { return l->add_f(v), absl::OkStatus(); }
  static absl::Status Add(bool v, List* l) { return l->add_b(v), absl::OkStatus(); }
  static absl::Status Add(DType v, List* l) {
    return l->add_type(static_cast<proto::DataType>(v)), absl::OkStatus();
  }
  static absl::Status Add(const TensorShape& v, List* l) {
    return ToProto(v, l->add_shape()), absl::OkStatus();
  }
  static absl::Status Add(const Tensor& v, List* l) { return ToProto(v, l->add_tensor()); }
  static absl::Status Add(const FuncRef& v, List* l) { return WriteFunction(v, l->add_func()); }
};

// --- from a message ---

absl::StatusOr<AttrValue> Read(const proto::AttrValue& in,
                               const std::shared_ptr<MemoryBudget>& budget, int depth);

absl::StatusOr<DType> ReadDType(int number) {
  if (IsWireDType(number)) return static_cast<DType>(number);
  return absl::InvalidArgumentError(absl::StrCat("no dtype has the number ", number));
}

absl::StatusOr<FuncRef> ReadFunction(const proto::NameAttrList& in,
                                     const std::shared_ptr<MemoryBudget>& budget, int depth) {
  if (depth >= kMaxFunctionDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("functions must not nest deeper than ", kMaxFunctionDepth, " in attributes"));
  }
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(in));
  auto attrs = std::make_shared<AttrMap>();
  for (const auto& [name, value] : in.attr()) {
    auto read = Read(value, budget, depth + 1);
    if (!read.ok()) {
      return Annotate(read.status(), absl::StrCat("attr '", Printable(name), "' of function '",
                                                  Printable(in.name()), "'"));
    }
    attrs->emplace(name, *std::move(read));
  }
  return FuncRef{in.name(), std::move(attrs)};
}

// Elements of a list that `read` makes from messages or numbers.
template <typename T, typename List, typename F>
absl::StatusOr<AttrValue> ReadList(const List& in, const F& read) {
  std::vector<T> values;
  values.reserve(in.size());
  for (const auto& element : in) {
    SLUICE_ASSIGN_OR_RETURN(T value, read(element));
    values.push_back(std::move(value));
  }
  return AttrValue(std::move(values));
}

absl::StatusOr<AttrValue> ReadList(const proto::AttrValue::ListValue& in,
                                   const std::shared_ptr<MemoryBudget>& budget, int depth) {
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(in));
  const int kinds = (in.s_size() > 0) + (in.i_size() > 0) + (in.f_size() > 0) + (in.b_size() > 0) +
                    (in.type_size() > 0) + (in.shape_size() > 0) + (in.tensor_size() > 0) +
                    (in.func_size() > 0);
  if (kinds > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a list must hold values of one kind, got ", kinds, " kinds"));
  }
  if (in.s_size() > 0) return AttrValue(std::vector<std::string>(in.s().begin(), in.s().end()));
  if (in.i_size() > 0) return AttrValue(std::vector<int64_t>(in.i().begin(), in.i().end()));
  if (in.f_size() > 0) return AttrValue(std::vector<float>(in.f().begin(), in.f().end()));
  if (in.b_size() > 0) return AttrValue(std::vector<bool>(in.b().begin(), in.b().end()));
  if (in.type_size() > 0) return ReadList<DType>(in.type(), ReadDType);
  if (in.shape_size() > 0) return ReadList<TensorShape>(in.shape(), ShapeFromProto);
  if (in.tensor_size() > 0) {
    return ReadList<Tensor>(in.tensor(), [&](const proto::TensorProto& tensor) {
      return TensorFromProto(tensor, budget);
    });
  }
  if (in.func_size() > 0) {
    return ReadList<FuncRef>(in.func(), [&](const proto::NameAttrList& function) {
      return ReadFunction(function, budget, depth);
    });
  }
  return AttrValue(EmptyList{});
}

absl::StatusOr<AttrValue> Read(const proto::AttrValue& in,
                               const std::shared_ptr<MemoryBudget>& budget, int depth) {
  SLUICE_RETURN_IF_ERROR(CheckWireTypes(in));
  switch (in.value_case()) {
    case proto::AttrValue::kS:
      return AttrValue(in.s());
    case proto::AttrValue::kI:
      return AttrValue(int64_t{in.i()});
    case proto::AttrValue::kF:
      return AttrValue(in.f());
    case proto::AttrValue::kB:
      return AttrValue(in.b());
    case proto::AttrValue::kType: {
      SLUICE_ASSIGN_OR_RETURN(const DType dtype, ReadDType(in.type()));
      return AttrValue(dtype);
    }
    case proto::AttrValue::kShape: {
      SLUICE_ASSIGN_OR_RETURN(TensorShape shape, ShapeFromProto(in.shape()));
      return AttrValue(std::move(shape));
    }
    case proto::AttrValue::kTensor: {
      SLUICE_ASSIGN_OR_RETURN(Tensor tensor, TensorFromProto(in.tensor(), budget));
      return AttrValue(std::move(tensor));
    }
    case proto::AttrValue::kFunc: {
      SLUICE_ASSIGN_OR_RETURN(FuncRef function, ReadFunction(in.func(), budget, depth));
      return AttrValue(std::move(function));
    }
    case proto::AttrValue::kList:
      return ReadList(in.list(), budget, depth);
    case proto::AttrValue::kPlaceholder:
      return absl::InvalidArgumentError(
          absl::StrCat("stands for the attr '", Printable(in.placeholder()),
                       "' of a function: possible in a function body only"));
    case proto::AttrValue::VALUE_NOT_SET:
      break;
  }
  return AttrValue();
}

}  // namespace

absl::Status ToProto(const AttrValue& value, proto::AttrValue* out) {
  out->Clear();
  return std::visit(Writer{out}, value.value());
}

bool WritesSame(const AttrValue& a, const AttrValue& b) {
  proto::AttrValue messages[2];
  if (!ToProto(a, &messages[0]).ok() || !ToProto(b, &messages[1]).ok()) return false;
  const auto first = SerializeMessage(messages[0]);
  const auto second = SerializeMessage(messages[1]);
  return first.ok() && second.ok() && *first == *second;
}

absl::StatusOr<AttrValue> AttrFromProto(const proto::AttrValue& in,
                                        const std::shared_ptr<MemoryBudget>& budget) {
  return Read(in, budget, 0);
}

}  // namespace sluice
