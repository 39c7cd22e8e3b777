// Blocks of space moved to the channels, and back.
#ifndef SLUICE_OPS_SPACE_TO_DEPTH_H_
#define SLUICE_OPS_SPACE_TO_DEPTH_H_

#include <cstdint>
#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct SpaceToDepthOptions {
  std::string data_format = "NHWC";  // or "NCHW"; "NCHW_VECT_C" is not supported (Unimplemented)
};

// Squares of block_size x block_size pixels become one pixel of block_size^2 times the channels:
//   y[n, h, w, (i * b + j) * depth + c] = x[n, h * b + i, w * b + j, c].
// InvalidArgument unless height and width are multiples of block_size. Any dtype. Gradient:
// DepthToSpace of dy.
Output SpaceToDepth(At at, Output input, int64_t block_size,
                    const SpaceToDepthOptions& options = {});
// The inverse. InvalidArgument unless the depth is a multiple of block_size^2. Gradient:
// SpaceToDepth of dy.
Output DepthToSpace(At at, Output input, int64_t block_size,
                    const SpaceToDepthOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPACE_TO_DEPTH_H_
