// The nodes of TensorFlow's convolution functions, for sequences, images and volumes. What the
// layers (conv.h, separable_conv.h, ...) and the functions of nn_convolution.h share.
#ifndef SLUICE_LAYERS_CONV_NODES_H_
#define SLUICE_LAYERS_CONV_NODES_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "graph/at.h"
#include "graph/output.h"
#include "layers/data_format.h"
#include "ops/padding.h"

namespace sluice::layers {

// How a window slides over a batch; an entry per spatial dimension.
struct Sliding {
  std::vector<int64_t> strides, dilation_rate;
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;

  int rank() const { return static_cast<int>(strides.size()) + 2; }  // of the batch
};

// InvalidArgument when some stride and some dilation are not 1 (rule CV-6).
absl::Status CheckStridesOrDilation(const Sliding& s);

// TensorFlow's convolutions leave the vector `dilation_rate` beside them: where the rate is not 1
// it fed a SpaceToBatchND. Ours is an attribute of the op, so that nothing reads the node.
void DilationRateConst(At at, const Sliding& s);

// The convolution of a batch x with a filter [sizes..., Cin, Cout]: a node Conv2D or Conv3D, or for
// sequences those of tf.nn.conv1d in a scope "conv1d". Padding::kCausal pads before, in
// front of everything (`Pad`).
Output ConvNodes(At at, const Output& x, const Output& filter, const Sliding& s);
// The nodes of tf.nn.conv1d in the scope `inside`: ExpandDims, ExpandDims_1, Conv2D, Squeeze (rule
// CV-20).
Output Conv1DNodes(At inside, const Output& x, const Output& filter, const Sliding& s);
// `x` with dilation * (kernel - 1) zeros before a sequence.
Output CausalPad(At at, const Output& x, int64_t kernel, const Sliding& s);

// The nodes of tf.nn.depthwise_conv2d in the scope `inside`, whose name the convolution takes
// (`whole`: the depthwise part of tf.nn.separable_conv2d is called "depthwise" there): Shape,
// dilation_rate, DepthwiseConv2dNative.
Output DepthwiseNodes(At inside, At whole, const Output& x, const Output& filter, const Sliding& s);
// The nodes of tf.nn.separable_conv2d in a scope "separable_conv2d" (rule CV-23).
Output SeparableNodes(At at, const Output& x, const Output& depthwise, const Output& pointwise,
                      const Sliding& s);

// The transposed convolution of x with a filter [sizes..., F, Cin]: a node Conv2DBackpropInput or
// Conv3DBackpropInputV2 with the name of `whole`. `output_shape` is an int32 vector.
Output TransposeNode(At whole, const Output& output_shape, const Output& filter, const Output& x,
                     const Sliding& s);

// x + bias per channel, for batches of rank 3, 4 and 5. With channels first, volumes become images
// for the while, and sequences (and volumes of unknown sizes) add a reshaped bias, as rule SD-8 has
// it. The batch may be unknown.
Output AddChannelBias(At at, const Output& x, const Output& bias, DataFormat data_format);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_CONV_NODES_H_
