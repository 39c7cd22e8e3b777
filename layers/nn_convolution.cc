#include "layers/nn_convolution.h"

#include <algorithm>
#include <utility>

#include "core/status.h"
#include "graph/graph.h"
#include "layers/conv_nodes.h"
#include "ops/conv2d.h"

namespace sluice::nn {
namespace {

using layers::Sliding;

At NamedBy(At at, const std::string& name) { return name.empty() ? at : at.Named(name); }

bool AnyBelowOne(const std::vector<int64_t>& v) {
  return std::any_of(v.begin(), v.end(), [](int64_t x) { return x < 1; });
}

// `value` as one entry per spatial dimension (rule CV-6).
absl::Status CheckSteps(const char* option, std::vector<int64_t>* value, int spatial) {
  if (value->empty()) value->assign(spatial, 1);
  if (static_cast<int>(value->size()) != spatial) {
    return absl::InvalidArgumentError(
        absl::StrCat("len(", option, ")=", value->size(), " but should be ", spatial));
  }
  if (!AnyBelowOne(*value)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("all values of ", option, " must be positive"));
}

absl::StatusOr<DataFormat> ReadDataFormat(const std::string& text, int rank) {
  if (text.empty()) return DataFormat::kChannelsLast;
  for (const DataFormat f : {DataFormat::kChannelsLast, DataFormat::kChannelsFirst}) {
    // tf.nn.conv1d also takes the names of images.
    if (text == layers::DataFormatName(f, rank)) return f;
    if (rank == 3 && text == layers::DataFormatName(f, 4)) return f;
  }
  const auto name = [&](DataFormat f) { return layers::DataFormatName(f, rank); };
  if (rank == 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("data_format must be \"NWC\" or \"NCW\". Received: ", text));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("data_format has to be either ", name(DataFormat::kChannelsFirst), " or ",
                   name(DataFormat::kChannelsLast), ". Received: ", text));
}

// The steps of a list with an entry per dimension.
absl::StatusOr<std::vector<int64_t>> SpatialSteps(const std::vector<int64_t>& all, DataFormat f,
                                                  int rank) {
  if (static_cast<int>(all.size()) != rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("len(strides)=", all.size(), " but should be ", rank));
  }
  if (all[0] != 1 || all[layers::ChannelAxis(f, rank)] != 1) {
    return absl::InvalidArgumentError(
        "Current implementation does not yet support strides in the batch and depth dimensions.");
  }
  const auto first = all.begin() + layers::SpatialAxis(f);
  std::vector<int64_t> steps(first, first + rank - 2);
  if (!AnyBelowOne(steps)) return steps;
  return absl::InvalidArgumentError("all values of strides must be positive");
}

absl::StatusOr<Sliding> ReadConvolution(const Output& input, const Output& filter,
                                        const ConvolutionOptions& o) {
  const TensorShape &x = input.shape(), &w = filter.shape();
  if (!x.rank_known() && !w.rank_known())
    return absl::InvalidArgumentError("rank of input or filter must be known");
  const int rank = x.rank_known() ? x.rank() : w.rank();
  if (rank < 3 || rank > 5) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input tensor must have rank 3, 4 or 5 (1 to 3 spatial dimensions), got rank ", rank));
  }
  if (w.rank_known() && w.rank() != rank) {
    return absl::InvalidArgumentError(absl::StrCat("filter tensor must have rank ", rank, ", got ",
                                                   w.ToString(), " (input ", x.ToString(), ")"));
  }
  Sliding s{.strides = o.strides, .dilation_rate = o.dilation_rate, .padding = o.padding};
  SLUICE_ASSIGN_OR_RETURN(s.data_format, ReadDataFormat(o.data_format, rank));
  const int64_t got = x.rank_known() ? x.dim(layers::ChannelAxis(s.data_format, rank)) : -1;
  const int64_t expected = w.rank_known() ? w.dim(-2) : -1;
  if (got >= 0 && expected >= 0 && got != expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("number of input channels does not match corresponding dimension of filter, ",
                     got, " != ", expected));
  }
  SLUICE_RETURN_IF_ERROR(CheckSteps("dilation_rate", &s.dilation_rate, rank - 2));
  SLUICE_RETURN_IF_ERROR(CheckSteps("strides", &s.strides, rank - 2));
  SLUICE_RETURN_IF_ERROR(layers::CheckStridesOrDilation(s));
  if (s.padding != Padding::kCausal) return s;
  return absl::InvalidArgumentError(
      absl::StrCat("Invalid padding method: '", PaddingName(s.padding), "'"));
}

