// Which of some ranges do numbers lie in? HistogramFixedWidth counts, Bucketize says. No gradients.
#ifndef SLUICE_OPS_HISTOGRAM_H_
#define SLUICE_OPS_HISTOGRAM_H_

#include <vector>

#include "core/dtype.h"
#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

struct HistogramFixedWidthOptions {
  DType dtype = DType::kInt32;  // of the counts; or kInt64
};
// How many of `values` (int32, int64, float, double; any shape) lie in each of `nbins` (int32
// scalar, > 0) equal parts of [value_range[0], value_range[1]]. Values outside count at the ends,
// NaN in the first bin. InvalidArgument unless value_range is a vector of two increasing numbers.
Output HistogramFixedWidth(At at, Output values, Output value_range, Ints nbins,
                           const HistogramFixedWidthOptions& options = {});

// y[i] = how many of the sorted `boundaries` are <= input[i], int32. InvalidArgument when they are
// not sorted.
Output Bucketize(At at, Output input, const std::vector<float>& boundaries);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_HISTOGRAM_H_
