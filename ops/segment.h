// Reductions over groups of rows that ids name.
#ifndef SLUICE_OPS_SEGMENT_H_
#define SLUICE_OPS_SEGMENT_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// y[s, i...] = the sum (product, maximum, minimum) of data[j..., i...] over all j with
// segment_ids[j...] = s. The shape of `segment_ids` (int32 or int64) is a prefix of data's. Rows
// with a negative id are dropped; an id >= num_segments (int32 or int64 scalar) fails the run:
// InvalidArgument ~ "segment_ids[1] = 7 is out of range [0, 5)". Segments without rows give 0, 1,
// the type's lowest, the type's highest value. Gradients to data: dy of the row's segment (times
// the product of the others; shared equally by the rows that are the maximum or minimum); 0 for
// dropped rows.
Output UnsortedSegmentSum(At at, Output data, Output segment_ids, Ints num_segments);
Output UnsortedSegmentProd(At at, Output data, Output segment_ids, Ints num_segments);
Output UnsortedSegmentMax(At at, Output data, Output segment_ids, Ints num_segments);
Output UnsortedSegmentMin(At at, Output data, Output segment_ids, Ints num_segments);

// The same for a vector of ids that does not decrease, one per row of `data`; there are as many
// segments as the last id says. Segments without rows give 0 (Prod: 1). InvalidArgument for
// negative or decreasing ids.
Output SegmentSum(At at, Output data, Output segment_ids);
Output SegmentMean(At at, Output data, Output segment_ids);
Output SegmentProd(At at, Output data, Output segment_ids);
Output SegmentMax(At at, Output data, Output segment_ids);
Output SegmentMin(At at, Output data, Output segment_ids);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_SEGMENT_H_
