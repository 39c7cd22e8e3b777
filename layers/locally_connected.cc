#include "layers/locally_connected.h"

#include <string>

#include "core/status.h"
#include "graph/graph.h"
#include "layers/local_connections.h"
#include "layers/reshaping.h"
#include "ops/binary.h"
#include "ops/locally_connected.h"
#include "ops/matmul.h"
#include "ops/reshape.h"

namespace sluice::layers {
namespace {

// A sequence as an image of width 1.
Int2 AsImage(Int1 v) { return {v.length, 1}; }
Int2 AsImage(Int2 v) { return v; }

template <typename Window>
constexpr int kSpatial = std::is_same_v<Window, Int1> ? 1 : 2;

// `shape` is a checked input: rank, channels and sizes are known.
template <typename Window>
absl::StatusOr<LocalConnections> Connect(const LocallyConnectedOptions<Window>& o,
                                         const TensorShape& shape) {
  const Int2 kernel = AsImage(o.kernel_size), strides = AsImage(o.strides);
  const int first = SpatialAxis(o.data_format);
  const int64_t width = kSpatial<Window> == 1 ? 1 : shape.dim(first + 1);
  LocalConnections c;
  SLUICE_ASSIGN_OR_RETURN(
      c.rows, MakeLocalAxis(shape.dim(first), kernel.height, strides.height, o.padding));
  SLUICE_ASSIGN_OR_RETURN(c.columns, MakeLocalAxis(width, kernel.width, strides.width, o.padding));
  c.channels = shape.dim(ChannelAxis(o.data_format, shape.rank()));
  c.filters = o.filters;
  c.data_format = o.data_format;
  SLUICE_RETURN_IF_ERROR(c.Check());
  return c;
}

// [sizes..., channels], or [channels, sizes...]: a sample without its batch.
template <typename Window>
std::vector<int64_t> SampleDims(const LocalConnections& c, bool of_output) {
  std::vector<int64_t> dims = {of_output ? c.rows.output : c.rows.input};
  if (kSpatial<Window> == 2) dims.push_back(of_output ? c.columns.output : c.columns.input);
  dims.insert(c.channels_first() ? dims.begin() : dims.end(), of_output ? c.filters : c.channels);
  return dims;
}

std::vector<int64_t> Concat(std::vector<int64_t> a, const std::vector<int64_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

template <typename Window>
TensorShape KernelShape(const LocalConnections& c, int64_t implementation) {
  if (implementation == 1) return {c.positions(), c.taps() * c.channels, c.filters};
  if (implementation == 3) return {c.count()};
  return TensorShape(
      absl::Span<const int64_t>(Concat(SampleDims<Window>(c, false), SampleDims<Window>(c, true))));
}

// One op for all positions, with a filter per position.
template <typename Window>
Output Direct(At at, const Output& input, const Output& filter,
              const LocallyConnectedOptions<Window>& o) {
  const bool sequence = kSpatial<Window> == 1;
  const int width = SpatialAxis(o.data_format) + 1;
  const Output image = sequence ? ops::ExpandDims(at, input, width) : input;
  const Output y = ops::LocallyConnected2D(at, image, filter,
                                           {.kernel_size = AsImage(o.kernel_size),
                                            .strides = AsImage(o.strides),
                                            .padding = o.padding,
                                            .data_format = DataFormatName(o.data_format)});
  return sequence ? ops::Squeeze(at, y, {.squeeze_dims = {width}}) : y;
}

// One product with a masked dense matrix.
template <typename Window>
Output Dense(At at, const Output& input, const Output& kernel, const LocalConnections& c) {
  const int64_t in = c.cells() * c.channels, out = c.positions() * c.filters;
  const std::vector<int64_t> grouped =
      c.channels_first() ? std::vector<int64_t>{c.channels, c.cells(), c.filters, c.positions()}
                         : std::vector<int64_t>{c.cells(), c.channels, c.positions(), c.filters};
  const Output masked =
      ops::Mul(at, ConnectionMask(at, c, input.dtype()), ReshapeTo(at, kernel, grouped));
  const Output rows = ReshapeTo(at, input, {-1, in});
  const Output product = ops::MatMul(at, rows, ReshapeTo(at, masked, {in, out}));
  return ReshapeTo(at, product, Concat({input.shape().dim(0)}, SampleDims<Window>(c, true)));
}

}  // namespace

template <typename Window>
void LocallyConnectedOptions<Window>::Fields(ConfigFields& f) {
  f("filters", filters);
  f("kernel_size", kernel_size);
  f("strides", strides);
  f("padding", padding);
  f("data_format", data_format);
  f("activation", activation);
  f("use_bias", use_bias);
  f("kernel_initializer", kernel_initializer);
  f("bias_initializer", bias_initializer);
  f("kernel_regularizer", kernel_regularizer);
  f("bias_regularizer", bias_regularizer);
  f("activity_regularizer", activity_regularizer);
  f("kernel_constraint", kernel_constraint);
  f("bias_constraint", bias_constraint);
  f("implementation", implementation);
  f("trainable", trainable);
  f("name", name);
}

template <typename Window>
LocallyConnectedLayer<Window>::LocallyConnectedLayer(const char* class_name,
                                                     LocallyConnectedOptions<Window> options,
                                                     LayerKind kind)
    : LayerOf<LocallyConnectedOptions<Window>>(kind, class_name, std::move(options)) {
  this->input_spec_ = {{.ndim = kSpatial<Window> + 2}};
}

template <typename Window>
absl::Status LocallyConnectedLayer<Window>::CheckOptions() const {
  const LocallyConnectedOptions<Window>& o = this->options_;
  SLUICE_RETURN_IF_ERROR(CheckPositive("filters", o.filters));
  SLUICE_RETURN_IF_ERROR(CheckSizes("kernel_size", SizesOf(o.kernel_size)));
  SLUICE_RETURN_IF_ERROR(CheckSizes("strides", SizesOf(o.strides)));
  if (o.padding == Padding::kCausal) {
    return absl::InvalidArgumentError(
        "Causal padding is only supported for `Conv1D` and `SeparableConv1D`.");
  }
  if (o.implementation < 1 || o.implementation > 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("Unrecognized implementation mode: ", o.implementation, "."));
  }
  if (o.implementation != 1 || o.padding == Padding::kValid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Invalid border mode for ", this->class_name(),
                   " (only \"valid\" is supported if implementation is 1): same"));
}

