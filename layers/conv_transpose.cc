#include "layers/conv_transpose.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/graph.h"
#include "layers/conv_nodes.h"
#include "layers/conv_options.h"
#include "layers/reshaping.h"
#include "ops/shape.h"

namespace sluice::layers {
namespace {

Output IntConst(At at, const std::string& name, int64_t value) {
  return at.Named(name).Node(
      "Const", {},
      {{"value", Tensor::Scalar<int32_t>(static_cast<int32_t>(value))}, {"dtype", DType::kInt32}});
}

// Python's `x * value`: `mul/y`, `mul`.
Output IntOp(At at, const char* name, const char* op, const Output& x, int64_t value) {
  const At inside = at.Composite(name);
  return inside.AsScope().Node(op, {x, IntConst(inside, "y", value)});
}

// Python's `vector[i]`.
Output Element(At at, const Output& vector, int64_t i) {
  const At inside = at.Composite("strided_slice");
  return inside.AsScope().Node(
      "StridedSlice",
      {vector, DimsConst(inside, "stack", {i}), DimsConst(inside, "stack_1", {i + 1}),
       DimsConst(inside, "stack_2", {1})},
      {{"shrink_axis_mask", int64_t{1}}});
}

// TransposedLength when running, node by node as TensorFlow's deconv_output_length.
Output DynamicLength(At at, const Output& n, int64_t kernel, int64_t stride, Padding padding,
                     std::optional<int64_t> output_padding) {
  const bool same = padding == Padding::kSame;
  if (!output_padding.has_value()) {
    const Output scaled = IntOp(at, "mul", "Mul", n, stride);
    if (same) return scaled;
    return IntOp(at, "add", "AddV2", scaled, std::max<int64_t>(kernel - stride, 0));
  }
  const Output scaled = IntOp(at, "mul", "Mul", IntOp(at, "sub", "Sub", n, 1), stride);
  const Output covered = IntOp(at, "add", "AddV2", scaled, kernel);
  const Output cut = IntOp(at, "sub", "Sub", covered, same ? 2 * (kernel / 2) : 0);
  return IntOp(at, "add", "AddV2", cut, *output_padding);
}

// tf.stack of scalars and numbers: `stack/3`, `stack`. A number stands where the scalar is empty.
Output Stack(At at, const Outputs& scalars, int64_t number) {
  const At inside = at.Composite("stack");
  Outputs all = scalars;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].empty()) all[i] = IntConst(inside, std::to_string(i), number);
  }
  return inside.AsScope().Node("Pack", all);
}

absl::Status CheckInt32(const char* option, const std::vector<int64_t>& sizes) {
  const int64_t largest = *std::max_element(sizes.begin(), sizes.end());
  if (largest <= std::numeric_limits<int32_t>::max()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("The `", option, "` argument is too large: ", largest));
}

}  // namespace

absl::StatusOr<int64_t> TransposedLength(int64_t n, int64_t kernel, int64_t stride, Padding padding,
                                         std::optional<int64_t> output_padding) {
  if (n < 0) return -1;
  const int64_t pad = padding == Padding::kSame ? kernel / 2 : 0;
  int64_t length;
  bool overflow = __builtin_mul_overflow(output_padding.has_value() ? n - 1 : n, stride, &length);
  if (output_padding.has_value()) {
    overflow = overflow || __builtin_add_overflow(length, kernel - 2 * pad, &length);
    overflow = overflow || __builtin_add_overflow(length, *output_padding, &length);
  } else if (padding != Padding::kSame) {
    overflow =
        overflow || __builtin_add_overflow(length, std::max<int64_t>(kernel - stride, 0), &length);
  }
  if (!overflow && length >= 0 && length <= kMaxElements) return length;
  return absl::InvalidArgumentError(absl::StrCat("A transposed convolution cannot make a size of ",
                                                 n, ", kernel ", kernel, ", stride ", stride));
}

template <typename Window>
void ConvTransposeOptions<Window>::Fields(ConfigFields& f) {
  f("filters", filters);
  f("kernel_size", kernel_size);
  f("strides", strides);
  f("padding", padding);
  f("output_padding", output_padding);
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
  f("trainable", trainable);
  f("name", name);
}

