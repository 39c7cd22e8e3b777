#include "graph/output.h"

#include "core/status.h"
#include "graph/at.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/scope_state.h"

namespace sluice {

Outputs Node::inputs() const {
  Outputs all;
  for (int i = 0; i < num_inputs(); ++i) all.push_back(input(i));
  return all;
}

Graph* Output::graph() const { return node_ ? &node_->graph() : nullptr; }

std::string Output::name() const {
  if (empty()) return "<empty>";
  return is_operation() ? node_->name() : absl::StrCat(node_->name(), ":", index_);
}

DType Output::dtype() const {
  return empty() || is_operation() ? DType::kInvalid : node_->output_dtype(index_);
}

const TensorShape& Output::shape() const {
  static const TensorShape* const unknown = new TensorShape(TensorShape::Unknown());
  return empty() || is_operation() ? *unknown : node_->output_shape(index_);
}

Scope Output::scope() const { return scope_ ? Scope(scope_) : Scope::Root(node_->graph()); }

namespace {

// The place of an operator: the scope of `tensor`, the line that built it.
At PlaceOf(const Output& tensor) { return At(tensor.scope(), "", 0); }

Output Binary(const Output& x, const Output& y, const char* op, const char* name) {
  if (x.empty() || y.empty()) return {};
  return PlaceOf(x).Named(name).Node(op, {x, y});
}

// `value` as a Const of the dtype of `like`, inside the name scope of the operation that it belongs
// to.
Output Constant(At at, const Output& like, double value, const char* name) {
  const DType dtype = BaseType(like.dtype());
  return at.Named(name).Node("Const", {},
                             {{"value", NumberTensor(dtype, value)}, {"dtype", dtype}});
}

Output BinaryWithNumber(const Output& x, double y, bool number_first, const char* op,
                        const char* name) {
  if (x.empty()) return {};
  if (!IsNumeric(BaseType(x.dtype()))) {
    return PlaceOf(x).Fail(
        name, absl::InvalidArgumentError(
                  absl::StrCat("arithmetic needs a numeric tensor, got ", DTypeName(x.dtype()))));
  }
  const At inside = PlaceOf(x).Sub(name);
  const Output constant = Constant(inside, x, y, number_first ? "x" : "y");
  const Outputs inputs = number_first ? Outputs{constant, x} : Outputs{x, constant};
  const Output result = inside.AsScope().Node(op, inputs);
  // The result lies beside the tensor, not inside the operator's own scope.
  return result.empty() ? result : Output(result.node(), result.index(), x.scope().state());
}

}  // namespace

Tensor NumberTensor(DType dtype, double value) {
  Tensor t = Tensor::Zeros(dtype, {});
  const absl::Status filled = Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t,
                                       uint16_t, uint32_t, uint64_t>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    t.mutable_flat<T>()[0] = static_cast<T>(value);
    return absl::OkStatus();
  });
  if (filled.ok()) return t;
  (void)Dispatch<Half, BFloat16>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    t.mutable_flat<T>()[0] = T(static_cast<float>(value));
    return absl::OkStatus();
  });
  (void)Dispatch<std::complex<float>, std::complex<double>>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    t.mutable_flat<T>()[0] = T(value);
    return absl::OkStatus();
  });
  return t;
}

Output operator+(const Output& x, const Output& y) { return Binary(x, y, "AddV2", "add"); }
Output operator-(const Output& x, const Output& y) { return Binary(x, y, "Sub", "sub"); }
Output operator*(const Output& x, const Output& y) { return Binary(x, y, "Mul", "mul"); }
Output operator/(const Output& x, const Output& y) { return Binary(x, y, "RealDiv", "truediv"); }
Output operator+(const Output& x, double y) {
  return BinaryWithNumber(x, y, false, "AddV2", "add");
}
Output operator-(const Output& x, double y) { return BinaryWithNumber(x, y, false, "Sub", "sub"); }
Output operator*(const Output& x, double y) { return BinaryWithNumber(x, y, false, "Mul", "mul"); }
Output operator/(const Output& x, double y) {
  return BinaryWithNumber(x, y, false, "RealDiv", "truediv");
}
Output operator+(double x, const Output& y) { return BinaryWithNumber(y, x, true, "AddV2", "add"); }
Output operator-(double x, const Output& y) { return BinaryWithNumber(y, x, true, "Sub", "sub"); }
Output operator*(double x, const Output& y) { return BinaryWithNumber(y, x, true, "Mul", "mul"); }
Output operator/(double x, const Output& y) {
  return BinaryWithNumber(y, x, true, "RealDiv", "truediv");
}
Output operator-(const Output& x) { return x.empty() ? Output() : PlaceOf(x).Node("Neg", {x}); }

}  // namespace sluice
