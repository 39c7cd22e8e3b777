// Sums of gradients, dense and sparse (rule GR-9). For graph/ and train/.
#ifndef SLUICE_GRAPH_AGGREGATE_H_
#define SLUICE_GRAPH_AGGREGATE_H_

#include "absl/strings/string_view.h"
#include "graph/at.h"
#include "graph/gradients.h"
#include "graph/indexed_slices.h"

namespace sluice {

// The sum of what came in for one output of the op `op_name`. One term is returned as it is, none
// as nothing. REQUIRES: no term is empty.
TensorOrSlices Aggregate(At at, const TensorsOrSlices& terms, AggregationMethod method,
                         absl::string_view op_name);

// `gradient` with its tensor, or the values of its slices, replaced.
TensorOrSlices WithValues(const TensorOrSlices& gradient, const Output& values);

}  // namespace sluice

#endif  // SLUICE_GRAPH_AGGREGATE_H_
