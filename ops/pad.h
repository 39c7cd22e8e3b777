// Pad: values put around a tensor.
#ifndef SLUICE_OPS_PAD_H_
#define SLUICE_OPS_PAD_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// `paddings` is an int32 or int64 matrix of shape [rank, 2]: how many elements come before and
// after in each dimension, all >= 0. As numbers it is written row by row: Pad(s, x, {1, 1, 0, 2})
// puts one row on either side of a matrix and two columns behind.

// Zeros ("" for strings) around `input`. Any dtype. Gradient: dy without its border.
Output Pad(At at, Output input, Ints paddings);

// The scalar `constant_values` around `input`. Gradient: dy without its border; none to
// constant_values, as in TensorFlow.
Output PadV2(At at, Output input, Ints paddings, Output constant_values);

struct MirrorPadOptions {
  std::string mode =
      "REFLECT";  // [1, 2, 3] -> [3, 2, 1, 2, 3, 2, 1]; "SYMMETRIC": [2, 1, 1, 2, 3, 3, 2]
};
// Reflections of `input` around it. A padding may be at most the dimension's size ("SYMMETRIC"), or
// one less ("REFLECT"): InvalidArgument otherwise. Any dtype. Gradient: MirrorPadGrad of dy.
Output MirrorPad(At at, Output input, Ints paddings, const MirrorPadOptions& options = {});

// `input` without its border, to which every border element was added where MirrorPad had read it.
// Numbers. Gradient: MirrorPad of dy.
Output MirrorPadGrad(At at, Output input, Ints paddings, const MirrorPadOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_PAD_H_
