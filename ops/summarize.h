// Tensors in words, as TensorFlow's Print and Assert show them.
#ifndef SLUICE_OPS_SUMMARIZE_H_
#define SLUICE_OPS_SUMMARIZE_H_

#include <cstdint>
#include <string>

#include "core/tensor.h"

namespace sluice::ops {

// The first `max_entries` elements (all of them when negative): "1 2 3..." of a vector, "[1 2][3
// 4]..." of a matrix. Floats in the fewest digits that read back the same, bools as 1 and 0,
// strings escaped; "?" for what has no words.
std::string SummarizeValue(const Tensor& tensor, int64_t max_entries);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SUMMARIZE_H_