namespace {

template <typename Window>
Sliding TransposedSliding(const ConvTransposeOptions<Window>& o) {
  const std::vector<int64_t> strides = SizesOf(o.strides);
  return {.strides = strides,
          .dilation_rate = std::vector<int64_t>(strides.size(), 1),
          .padding = o.padding,
          .data_format = o.data_format};
}

template <typename Window>
absl::Status CheckOptions(const ConvTransposeOptions<Window>& o) {
  const std::vector<int64_t> kernel = SizesOf(o.kernel_size), strides = SizesOf(o.strides);
  SLUICE_RETURN_IF_ERROR(CheckPositive("filters", o.filters));
  SLUICE_RETURN_IF_ERROR(CheckSizes("kernel_size", kernel));
  SLUICE_RETURN_IF_ERROR(CheckSizes("strides", strides));
  SLUICE_RETURN_IF_ERROR(CheckInt32("kernel_size", kernel));
  SLUICE_RETURN_IF_ERROR(CheckInt32("strides", strides));
  if (o.padding == Padding::kCausal) {
    return absl::InvalidArgumentError(
        "Causal padding is only supported for `Conv1D` and `SeparableConv1D`.");
  }
  if (!o.output_padding.has_value()) return absl::OkStatus();
  const std::vector<int64_t> padding = SizesOf(*o.output_padding);
  for (size_t i = 0; i < padding.size(); ++i) {
    if (padding[i] >= 0 && padding[i] < strides[i]) continue;
    return absl::InvalidArgumentError(absl::StrCat("Stride (", absl::StrJoin(strides, ", "),
                                                   ") must be greater than output padding (",
                                                   absl::StrJoin(padding, ", "), ") >= 0"));
  }
  return absl::OkStatus();
}

}  // namespace

template <typename Window>
ConvTransposeLayer<Window>::ConvTransposeLayer(const char* class_name,
                                               ConvTransposeOptions<Window> options, LayerKind kind)
    : LayerOf<ConvTransposeOptions<Window>>(kind, class_name, std::move(options)) {}

template <typename Window>
absl::Status ConvTransposeLayer<Window>::Build(At at, const TensorShape& input) {
  const ConvTransposeOptions<Window>& o = this->options_;
  SLUICE_RETURN_IF_ERROR(CheckOptions(o));
  const std::vector<int64_t> sizes = SizesOf(o.kernel_size);
  const int rank = static_cast<int>(sizes.size()) + 2;
  SLUICE_ASSIGN_OR_RETURN(const int64_t channels, InputChannels(input, o.data_format, rank));
  this->input_spec_ = {{.ndim = rank, .axes = {{ChannelAxis(o.data_format, rank), channels}}}};
  TensorShape shape{absl::Span<const int64_t>(sizes)};
  shape.AddDim(o.filters);
  shape.AddDim(channels);
  kernel_ = this->AddKernel(at, o, shape);
  bias_ = this->AddBias(at, o, {o.filters});
  return absl::OkStatus();
}

template <typename Window>
std::optional<int64_t> ConvTransposeLayer<Window>::OutputPadding(int axis) const {
  if (!this->options_.output_padding.has_value()) return std::nullopt;
  return SizesOf(*this->options_.output_padding)[axis];
}

template <typename Window>
Output ConvTransposeLayer<Window>::Call(At at, const Output& input, const CallOptions&) {
  const ConvTransposeOptions<Window>& o = this->options_;
  const std::vector<int64_t> kernel = SizesOf(o.kernel_size), strides = SizesOf(o.strides);
  const Sliding sliding = TransposedSliding(o);
  const int spatial = static_cast<int>(kernel.size()), first = SpatialAxis(o.data_format);
  // While building, what is known; when running, all of it.
  TensorShape shape = input.shape();
  shape.set_dim(ChannelAxis(o.data_format, sliding.rank()), o.filters);
  const Output input_shape = ops::ShapeTensor(at, input);
  Outputs sizes(sliding.rank());  // the channels stay empty
  sizes[0] = Element(at, input_shape, 0);
  for (int i = 0; i < spatial; ++i) sizes[first + i] = Element(at, input_shape, first + i);
  for (int i = 0; i < spatial; ++i) {
    const absl::StatusOr<int64_t> length =
        TransposedLength(shape.dim(first + i), kernel[i], strides[i], o.padding, OutputPadding(i));
    if (!length.ok()) return at.Fail(this->class_name(), length.status());
    shape.set_dim(first + i, *length);
    sizes[first + i] =
        DynamicLength(at, sizes[first + i], kernel[i], strides[i], o.padding, OutputPadding(i));
  }
  const Output output_shape = Stack(at, sizes, o.filters);
  const At inside = at.Composite(spatial == 2 ? "conv2d_transpose" : "conv3d_transpose");
  Output y = TransposeNode(inside.AsScope(), output_shape, kernel_, input, sliding);
  if (y.empty()) return y;
  const absl::Status status = at.graph().SetShape(y, shape);
  if (!status.ok()) return at.Fail(this->class_name(), status);
  if (o.use_bias) y = AddChannelBias(at, y, bias_, o.data_format);
  return o.activation(at, y);
}

template struct ConvTransposeOptions<Int2>;
template struct ConvTransposeOptions<Int3>;
template class ConvTransposeLayer<Int2>;
template class ConvTransposeLayer<Int3>;

Output Conv2DTranspose(At at, Output inputs, Conv2DTransposeOptions options) {
  return ApplyOnce<Conv2DTransposeLayer>(at, inputs, std::move(options));
}
Output Conv3DTranspose(At at, Output inputs, Conv3DTransposeOptions options) {
  return ApplyOnce<Conv3DTransposeLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
