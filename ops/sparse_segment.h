// Reductions over segments of rows that are picked by index: what embedding_lookup_sparse is made
// of.
#ifndef SLUICE_OPS_SPARSE_SEGMENT_H_
#define SLUICE_OPS_SPARSE_SEGMENT_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// y[s] = the sum of the rows data[indices[i]] with segment_ids[i] = s; its mean; its sum over the
// square root of their number. Segment ids (int32) are sorted and >= 0, as many as indices (int32
// or int64); y has a row for each up to the last, zeros where a segment has no rows.
// InvalidArgument for ids out of order and indices outside data. Sum: real numbers; Mean and SqrtN:
// float, double. Gradient to data.
Output SparseSegmentSum(At at, Output data, Output indices, Output segment_ids);
Output SparseSegmentMean(At at, Output data, Output indices, Output segment_ids);
Output SparseSegmentSqrtN(At at, Output data, Output indices, Output segment_ids);
// The same with `num_segments` rows (int32 or int64 scalar); InvalidArgument for a larger id.
Output SparseSegmentSumWithNumSegments(At at, Output data, Output indices, Output segment_ids,
                                       Ints num_segments);
Output SparseSegmentMeanWithNumSegments(At at, Output data, Output indices, Output segment_ids,
                                        Ints num_segments);
Output SparseSegmentSqrtNWithNumSegments(At at, Output data, Output indices, Output segment_ids,
                                         Ints num_segments);

// Gradients of Mean and SqrtN: `output_dim0` (int32 scalar) rows, zeros where no index points.
Output SparseSegmentMeanGrad(At at, Output grad, Output indices, Output segment_ids,
                             Ints output_dim0);
Output SparseSegmentSqrtNGrad(At at, Output grad, Output indices, Output segment_ids,
                              Ints output_dim0);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SPARSE_SEGMENT_H_
