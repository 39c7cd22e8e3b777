#include "layers/pooling.h"

#include "core/status.h"
#include "ops/reshape.h"

namespace sluice::layers {
namespace {

using Sizes = std::vector<int64_t>;

Output Pool(At at, const char* op, const Output& x, const Sizes& size, const Sizes& strides,
            Padding padding, DataFormat format) {
  return at.Node(op, {x},
                 {{"ksize", WindowAttr(format, size)},
                  {"strides", WindowAttr(format, strides)},
                  {"padding", PaddingName(padding)},
                  {"data_format", DataFormatName(format, static_cast<int>(size.size()) + 2)}});
}

template <typename OptionsT>
void VisitFields(OptionsT& o, ConfigFields& f) {
  f("pool_size", o.pool_size);
  f("strides", o.strides);
  f("padding", o.padding);
  f("data_format", o.data_format);
  f("name", o.name);
}

}  // namespace

void Pooling1DOptions::Fields(ConfigFields& f) { VisitFields(*this, f); }
void Pooling2DOptions::Fields(ConfigFields& f) { VisitFields(*this, f); }
void Pooling3DOptions::Fields(ConfigFields& f) { VisitFields(*this, f); }

template <typename OptionsT>
WindowPooling<OptionsT>::WindowPooling(const char* class_name, const char* op, OptionsT options,
                                       LayerKind kind)
    : LayerOf<OptionsT>(kind, class_name, std::move(options)), op_(op) {
  this->input_spec_ = {{.ndim = static_cast<int>(SizesOf(this->options_.pool_size).size()) + 2}};
}

template <typename OptionsT>
absl::Status WindowPooling<OptionsT>::Build(At, const TensorShape&) {
  const OptionsT& o = this->options_;
  if (o.strides == decltype(o.strides)(0))
    return absl::InvalidArgumentError("Argument `strides` must not be None.");
  SLUICE_RETURN_IF_ERROR(CheckSizes("pool_size", SizesOf(o.pool_size)));
  SLUICE_RETURN_IF_ERROR(CheckSizes("strides", SizesOf(o.strides)));
  if (o.padding != Padding::kCausal) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "Causal padding is only supported for `Conv1D` and `SeparableConv1D`.");
}

template <typename OptionsT>
Output WindowPooling<OptionsT>::Call(At at, const Output& input, const CallOptions&) {
  const OptionsT& o = this->options_;
  Sizes size = SizesOf(o.pool_size), strides = SizesOf(o.strides);
  if (size.size() > 1) return Pool(at, op_, input, size, strides, o.padding, o.data_format);
  size.push_back(1);
  strides.push_back(1);
  const int64_t width_axis = o.data_format == DataFormat::kChannelsLast ? 2 : 3;
  const Output image = ops::ExpandDims(at, input, width_axis);
  const Output pooled = Pool(at, op_, image, size, strides, o.padding, o.data_format);
  return ops::Squeeze(at, pooled, {.squeeze_dims = {width_axis}});
}

template class WindowPooling<Pooling1DOptions>;
template class WindowPooling<Pooling2DOptions>;
template class WindowPooling<Pooling3DOptions>;

Output MaxPooling1D(At at, Output inputs, Pooling1DOptions options) {
  return ApplyOnce<MaxPooling1DLayer>(at, inputs, std::move(options));
}
Output MaxPooling2D(At at, Output inputs, Pooling2DOptions options) {
  return ApplyOnce<MaxPooling2DLayer>(at, inputs, std::move(options));
}
Output MaxPooling3D(At at, Output inputs, Pooling3DOptions options) {
  return ApplyOnce<MaxPooling3DLayer>(at, inputs, std::move(options));
}
Output AveragePooling1D(At at, Output inputs, Pooling1DOptions options) {
  return ApplyOnce<AveragePooling1DLayer>(at, inputs, std::move(options));
}
Output AveragePooling2D(At at, Output inputs, Pooling2DOptions options) {
  return ApplyOnce<AveragePooling2DLayer>(at, inputs, std::move(options));
}
Output AveragePooling3D(At at, Output inputs, Pooling3DOptions options) {
  return ApplyOnce<AveragePooling3DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
