#include "layers/pooling.h"

#include "core/status.h"

namespace sluice::layers {
namespace {

absl::Status Check(const Output& inputs, const Pooling2DOptions& o) {
  SLUICE_RETURN_IF_ERROR(CheckPair("pool_size", o.pool_size));
  SLUICE_RETURN_IF_ERROR(CheckPair("strides", o.strides));
  const TensorShape& shape = inputs.shape();
  if (shape.rank_known() && shape.rank() != 4) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input is incompatible with the layer: expected ndim=4, found ndim=", shape.rank(),
        ". Full shape received: ", shape.ToString()));
  }
  return absl::OkStatus();
}

Output Pool(At at, const Output& inputs, const Pooling2DOptions& o, const char* op,
            const char* default_name) {
  if (!at.ok() || inputs.empty()) return {};
  const std::string name = o.name.empty() ? default_name : o.name;
  const absl::Status status = Check(inputs, o);
  if (!status.ok()) return at.Fail(name, status);
  return at.Sub(name).Node(op, {inputs},
                           {{"ksize", WindowAttr(o.data_format, o.pool_size)},
                            {"strides", WindowAttr(o.data_format, o.strides)},
                            {"padding", PaddingName(o.padding)},
                            {"data_format", DataFormatName(o.data_format)}});
}

}  // namespace

Output MaxPooling2D(At at, Output inputs, Pooling2DOptions options) {
  return Pool(at, inputs, options, "MaxPool", "max_pooling2d");
}

Output AveragePooling2D(At at, Output inputs, Pooling2DOptions options) {
  return Pool(at, inputs, options, "AvgPool", "average_pooling2d");
}

}  // namespace sluice::layers
