#include "layers/layer_normalization.h"

#include <algorithm>

#include "core/status.h"
#include "layers/nn_normalization.h"
#include "layers/reshaping.h"
#include "ops/moments.h"
#include "ops/transpose.h"

namespace sluice::layers {

void LayerNormalizationOptions::Fields(ConfigFields& f) {
  std::vector<int64_t> axes = axis.values();
  f("axis", axes);
  axis = axes;
  f("epsilon", epsilon);
  f("center", center);
  f("scale", scale);
  f("beta_initializer", beta_initializer);
  f("gamma_initializer", gamma_initializer);
  f("beta_regularizer", beta_regularizer);
  f("gamma_regularizer", gamma_regularizer);
  f("beta_constraint", beta_constraint);
  f("gamma_constraint", gamma_constraint);
  f("trainable", trainable);
  f("name", name);
}

LayerNormalizationLayer::LayerNormalizationLayer(LayerNormalizationOptions options, LayerKind kind)
    : LayerOf(kind, "LayerNormalization", std::move(options)) {
  supports_masking_ = true;
}

absl::Status LayerNormalizationLayer::Build(At at, const TensorShape& input) {
  const LayerNormalizationOptions& o = options_;
  SLUICE_ASSIGN_OR_RETURN(axes_, CanonicalAxes(o.axis, input));
  if (!IsFloating(dtype()))
    return absl::InvalidArgumentError(
        absl::StrCat("Input must be floating, got ", DTypeName(dtype())));
  if (!(o.epsilon > 0))
    return absl::InvalidArgumentError(absl::StrCat("epsilon must be > 0, got ", o.epsilon));
  std::vector<int64_t> dims;
  InputSpec spec = {.ndim = input.rank()};
  for (const int axis : axes_) {
    dims.push_back(input.dim(axis));
    spec.axes[axis] = input.dim(axis);
  }
  input_spec_ = {spec};
  const TensorShape shape{absl::Span<const int64_t>(dims)};
  if (o.scale) {
    gamma_ = AddVariable(at, "gamma",
                         {.shape = shape,
                          .initializer = o.gamma_initializer,
                          .regularizer = o.gamma_regularizer,
                          .constraint = o.gamma_constraint});
  }
  if (o.center) {
    beta_ = AddVariable(at, "beta",
                        {.shape = shape,
                         .initializer = o.beta_initializer,
                         .regularizer = o.beta_regularizer,
                         .constraint = o.beta_constraint});
  }
  return absl::OkStatus();
}

Output LayerNormalizationLayer::Call(At at, const Output& input, const CallOptions&) {
  const int rank = input.shape().rank();
  std::vector<int> order(axes_.size());  // entry i of `sorted` is entry order[i] of axes_
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return axes_[a] < axes_[b]; });
  std::vector<int64_t> dims(rank, 1), sorted;
  for (const int i : order) {
    sorted.push_back(axes_[i]);
    dims[axes_[i]] = input.shape().dim(axes_[i]);
  }
  const bool in_order = std::is_sorted(order.begin(), order.end());
  const bool last = in_order && sorted.front() == rank - static_cast<int>(sorted.size());
  const auto spread = [&](const Variable& v) -> Output {
    if (v.empty()) return {};
    const Output ordered = in_order ? v.value() : ops::Transpose(at, v, order);
    return last ? ordered : ReshapeTo(at, ordered, dims);
  };
  const ops::MomentsOutputs moments = ops::Moments(at, input, sorted, {.keep_dims = true});
  const Output scale = spread(gamma_), offset = spread(beta_);
  return nn::BatchNormalization(at, input,
                                {.mean = moments.mean,
                                 .variance = moments.variance,
                                 .offset = offset,
                                 .scale = scale,
                                 .variance_epsilon = options_.epsilon});
}

Output LayerNormalization(At at, Output inputs, LayerNormalizationOptions options) {
  return ApplyOnce<LayerNormalizationLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
