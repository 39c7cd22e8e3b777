#include "layers/conv_nodes.h"

#include <algorithm>
#include <string>

#include "core/attr_value.h"
#include "core/status.h"
#include "layers/reshaping.h"
#include "ops/binary.h"
#include "ops/pad.h"
#include "ops/reshape.h"
#include "ops/shape.h"

namespace sluice::layers {
namespace {

bool AllOne(const std::vector<int64_t>& v) {
  return std::all_of(v.begin(), v.end(), [](int64_t x) { return x == 1; });
}

AttrMap ConvAttrs(const Sliding& s) {
  return {{"strides", WindowAttr(s.data_format, s.strides)},
          {"padding", PaddingName(s.padding)},
          {"data_format", DataFormatName(s.data_format, s.rank())},
          {"dilations", WindowAttr(s.data_format, s.dilation_rate)}};
}

}  // namespace

absl::Status CheckStridesOrDilation(const Sliding& s) {
  if (AllOne(s.strides) || AllOne(s.dilation_rate)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "strides > 1 not supported in conjunction with dilation_rate > 1");
}

void DilationRateConst(At at, const Sliding& s) { DimsConst(at, "dilation_rate", s.dilation_rate); }

Output CausalPad(At at, const Output& x, int64_t kernel, const Sliding& s) {
  const int64_t before = s.dilation_rate[0] * (kernel - 1);
  if (s.data_format == DataFormat::kChannelsLast) return ops::Pad(at, x, {0, 0, before, 0, 0, 0});
  return ops::Pad(at, x, {0, 0, 0, 0, before, 0});
}

Output Conv1DNodes(At inside, const Output& x, const Output& filter, const Sliding& s) {
  const int axis = SpatialAxis(s.data_format);
  const Sliding image = {.strides = {1, s.strides[0]},
                         .dilation_rate = {1, s.dilation_rate[0]},
                         .padding = s.padding,
                         .data_format = s.data_format};
  const Output row = ops::ExpandDims(inside, x, axis);
  const Output kernel = ops::ExpandDims(inside, filter, 0);
  return ops::Squeeze(inside, inside.Node("Conv2D", {row, kernel}, ConvAttrs(image)),
                      {.squeeze_dims = {axis}});
}

Output ConvNodes(At at, const Output& x, const Output& filter, const Sliding& s) {
  if (s.padding == Padding::kCausal) {
    Sliding valid = s;
    valid.padding = Padding::kValid;
    if (filter.empty()) return Output();
    return ConvNodes(at, CausalPad(at, x, filter.shape().dim(0), s), filter, valid);
  }
  if (s.rank() == 3) return Conv1DNodes(at.Composite("conv1d"), x, filter, s);
  return at.Node(s.rank() == 4 ? "Conv2D" : "Conv3D", {x, filter}, ConvAttrs(s));
}

Output DepthwiseNodes(At inside, At whole, const Output& x, const Output& filter,
                      const Sliding& s) {
  ops::ShapeTensor(inside, filter);
  DilationRateConst(inside, s);
  return whole.Node("DepthwiseConv2dNative", {x, filter}, ConvAttrs(s));
}

Output SeparableNodes(At at, const Output& x, const Output& depthwise, const Output& pointwise,
                      const Sliding& s) {
  const At inside = at.Composite("separable_conv2d");
  const Output channels = DepthwiseNodes(inside, inside.Named("depthwise"), x, depthwise, s);
  return inside.AsScope().Node("Conv2D", {channels, pointwise},
                               {{"strides", std::vector<int64_t>{1, 1, 1, 1}},
                                {"padding", "VALID"},
                                {"data_format", DataFormatName(s.data_format)}});
}

Output TransposeNode(At whole, const Output& output_shape, const Output& filter, const Output& x,
                     const Sliding& s) {
  return whole.Node(s.rank() == 4 ? "Conv2DBackpropInput" : "Conv3DBackpropInputV2",
                    {output_shape, filter, x}, ConvAttrs(s));
}

Output AddChannelBias(At at, const Output& x, const Output& bias, DataFormat data_format) {
  if (x.empty() || bias.empty()) return Output();
  const TensorShape& shape = x.shape();
  const auto add = [&](const Output& y) {
    return at.Node("BiasAdd", {y, bias}, {{"data_format", DataFormatName(data_format)}});
  };
  if (data_format == DataFormat::kChannelsLast || shape.rank() == 4) return add(x);
  std::vector<int64_t> dims(shape.dims().begin(), shape.dims().end());
  const bool sizes_known =
      std::all_of(dims.begin() + 1, dims.end(), [](int64_t size) { return size > 0; });
  if (shape.rank() == 5 && sizes_known) {
    const Output image = add(ReshapeTo(at, x, {dims[0], dims[1], dims[2] * dims[3], dims[4]}));
    return ReshapeTo(at, image, dims);
  }
  std::vector<int64_t> per_channel(dims.size(), 1);
  per_channel[1] = bias.shape().dim(0);
  return ops::AddV2(at.Named("add"), x, ReshapeTo(at, bias, per_channel));
}

}  // namespace sluice::layers
