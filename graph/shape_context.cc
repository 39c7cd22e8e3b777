#include "graph/shape_context.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "core/variable_resource.h"
#include "glog/logging.h"

namespace sluice {

ShapeContext::ShapeContext(const AttrMap& attrs, std::vector<TensorShape> inputs,
                           std::vector<const Tensor*> values, std::vector<DType> input_dtypes,
                           std::vector<DType> output_dtypes)
    : attrs_(attrs),
      inputs_(std::move(inputs)),
      values_(std::move(values)),
      input_dtypes_(std::move(input_dtypes)),
      output_dtypes_(std::move(output_dtypes)),
      outputs_(output_dtypes_.size(), TensorShape::Unknown()) {
  CHECK(values_.empty() || values_.size() == inputs_.size());
}

TensorShape ShapeContext::variable_shape(int i) const {
  const Tensor* handle = value(i);
  if (handle != nullptr && handle->dtype() == DType::kResource && handle->num_elements() == 1) {
    const auto* variable =
        dynamic_cast<const VariableResource*>(handle->scalar<ResourceRef>().get());
    return variable != nullptr ? variable->shape() : TensorShape::Unknown();
  }
  if (input_dtypes_[i] != DType::kResource) return inputs_[i];  // a reference
  return variables_.empty() ? TensorShape::Unknown() : variables_[i];
}

void ShapeContext::set_variable_shape(int i, TensorShape shape) {
  if (variables_.empty()) variables_.assign(inputs_.size(), TensorShape::Unknown());
  variables_[i] = std::move(shape);
}

absl::StatusOr<TensorShape> ShapeContext::WithRank(int i, int rank) const {
  const TensorShape& shape = inputs_[i];
  if (!shape.rank_known()) return TensorShape::OfRank(rank);
  if (shape.rank() == rank) return shape;
  return absl::InvalidArgumentError(absl::StrCat("Shape must be rank ", rank, " but is rank ",
                                                 shape.rank(), ": input ", i, " has shape ",
                                                 shape.ToString()));
}

absl::StatusOr<TensorShape> ShapeContext::WithRankAtLeast(int i, int rank) const {
  const TensorShape& shape = inputs_[i];
  if (!shape.rank_known() || shape.rank() >= rank) return shape;
  return absl::InvalidArgumentError(absl::StrCat("Shape must be at least rank ", rank,
                                                 " but is rank ", shape.rank(), ": input ", i,
                                                 " has shape ", shape.ToString()));
}

absl::StatusOr<TensorShape> ShapeContext::ShapeFromValue(int i) const {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape vector, WithRank(i, 1));
  const Tensor* known = value(i);
  if (known == nullptr) {
    if (vector.dim(0) < 0) return TensorShape::Unknown();
    if (vector.dim(0) > kMaxRank) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a shape of rank ", vector.dim(0), " has too many dimensions, the limit is ", kMaxRank));
    }
    return TensorShape::OfRank(static_cast<int>(vector.dim(0)));
  }
  SLUICE_ASSIGN_OR_RETURN(const std::vector<int64_t> dims, known->ToInt64s());
  for (int64_t d : dims) {
    if (d < -1) {
      return absl::InvalidArgumentError(
          absl::StrCat("dimension ", d, " in a shape must be >= -1: input ", i));
    }
  }
  TensorShape shape{absl::Span<const int64_t>(dims)};
  SLUICE_RETURN_IF_ERROR(shape.Check());
  return shape;
}

absl::StatusOr<TensorShape> BroadcastShapes(const TensorShape& a, const TensorShape& b) {
  if (!a.rank_known() || !b.rank_known()) return TensorShape::Unknown();
  const int rank = std::max(a.rank(), b.rank());
  TensorShape out = TensorShape::OfRank(rank);
  for (int i = 1; i <= rank; ++i) {
    const int64_t x = i <= a.rank() ? a.dim(-i) : 1;
    const int64_t y = i <= b.rank() ? b.dim(-i) : 1;
    int64_t d = -1;
    if (x == 1) {
      d = y;
    } else if (y == 1 || x == y) {
      d = x;
    } else if (x < 0 || y < 0) {
      d = std::max(x, y);  // the known one is > 1 or 0, so the other must be it or 1
    } else {
      return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but are ", x,
                                                     " and ", y, ": incompatible shapes ",
                                                     a.ToString(), " and ", b.ToString()));
    }
    out.set_dim(rank - i, d);
  }
  return out;
}

namespace shapes {

absl::Status SameAsInput(ShapeContext& c) {
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, c.input(0));
  return absl::OkStatus();
}

absl::Status Scalar(ShapeContext& c) {
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, TensorShape());
  return absl::OkStatus();
}

absl::Status Unknown(ShapeContext&) { return absl::OkStatus(); }

absl::Status BroadcastBinary(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, BroadcastShapes(c.input(0), c.input(1)));
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status NoOutputs(ShapeContext&) { return absl::OkStatus(); }

}  // namespace shapes
}  // namespace sluice
