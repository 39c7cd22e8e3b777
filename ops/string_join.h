// StringJoin: strings put together element by element.
#ifndef SLUICE_OPS_STRING_JOIN_H_
#define SLUICE_OPS_STRING_JOIN_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

// inputs[0] + separator + inputs[1] + ... All inputs have one shape, or are scalars that stand for
// every element.
Output StringJoin(At at, const Outputs& inputs, const std::string& separator = "");

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRING_JOIN_H_