template <typename Window>
absl::Status LocallyConnectedLayer<Window>::Build(At at, const TensorShape& input) {
  const LocallyConnectedOptions<Window>& o = this->options_;
  constexpr int kRank = kSpatial<Window> + 2;
  SLUICE_RETURN_IF_ERROR(CheckOptions());
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(input, o.data_format, kRank));
  for (int i = 0; i < kSpatial<Window>; ++i) {
    if (input.dim(SpatialAxis(o.data_format) + i) >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "The spatial dimensions of the inputs to  a ", this->class_name(),
        " layer should be fully-defined, but layer received the inputs shape ", input.ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const LocalConnections c, Connect(o, input));
  this->input_spec_ = {{.ndim = kRank, .axes = {{ChannelAxis(o.data_format, kRank), channels}}}};
  built_for_ = input;
  kernel_ = this->AddKernel(at, o, KernelShape<Window>(c, o.implementation));
  TensorShape per_position{c.rows.output};
  if (kSpatial<Window> == 2) per_position.AddDim(c.columns.output);
  per_position.AddDim(o.filters);
  bias_ = this->AddBias(at, o, per_position);
  for (int i = 0; i < kSpatial<Window>; ++i) {  // the kernel fits no other size
    const int axis = SpatialAxis(o.data_format) + i;
    this->input_spec_[0].axes[axis] = input.dim(axis);
  }
  return absl::OkStatus();
}

template <typename Window>
Output LocallyConnectedLayer<Window>::Call(At at, const Output& input, const CallOptions&) {
  const LocallyConnectedOptions<Window>& o = this->options_;
  const absl::StatusOr<LocalConnections> c = Connect(o, built_for_);
  if (!c.ok()) return at.Fail(this->class_name(), c.status());
  Output y;
  if (o.implementation == 2) {
    y = Dense<Window>(at, input, kernel_, *c);
  } else {
    const Output filter =
        o.implementation == 1 ? kernel_.value() : FilterOfConnections(at, *c, kernel_);
    y = Direct(at, input, filter, o);
  }
  if (o.use_bias) {
    const std::vector<int64_t> sample = Concat({1}, SampleDims<Window>(*c, true));
    y = ops::AddV2(at.Named("add"), y, ReshapeTo(at, bias_, sample));
  }
  return o.activation(at, y);
}

template struct LocallyConnectedOptions<Int1>;
template struct LocallyConnectedOptions<Int2>;
template class LocallyConnectedLayer<Int1>;
template class LocallyConnectedLayer<Int2>;

Output LocallyConnected1D(At at, Output inputs, LocallyConnected1DOptions options) {
  return ApplyOnce<LocallyConnected1DLayer>(at, inputs, std::move(options));
}
Output LocallyConnected2D(At at, Output inputs, LocallyConnected2DOptions options) {
  return ApplyOnce<LocallyConnected2DLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
