// What convolutions share, of planes, plain and depthwise, and of volumes: shapes, checks and
// kernels. For the .cc files of those ops.
#ifndef SLUICE_OPS_CONV_COMMON_H_
#define SLUICE_OPS_CONV_COMMON_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/kernel.h"
#include "graph/node.h"
#include "graph/shape_context.h"
#include "ops/kernels/conv.h"

namespace sluice::ops {

enum class ConvKind { kPlain, kDepthwise, kVolume };

// Shape functions of the forward op (input, filter), of the input's gradient (input_sizes, filter,
// out_backprop) and of the filter's gradient (input, filter_sizes, out_backprop). A tensor of the
// wanted shape may stand for the sizes. InvalidArgument in the words of rules CV-1 and CV-5.
absl::Status ConvOutputShape(ShapeContext& c, ConvKind kind);
absl::Status ConvInputGradientShape(ShapeContext& c, ConvKind kind);
absl::Status ConvFilterGradientShape(ShapeContext& c, ConvKind kind);

// The kernel of any of the three ops, for float and double. Tensors without elements are served: an
// empty output, or zeros. Unimplemented for a filter that reads a part of the channels (groups).
// With an epilogue (forward only): inputs 2 and, where there is one, 3 are the bias and the
// residual, as far as it has them; Unimplemented for an input without elements whose output has
// some.
absl::StatusOr<KernelRun> PrepareConv(PrepareContext& p, kernels::ConvPass pass, ConvKind kind,
                                      const kernels::Epilogue& epilogue = {});

// The attributes of `op` that its gradient nodes have too.
AttrMap ConvAttrs(const Node& op);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_CONV_COMMON_H_
