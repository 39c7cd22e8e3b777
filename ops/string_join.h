// Strings put together: element by element, or along dimensions.
#ifndef SLUICE_OPS_STRING_JOIN_H_
#define SLUICE_OPS_STRING_JOIN_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// inputs[0] + separator + inputs[1] + ... All inputs have one shape, or are scalars that stand for
// every element.
Output StringJoin(At at, const Outputs& inputs, const std::string& separator = "");

struct ReduceJoinOptions {
  bool keep_dims = false;      // reduced dimensions stay, as 1
  std::string separator = "";  // between the joined strings
};
// The strings along the dimensions `reduction_indices` (int32, negative from the end) joined, the
// dimension named first varying fastest: over {0, 1} of [["a", "b"], ["c", "d"]] gives "acbd". None
// named: nothing is joined. InvalidArgument for dimensions out of range or named twice.
Output ReduceJoin(At at, Output inputs, Ints reduction_indices,
                  const ReduceJoinOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRING_JOIN_H_