// Strides, rate and format of a depthwise convolution.
absl::StatusOr<Sliding> ReadDepthwise(const DepthwiseConv2DOptions& o) {
  Sliding s{.dilation_rate = o.rate, .padding = o.padding};
  SLUICE_ASSIGN_OR_RETURN(s.data_format, ReadDataFormat(o.data_format, 4));
  SLUICE_ASSIGN_OR_RETURN(s.strides, SpatialSteps(o.strides, s.data_format, 4));
  SLUICE_RETURN_IF_ERROR(CheckSteps("rate", &s.dilation_rate, 2));
  SLUICE_RETURN_IF_ERROR(layers::CheckStridesOrDilation(s));
  if (s.padding != Padding::kCausal) return s;
  return absl::InvalidArgumentError(
      absl::StrCat("Invalid padding method: '", PaddingName(s.padding), "'"));
}

absl::Status CheckTranspose(const Output& value, const Output& filter,
                            const ops::Ints& output_shape, const Sliding& s) {
  const int rank = s.rank(), channels = layers::ChannelAxis(s.data_format, rank);
  const TensorShape &x = value.shape(), &w = filter.shape();
  for (const TensorShape& shape : {x, w}) {
    if (!shape.rank_known() || shape.rank() == rank) continue;
    return absl::InvalidArgumentError(absl::StrCat("Shape must be rank ", rank, " but is rank ",
                                                   shape.rank(), ": ", shape.ToString()));
  }
  const auto differ = [](int64_t a, int64_t b) { return a >= 0 && b >= 0 && a != b; };
  if (x.rank_known() && w.rank_known() && differ(x.dim(channels), w.dim(-1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("input channels does not match filter's input channels, ", x.dim(channels),
                     " != ", w.dim(-1)));
  }
  const std::vector<int64_t>* numbers = output_shape.list();
  if (numbers != nullptr && static_cast<int>(numbers->size()) != rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("output_shape must have shape (", rank, ",), got (", numbers->size(), ",)"));
  }
  if (numbers != nullptr && w.rank_known() && differ((*numbers)[channels], w.dim(-2))) {
    return absl::InvalidArgumentError(
        absl::StrCat("output_shape does not match filter's output channels, ", (*numbers)[channels],
                     " != ", w.dim(-2)));
  }
  if (s.padding != Padding::kCausal) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("padding must be either VALID or SAME: ", PaddingName(s.padding)));
}

// Both transposed convolutions, under the name `default_name`.
Output Transposed(At at, const char* default_name, const Output& value, const Output& filter,
                  const ops::Ints& output_shape, const absl::StatusOr<Sliding>& s) {
  if (!at.ok() || value.empty() || filter.empty()) return Output();
  const absl::Status status = s.ok() ? CheckTranspose(value, filter, output_shape, *s) : s.status();
  if (!status.ok()) return at.Fail(default_name, status);
  const At inside = at.Composite(default_name, {value, filter});
  const Output sizes = output_shape.Tensor(inside, "output_shape");
  if (sizes.empty()) return Output();
  const TensorShape vector{s->rank()};
  if (!sizes.shape().CompatibleWith(vector)) {
    return at.Fail(default_name, absl::InvalidArgumentError(
                                     absl::StrCat("output_shape must have shape (", s->rank(),
                                                  ",), got ", sizes.shape().ToString())));
  }
  return layers::TransposeNode(inside.AsScope(), sizes, filter, value, *s);
}

absl::StatusOr<Sliding> ReadTranspose(const std::vector<int64_t>& strides, Padding padding,
                                      const std::string& data_format, int rank) {
  Sliding s{.dilation_rate = std::vector<int64_t>(rank - 2, 1), .padding = padding};
  SLUICE_ASSIGN_OR_RETURN(s.data_format, ReadDataFormat(data_format, rank));
  SLUICE_ASSIGN_OR_RETURN(s.strides, SpatialSteps(strides, s.data_format, rank));
  return s;
}

}  // namespace

Output Convolution(At at, Output input, Output filter, ConvolutionOptions options) {
  at = NamedBy(at, options.name);
  if (!at.ok() || input.empty() || filter.empty()) return Output();
  const absl::StatusOr<Sliding> s = ReadConvolution(input, filter, options);
  if (!s.ok()) return at.Fail("convolution", s.status());
  const At inside = at.Composite("convolution", {input, filter});
  layers::DilationRateConst(inside, *s);
  if (s->rank() == 3) return layers::Conv1DNodes(inside, input, filter, *s);
  return layers::ConvNodes(inside.AsScope(), input, filter, *s);
}

