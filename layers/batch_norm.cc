// What a batch normalization is made of; batch_norm_call.cc and batch_renorm.cc have what it does.
#include "layers/batch_norm.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "layers/unpartitioned.h"

namespace sluice::layers {

absl::StatusOr<std::vector<int>> CanonicalAxes(const Axes& axes, const TensorShape& input) {
  if (!input.rank_known()) return absl::InvalidArgumentError("Input has undefined rank");
  std::vector<int> canonical;
  for (const int64_t given : axes.values()) {
    const int64_t axis = given < 0 ? given + input.rank() : given;
    if (axis < 0 || axis >= input.rank()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Invalid axis: ", given, " for an input of shape ", input.ToString()));
    }
    if (std::count(canonical.begin(), canonical.end(), axis) > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("Duplicate axis: [", absl::StrJoin(axes.values(), ", "), "]"));
    }
    canonical.push_back(static_cast<int>(axis));
  }
  if (canonical.empty()) return absl::InvalidArgumentError("Invalid axis: none is given");
  for (const int axis : canonical) {
    if (input.dim(axis) >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("Input has undefined `axis` dimension: ", input.ToString(), ", axis ", axis));
  }
  return canonical;
}

void BatchNormalizationOptions::Fields(ConfigFields& f) {
  std::vector<int64_t> axes = axis.values();
  f("axis", axes);
  axis = axes;
  f("momentum", momentum);
  f("epsilon", epsilon);
  f("center", center);
  f("scale", scale);
  f("beta_initializer", beta_initializer);
  f("gamma_initializer", gamma_initializer);
  f("moving_mean_initializer", moving_mean_initializer);
  f("moving_variance_initializer", moving_variance_initializer);
  f("beta_regularizer", beta_regularizer);
  f("gamma_regularizer", gamma_regularizer);
  f("beta_constraint", beta_constraint);
  f("gamma_constraint", gamma_constraint);
  f("training", training);
  f("trainable", trainable);
  f("name", name);
  f("renorm", renorm);
  f("renorm_rmin", renorm_clipping.rmin);
  f("renorm_rmax", renorm_clipping.rmax);
  f("renorm_dmax", renorm_clipping.dmax);
  f("renorm_momentum", renorm_momentum);
  f("fused", fused);
  f("virtual_batch_size", virtual_batch_size);
}

BatchNormalizationLayer::BatchNormalizationLayer(BatchNormalizationOptions options, LayerKind kind)
    : LayerOf(kind, "BatchNormalization", std::move(options)) {
  supports_masking_ = true;
}

DType BatchNormalizationLayer::ParamDType() const {
  return dtype() == DType::kHalf || dtype() == DType::kBfloat16 ? DType::kFloat : dtype();
}

absl::Status BatchNormalizationLayer::CheckOptions() const {
  const BatchNormalizationOptions& o = options_;
  if (!IsFloating(dtype()))
    return absl::InvalidArgumentError(
        absl::StrCat("Input must be floating, got ", DTypeName(dtype())));
  if (!(o.epsilon > 0))
    return absl::InvalidArgumentError(absl::StrCat("epsilon must be > 0, got ", o.epsilon));
  if (!o.virtual_batch_size.has_value()) return absl::OkStatus();
  if (*o.virtual_batch_size <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("virtual_batch_size must be a positive integer that divides the true batch "
                     "size of the input Tensor, got ",
                     *o.virtual_batch_size));
  }
  if (o.adjustment)
    return absl::InvalidArgumentError(
        "When using virtual_batch_size, adjustment cannot be specified");
  return absl::OkStatus();
}

absl::Status BatchNormalizationLayer::ChooseFused(const TensorShape& shape) {
  const BatchNormalizationOptions& o = options_;
  const char* extra = o.renorm                           ? "renorm"
                      : o.virtual_batch_size.has_value() ? "virtual_batch_size"
                      : o.adjustment                     ? "adjustment"
                                                         : nullptr;
  if (o.fused == true && extra != nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("Passing fused=True is not supported together with `", extra, "`"));
  }
  const bool fits = shape.rank() == 4 && (axes_ == std::vector{1} || axes_ == std::vector{3}) &&
                    ParamDType() == DType::kFloat;
  if (o.fused == true && !fits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "fused batch normalization needs a float32 input of rank 4 and axis 1 or 3, got ",
        DTypeName(dtype()), shape.ToString(), ", axis ", absl::StrJoin(o.axis.values(), ", ")));
  }
  fused_ = fits && extra == nullptr && o.fused != false;
  return absl::OkStatus();
}

