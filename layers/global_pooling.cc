#include "layers/global_pooling.h"

#include <vector>

#include "layers/reshaping.h"
#include "ops/cast.h"

namespace sluice::layers {

void GlobalPoolingOptions::Fields(ConfigFields& f) {
  f("data_format", data_format);
  f("name", name);
}

GlobalPooling::GlobalPooling(const char* class_name, const char* op, int sizes,
                             GlobalPoolingOptions options, LayerKind kind)
    : LayerOf(kind, class_name, std::move(options)), op_(op), sizes_(sizes) {
  input_spec_ = {{.ndim = sizes + 2}};
}

namespace {

Output Reduce(At at, const char* op, const Output& x, const std::vector<int64_t>& axes) {
  const At inside = at.Sub(op);
  return inside.AsScope().Node(op, {x, DimsConst(inside, "reduction_indices", axes)});
}

}  // namespace

Output GlobalPooling::Call(At at, const Output& input, const CallOptions& call) {
  if (supports_masking_ && !call.masks.empty() && !call.masks[0].empty())
    return MaskedMean(at, input, call.masks[0]);
  const int64_t first = options_.data_format == DataFormat::kChannelsLast ? 1 : 2;
  std::vector<int64_t> axes;
  for (int i = 0; i < sizes_; ++i) axes.push_back(first + i);
  return Reduce(at, op_, input, axes);
}

Output GlobalPooling::MaskedMean(At at, const Output& input, const Output& mask) const {
  const bool last = options_.data_format == DataFormat::kChannelsLast;
  const int64_t steps = last ? 1 : 2;
  const Output weights = at.Node(
      "ExpandDims", {ops::Cast(at, mask, input.dtype()), DimsConst(at, "dim", {last ? 2 : 1})});
  const Output sum = Reduce(at, "Sum", at.Node("Mul", {input, weights}), {steps});
  return at.Node("RealDiv", {sum, Reduce(at, "Sum", weights, {steps})});
}

Outputs GlobalPooling::ComputeMask(At at, const Outputs& inputs, const Outputs& masks) {
  return supports_masking_ ? Outputs() : Layer::ComputeMask(at, inputs, masks);
}

Output GlobalMaxPooling1D(At at, Output inputs, GlobalPoolingOptions options) {
  return ApplyOnce<GlobalMaxPooling1DLayer>(at, inputs, std::move(options));
}
Output GlobalMaxPooling2D(At at, Output inputs, GlobalPoolingOptions options) {
  return ApplyOnce<GlobalMaxPooling2DLayer>(at, inputs, std::move(options));
}
Output GlobalMaxPooling3D(At at, Output inputs, GlobalPoolingOptions options) {
  return ApplyOnce<GlobalMaxPooling3DLayer>(at, inputs, std::move(options));
}
Output GlobalAveragePooling1D(At at, Output inputs, GlobalPoolingOptions options) {
  return ApplyOnce<GlobalAveragePooling1DLayer>(at, inputs, std::move(options));
}
Output GlobalAveragePooling2D(At at, Output inputs, GlobalPoolingOptions options) {
  return ApplyOnce<GlobalAveragePooling2DLayer>(at, inputs, std::move(options));
}
Output GlobalAveragePooling3D(At at, Output inputs, GlobalPoolingOptions options) {
  return ApplyOnce<GlobalAveragePooling3DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