Output Conv1D(At at, Output value, Output filters, Conv1DOptions options) {
  at = NamedBy(at, options.name);
  if (!at.ok() || value.empty() || filters.empty()) return Output();
  ConvolutionOptions general{.padding = options.padding,
                             .strides = {options.stride},
                             .dilation_rate = {options.dilations},
                             .data_format = options.data_format};
  absl::StatusOr<Sliding> s = ReadConvolution(value, filters, general);
  if (s.ok() && s->rank() != 3) {
    s = absl::InvalidArgumentError(
        absl::StrCat("input tensor must have rank 3, got ", value.shape().ToString()));
  }
  if (!s.ok()) return at.Fail("conv1d", s.status());
  return layers::Conv1DNodes(at.Composite("conv1d", {value, filters}), value, filters, *s);
}

Output Conv2D(At at, Output input, Output filter, Conv2DOptions options) {
  return ops::Conv2D(NamedBy(at, options.name), std::move(input), std::move(filter),
                     {.strides = std::move(options.strides),
                      .use_cudnn_on_gpu = options.use_cudnn_on_gpu,
                      .padding = options.padding,
                      .data_format = std::move(options.data_format),
                      .dilations = std::move(options.dilations)});
}

Output AtrousConv2D(At at, Output value, Output filters, AtrousConv2DOptions options) {
  return Convolution(at, std::move(value), std::move(filters),
                     {.padding = options.padding,
                      .dilation_rate = {options.rate, options.rate},
                      .name = std::move(options.name)});
}

Output AtrousConv2DTranspose(At at, Output value, Output filters, ops::Ints output_shape,
                             AtrousConv2DOptions options) {
  absl::StatusOr<Sliding> s = Sliding{
      .strides = {1, 1}, .dilation_rate = {options.rate, options.rate}, .padding = options.padding};
  if (options.rate < 1) s = absl::InvalidArgumentError("rate cannot be less than one");
  return Transposed(NamedBy(at, options.name), "atrous_conv2d_transpose", value, filters,
                    output_shape, s);
}

Output DepthwiseConv2D(At at, Output input, Output filter, DepthwiseConv2DOptions options) {
  at = NamedBy(at, options.name);
  const absl::StatusOr<Sliding> s = ReadDepthwise(options);
  if (!s.ok()) return at.Fail("depthwise", s.status());
  if (!at.ok() || input.empty() || filter.empty()) return Output();
  const At inside = at.Composite("depthwise", {input, filter});
  return layers::DepthwiseNodes(inside, inside.AsScope(), input, filter, *s);
}

Output SeparableConv2D(At at, Output input, Output depthwise_filter, Output pointwise_filter,
                       SeparableConv2DOptions options) {
  at = NamedBy(at, options.name);
  const absl::StatusOr<Sliding> s = ReadDepthwise(options);
  if (!s.ok()) return at.Fail("separable_conv2d", s.status());
  if (!at.ok() || input.empty() || depthwise_filter.empty() || pointwise_filter.empty())
    return Output();
  const TensorShape& w = pointwise_filter.shape();
  if (w.rank_known() && !w.CompatibleWith({1, 1, -1, -1})) {
    return at.Fail("separable_conv2d",
                   absl::InvalidArgumentError(absl::StrCat(
                       "pointwise_filter must have the shape [1,1,?,?], got ", w.ToString())));
  }
  return layers::SeparableNodes(at, input, depthwise_filter, pointwise_filter, *s);
}

Output Conv2DTranspose(At at, Output value, Output filter, ops::Ints output_shape,
                       Conv2DTransposeOptions options) {
  return Transposed(NamedBy(at, options.name), "conv2d_transpose", value, filter, output_shape,
                    ReadTranspose(options.strides, options.padding, options.data_format, 4));
}

Output Conv3DTranspose(At at, Output value, Output filter, ops::Ints output_shape,
                       Conv3DTransposeOptions options) {
  return Transposed(NamedBy(at, options.name), "conv3d_transpose", value, filter, output_shape,
                    ReadTranspose(options.strides, options.padding, options.data_format, 5));
}

}  // namespace sluice::nn
