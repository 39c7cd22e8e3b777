// Const: a tensor that is part of the graph. And Ints: integer arguments of other builders, given
// as numbers or as a tensor.
#ifndef SLUICE_OPS_CONST_H_
#define SLUICE_OPS_CONST_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/tensor.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// Node "Const" with attrs value and dtype. The node shares the elements of `value`: do not write to
// them afterwards.
Output Const(At at, const Tensor& value);

// Scalars. The literal decides the dtype: 1.0f is float32, 1.0 float64, 1 int32, int64_t{1} int64,
// true bool, "a" string.
Output Const(At at, float value);
Output Const(At at, double value);
Output Const(At at, int32_t value);
Output Const(At at, int64_t value);
Output Const(At at, bool value);
Output Const(At at, const char* value);
Output Const(At at, const std::string& value);

// Const<float>(s, {1, 2, 3, 4}, {2, 2}). One value fills the shape. InvalidArgument (kept on the
// graph) for any other number of values than the shape has elements.
template <typename T>
Output Const(At at, absl::Span<const T> values, const TensorShape& shape);
template <typename T>
Output Const(At at, std::initializer_list<T> values, const TensorShape& shape) {
  return Const<T>(at, absl::Span<const T>(values.begin(), values.size()), shape);
}
template <typename T>
Output Const(At at, const std::vector<T>& values, const TensorShape& shape) {
  return Const<T>(at, absl::Span<const T>(values), shape);
}
// A vector: Const(s, {1, 2, 3}).
template <typename T>
Output Const(At at, std::initializer_list<T> values) {
  return Const<T>(at, values, {static_cast<int64_t>(values.size())});
}
template <typename T>
Output Const(At at, const std::vector<T>& values) {
  return Const<T>(at, values, {static_cast<int64_t>(values.size())});
}

// The scalar `value` as `dtype` (tf.constant(value, dtype)): any number type or bool, integers
// truncated; 0 is also "". InvalidArgument for values that an integer type cannot hold,
// Unimplemented for other dtypes.
Output ConstOf(At at, DType dtype, double value);
absl::StatusOr<Tensor> ScalarOf(DType dtype, double value);

// Integers for a builder's argument (a shape, a permutation, an axis ...): numbers, which become a
// Const "<op>/<argument>" as in TensorFlow's Python, or a tensor.
//   ops::Reshape(s, x, {-1, 10});   ops::Reshape(s, x, ops::Shape(s, y));   ops::ConcatV2(s, {a,
//   b}, -1);
// A bare number is a scalar, a list in braces a vector.
class Ints {
 public:
  Ints(Output tensor) : value_(std::move(tensor)) {}  // NOLINT: implicit
  Ints(int value) : value_(int64_t{value}) {}         // NOLINT
  Ints(int64_t value) : value_(value) {}              // NOLINT
  Ints(std::initializer_list<int64_t> values) : value_(std::vector<int64_t>(values)) {}  // NOLINT
  Ints(std::vector<int64_t> values) : value_(std::move(values)) {}                       // NOLINT
  Ints(const std::vector<int>& values)                                                   // NOLINT
      : value_(std::vector<int64_t>(values.begin(), values.end())) {}
  Ints(const TensorShape&
           shape) {  // NOLINT: -1 for unknown dimensions. An unknown rank fails in Tensor().
    if (shape.rank_known()) value_ = std::vector<int64_t>(shape.dims().begin(), shape.dims().end());
  }

  // The tensor, or a new Const called `name` (int32 unless `dtype` says int64). A number that int32
  // cannot hold: int64.
  Output Tensor(At at, absl::string_view name, DType dtype = DType::kInt32) const;

  // The numbers as a matrix of `columns` columns: paddings.
  Output Matrix(At at, absl::string_view name, int64_t columns, DType dtype = DType::kInt32) const;

  // The tensor's dtype; kInt64 for numbers that int32 cannot hold, else kInt32. For arguments that
  // must share a dtype.
  DType dtype() const;
  bool is_tensor() const { return std::holds_alternative<Output>(value_); }
  // The number, when it was given as one; the numbers, when they were given as a list; else null.
  const int64_t* number() const { return std::get_if<int64_t>(&value_); }
  const std::vector<int64_t>* list() const { return std::get_if<std::vector<int64_t>>(&value_); }

 private:
  std::variant<std::monostate, Output, int64_t, std::vector<int64_t>> value_;
};

// The dtype that all of `arguments` can take: a tensor's if there is one, else int64 where a number
// needs it, else int32.
DType CommonDType(std::initializer_list<const Ints*> arguments);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CONST_H_
