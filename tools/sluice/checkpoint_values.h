// How far the values of two tensors are apart.
#ifndef SLUICE_TOOLS_SLUICE_CHECKPOINT_VALUES_H_
#define SLUICE_TOOLS_SLUICE_CHECKPOINT_VALUES_H_

#include <cstdint>

#include "core/tensor.h"

namespace sluice::tools {

struct ValueDiff {
  int64_t different = 0;   // elements; a NaN is like a NaN, 0 and -0 are alike
  double largest = 0;      // |a - b| of numbers; of complex ones the modulus
  bool comparable = true;  // false: one has a NaN or an infinity where the other has another value
};
// REQUIRES: one dtype and one shape. Strings that differ are counted only.
ValueDiff CompareValues(const Tensor& a, const Tensor& b);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_CHECKPOINT_VALUES_H_
