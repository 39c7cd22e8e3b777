// What a shape function sees. The same function runs when a node is built (with whatever is known
// then) and when a plan is compiled (with concrete shapes).
#ifndef SLUICE_GRAPH_SHAPE_CONTEXT_H_
#define SLUICE_GRAPH_SHAPE_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"

namespace sluice {

class ShapeContext {
 public:
  // `values[i]` is the value of input i where it is known, else null; may be empty (nothing known).
  ShapeContext(const AttrMap& attrs, std::vector<TensorShape> inputs,
               std::vector<const Tensor*> values, std::vector<DType> input_dtypes,
               std::vector<DType> output_dtypes);

  int num_inputs() const { return static_cast<int>(inputs_.size()); }
  int num_outputs() const { return static_cast<int>(outputs_.size()); }
  const TensorShape& input(int i) const { return inputs_[i]; }
  DType input_dtype(int i) const { return input_dtypes_[i]; }
  DType output_dtype(int i) const { return output_dtypes_[i]; }
  // The value of input i when it is known now, else null.
  const Tensor* value(int i) const { return values_.empty() ? nullptr : values_[i]; }
  // What is known of the shape of the variable that input i, a resource or a reference, names.
  TensorShape variable_shape(int i) const;
  // The same for a resource whose value is not known yet; whoever made the context tells it.
  void set_variable_shape(int i, TensorShape shape);
  const AttrMap& attrs() const { return attrs_; }
  template <typename T>
  T attr(absl::string_view name) const {
    return GetAttr<T>(attrs_, name);
  }

  // Outputs are of unknown rank until set.
  void set_output(int i, TensorShape shape) { outputs_[i] = std::move(shape); }
  const TensorShape& output(int i) const { return outputs_[i]; }

  // Input i seen as a shape of that rank. InvalidArgument ~ "Shape must be rank 4 but is rank 3"
  // (TensorFlow's words).
  absl::StatusOr<TensorShape> WithRank(int i, int rank) const;
  absl::StatusOr<TensorShape> WithRankAtLeast(int i, int rank) const;
  // The shape that integer vector input i spells, -1 entries being unknown. Its rank alone when
  // only the vector's length is known. InvalidArgument for entries < -1 or a wrong dtype or rank.
  absl::StatusOr<TensorShape> ShapeFromValue(int i) const;

 private:
  const AttrMap& attrs_;
  std::vector<TensorShape> inputs_;
  std::vector<const Tensor*> values_;
  std::vector<DType> input_dtypes_, output_dtypes_;
  std::vector<TensorShape> outputs_;
  std::vector<TensorShape> variables_;  // of resource inputs; empty when none is known
};

using ShapeFn = std::function<absl::Status(ShapeContext&)>;

// numpy's broadcasting of two shapes. InvalidArgument ~ "Dimensions must be equal, but are 3 and 4"
// when they do not fit.
absl::StatusOr<TensorShape> BroadcastShapes(const TensorShape& a, const TensorShape& b);

// Shape functions that many ops share.
namespace shapes {
absl::Status SameAsInput(ShapeContext& c);      // every output has input 0's shape
absl::Status Scalar(ShapeContext& c);           // every output is a scalar
absl::Status Unknown(ShapeContext& c);          // nothing known before the kernel ran
absl::Status BroadcastBinary(ShapeContext& c);  // output 0 = inputs 0 and 1 broadcast
absl::Status NoOutputs(ShapeContext& c);
}  // namespace shapes

}  // namespace sluice

#endif  // SLUICE_GRAPH_SHAPE_CONTEXT_H_
