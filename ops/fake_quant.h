// Training for quantization: values rounded to steps that a few bits can tell apart.
#ifndef SLUICE_OPS_FAKE_QUANT_H_
#define SLUICE_OPS_FAKE_QUANT_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// float inputs are clamped to [min, max] and rounded to one of 2^num_bits values (one less with
// narrow_range) at equal distances in it, after min and max were moved so that 0 is one of them.
// InvalidArgument unless 2 <= num_bits <= 16. (tf.quantization.fake_quant_with_min_max_*)
//
// Gradients: dy for inputs inside of the moved [min, max], ends included; to min the sum of dy over
// the inputs below, to max over those above.
struct FakeQuantArgsOptions {
  float min = -6, max = 6;  // InvalidArgument unless min < max
  int64_t num_bits = 8;
  bool narrow_range = false;
};
struct FakeQuantVarsOptions {
  int64_t num_bits = 8;
  bool narrow_range = false;
};
struct FakeQuantVarsGradients {
  Output backprops_wrt_input, backprop_wrt_min, backprop_wrt_max;
};

Output FakeQuantWithMinMaxArgs(At at, Output inputs, const FakeQuantArgsOptions& options = {});
Output FakeQuantWithMinMaxArgsGradient(At at, Output gradients, Output inputs,
                                       const FakeQuantArgsOptions& options = {});
// min and max are scalars. Where both are 0 the result is 0, and the gradient dy.
Output FakeQuantWithMinMaxVars(At at, Output inputs, Output min, Output max,
                               const FakeQuantVarsOptions& options = {});
FakeQuantVarsGradients FakeQuantWithMinMaxVarsGradient(At at, Output gradients, Output inputs,
                                                       Output min, Output max,
                                                       const FakeQuantVarsOptions& options = {});
// inputs [..., depth], min and max [depth].
Output FakeQuantWithMinMaxVarsPerChannel(At at, Output inputs, Output min, Output max,
                                         const FakeQuantVarsOptions& options = {});
FakeQuantVarsGradients FakeQuantWithMinMaxVarsPerChannelGradient(
    At at, Output gradients, Output inputs, Output min, Output max,
    const FakeQuantVarsOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FAKE_QUANT_H_
