// Strings cut into pieces.
#ifndef SLUICE_OPS_STRING_SPLIT_H_
#define SLUICE_OPS_STRING_SPLIT_H_

#include <cstdint>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::ops {

struct StringSplitOptions {
  bool skip_empty = true;  // leave empty pieces out
};
// The pieces of each string of the vector `input` as a sparse matrix {indices, values, shape}: row
// i, column j is piece j of string i. Every character of the scalar `delimiter` cuts; an empty
// delimiter cuts everywhere. (tf.string_split)
Outputs StringSplit(At at, Output input, Output delimiter, const StringSplitOptions& options = {});

struct StringSplitV2Options {
  int64_t maxsplit = -1;  // cut at most so often; the rest stays whole. -1: everywhere
};
// The same by Python's str.split: the whole string `sep` cuts, empty pieces stay; an empty `sep`
// stands for any run of white space. (tf.strings.split)
Outputs StringSplitV2(At at, Output input, Output sep, const StringSplitV2Options& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_STRING_SPLIT_H_
