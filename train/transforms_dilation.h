// Dilated convolutions in the form that every reader of TensorFlow 1's graphs knows.
#ifndef SLUICE_TRAIN_TRANSFORMS_DILATION_H_
#define SLUICE_TRAIN_TRANSFORMS_DILATION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace sluice {
class OpRegistry;
namespace proto {
class GraphDef;
}  // namespace proto

namespace train {

// Conv2D and DepthwiseConv2dNative did not always have the attribute "dilations"; readers that do
// not look at it (OpenCV's) compute something else without a word. So a convolution with dilations
// becomes what tf.nn.convolution wrote before:
//
//   <name>/SpaceToBatchND -> <name>/<op> (padding VALID) -> <name> (BatchToSpaceND)
//
// Needs strides of 1, channels last, and the height and width of the input and the filter, which
// must be known from shapes (tf.nn.with_space_to_batch has the arithmetic); others stay.
// Errors: those of an import of `def`.
absl::Status ExpandDilations(const std::vector<std::string>& outputs, const OpRegistry& registry,
                             proto::GraphDef* def);

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_TRANSFORMS_DILATION_H_
