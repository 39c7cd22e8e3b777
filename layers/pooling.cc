#include "layers/pooling.h"

#include "core/status.h"

namespace sluice::layers {

void Pooling2DOptions::Fields(ConfigFields& f) {
  f("pool_size", pool_size);
  f("strides", strides);
  f("padding", padding);
  f("data_format", data_format);
  f("name", name);
}

Pooling2D::Pooling2D(const char* class_name, const char* op, Pooling2DOptions options,
                     LayerKind kind)
    : LayerOf(kind, class_name, std::move(options)), op_(op) {
  input_spec_ = {{.ndim = 4}};
}

absl::Status Pooling2D::Build(At, const TensorShape&) {
  SLUICE_RETURN_IF_ERROR(CheckPair("pool_size", options_.pool_size));
  return CheckPair("strides", options_.strides);
}

Output Pooling2D::Call(At at, const Output& input, const CallOptions&) {
  const Pooling2DOptions& o = options_;
  return at.Node(op_, {input},
                 {{"ksize", WindowAttr(o.data_format, o.pool_size)},
                  {"strides", WindowAttr(o.data_format, o.strides)},
                  {"padding", PaddingName(o.padding)},
                  {"data_format", DataFormatName(o.data_format)}});
}

Output MaxPooling2D(At at, Output inputs, Pooling2DOptions options) {
  return ApplyOnce<MaxPooling2DLayer>(at, inputs, std::move(options));
}

Output AveragePooling2D(At at, Output inputs, Pooling2DOptions options) {
  return ApplyOnce<AveragePooling2DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