absl::Status BatchNormalizationLayer::Build(At at, const TensorShape& shape) {
  SLUICE_ASSIGN_OR_RETURN(axes_, CanonicalAxes(options_.axis, shape));
  SLUICE_RETURN_IF_ERROR(CheckOptions());
  SLUICE_RETURN_IF_ERROR(ChooseFused(shape));
  InputSpec spec = {.ndim = shape.rank()};
  for (const int axis : axes_) spec.axes[axis] = shape.dim(axis);
  input_spec_ = {spec};
  const std::vector<int64_t> params = ParamShape(shape);
  if (options_.virtual_batch_size.has_value()) {
    const bool batch = std::count(axes_.begin(), axes_.end(), 0) > 0;
    if (batch) {
      return absl::InvalidArgumentError(
          absl::StrCat("When using virtual_batch_size, the batch dimension must be 0 and thus axis "
                       "cannot include 0. Received axis=[",
                       absl::StrJoin(options_.axis.values(), ", "), "]"));
    }
    for (int& axis : axes_) ++axis;
  }
  AddVariables(at, TensorShape(absl::Span<const int64_t>(params)));
  return absl::OkStatus();
}

std::vector<int64_t> BatchNormalizationLayer::ParamShape(const TensorShape& input) const {
  const bool grouped = options_.virtual_batch_size.has_value();
  if (axes_.size() == 1 && !grouped) return {input.dim(axes_[0])};
  std::vector<int64_t> dims(input.rank(), 1);
  for (const int axis : axes_) dims[axis] = input.dim(axis);
  if (grouped) dims.insert(dims.begin() + 1, 1);
  return dims;
}

Variable BatchNormalizationLayer::AddMoving(At at, const char* name, const TensorShape& shape,
                                            const Initializer& initial) {
  VariableOptions options = {.shape = shape,
                             .dtype = ParamDType(),
                             .initializer = initial,
                             .regularizer = [](At, Output) { return Output(); },
                             .trainable = false};
  return AddVariable(at, name, Unpartitioned(at.scope(), std::move(options)));
}

void BatchNormalizationLayer::AddVariables(At at, const TensorShape& shape) {
  const BatchNormalizationOptions& o = options_;
  const auto trained = [&](const char* name, const Initializer& initializer,
                           const Regularizer& regularizer, const Constraint& constraint) {
    return AddVariable(at, name,
                       {.shape = shape,
                        .dtype = ParamDType(),
                        .initializer = initializer,
                        .regularizer = regularizer,
                        .constraint = constraint});
  };
  if (o.scale)
    gamma_ = trained("gamma", o.gamma_initializer, o.gamma_regularizer, o.gamma_constraint);
  if (o.center) beta_ = trained("beta", o.beta_initializer, o.beta_regularizer, o.beta_constraint);
  moving_mean_ = AddMoving(at, "moving_mean", shape, o.moving_mean_initializer);
  moving_variance_ = AddMoving(at, "moving_variance", shape, o.moving_variance_initializer);
  if (o.renorm) AddRenormVariables(at, shape);
}

void BatchNormalizationLayer::AddRenormVariables(At at, const TensorShape& shape) {
  const Initializer zeros = initializers::Zeros();
  renorm_mean_ = AddMoving(at, "renorm_mean", shape, zeros);
  renorm_mean_weight_ = AddMoving(at, "renorm_mean_weight", {}, zeros);
  renorm_stddev_ = AddMoving(at, "renorm_stddev", shape, zeros);
  renorm_stddev_weight_ = AddMoving(at, "renorm_stddev_weight", {}, zeros);
}

Output BatchNormalizationLayer::Call(At at, const Output& input, const CallOptions& call) {
  const Training training = call.training.value_or(options_.training);
  const absl::Status status = training.Check(at.graph());
  if (!status.ok()) return at.Fail(class_name(), status);
  if (fused_) return Fused(at, input, training);
  if (options_.virtual_batch_size.has_value()) return VirtualBatches(at, input, training);
  return Plain(at, input, training);
}

Output BatchNormalization(At at, Output inputs, BatchNormalizationOptions options) {
  return ApplyOnce<BatchNormalizationLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
