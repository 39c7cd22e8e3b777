// Batch normalization of a frozen graph, folded into the weights before it.
#ifndef SLUICE_TRAIN_TRANSFORMS_BATCH_NORM_H_
#define SLUICE_TRAIN_TRANSFORMS_BATCH_NORM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sluice {
namespace proto {
class GraphDef;
}  // namespace proto

namespace train {

// A contraction (Conv2D, Conv3D, DepthwiseConv2dNative, Conv2DBackpropInput, MatMul) followed by
// steps that multiply each channel by a constant and add one,
//
//   y = (conv(x, w) + b) * m + a  =  conv(x, w * m) + (b * m + a),
//
// becomes the contraction with weights w * m, computed in double, and a BiasAdd. Steps are
//  - FusedBatchNorm, V2 and V3 with is_training false: m = scale / sqrt(variance + epsilon),
//    a = offset - mean * m; BatchNormWithGlobalNormalization;
//  - Mul, RealDiv, Add, AddV2, Sub, BiasAdd with a constant per channel or a single one: what
//    tf.nn.batch_normalization writes, after FoldConstants.
// Squeeze and BatchToSpaceND (of convolutions over one dimension, and dilated ones) may lie in
// between. Channels may be last or, for convolutions, first (NCHW).
//
// The last step's node becomes the BiasAdd (Identity where there is nothing to add), the
// contraction keeps its name. Weights that nobody else reads change in place; shared ones get a
// copy, "<contraction>/folded_weights". The bias is
// "<last step>/bias".
//
// Left as it is: what only adds; a step whose input somebody else reads, or that `outputs` name
// before the last; moments that are used further; is_training; variance + epsilon not positive;
// weights that are no constants or other than float and double.
//
// Returns how many contractions took something in. Run FoldConstants before, for constants that are
// computed. Errors: a graph whose inputs do not exist, constants that no message can hold.
absl::StatusOr<int> FoldBatchNorms(const std::vector<std::string>& outputs, proto::GraphDef* def);

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_TRANSFORMS_BATCH_NORM_H_
