// Floats as small integers and back: QuantizeV2, Dequantize.
#ifndef SLUICE_OPS_QUANTIZE_H_
#define SLUICE_OPS_QUANTIZE_H_

#include <string>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct QuantizeV2Options {
  std::string mode = "MIN_COMBINED";               // or "MIN_FIRST", "SCALED"
  std::string round_mode = "HALF_AWAY_FROM_ZERO";  // or "HALF_TO_EVEN", with SCALED only
};
struct QuantizeV2Outputs {
  Output output;      // T, of input's shape
  Output output_min;  // the range that was used: float scalars
  Output output_max;
};
// float `input`, clamped to [min_range, max_range] (float scalars; made to hold 0 and to be at
// least 0.01 wide), as quantized numbers of type T with t1 < t2 its smallest and largest:
//   MIN_COMBINED: (x - min) (t2 - t1) / (max - min), plus t1 for signed types, rounded
//   MIN_FIRST:    round(x / s) - round(min / s) + t1, s = (max - min) / (2^bits - 1)
//   SCALED:       x / s, rounded, with the smallest s that brings min and max to T
// InvalidArgument for max_range < min_range. (tf.quantization.quantize)
QuantizeV2Outputs QuantizeV2(At at, Output input, Output min_range, Output max_range, DType T,
                             const QuantizeV2Options& options = {});

struct DequantizeOptions {
  std::string mode = "MIN_COMBINED";
};
// The inverse: float of input's shape. (tf.quantization.dequantize)
Output Dequantize(At at, Output input, Output min_range, Output max_range,
                  const DequantizeOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_QUANTIZE_H_
