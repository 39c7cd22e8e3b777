// Reshapes that layers need, static where the shapes are known.
#ifndef SLUICE_LAYERS_RESHAPING_H_
#define SLUICE_LAYERS_RESHAPING_H_

#include <vector>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::layers {

// An int32 vector constant.
Output DimsConst(At at, const char* name, const std::vector<int64_t>& dims);
// Reshape to constant dims, of which one may be -1.
Output ReshapeTo(At at, Output x, const std::vector<int64_t>& dims);
// Reshapes `rows` [n, last] to the shape of `like` with its last dimension replaced by `last`. The
// result is called like the scope.
Output WithLeadingDims(At at, Output rows, const Output& like, int64_t last);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_RESHAPING_H_
