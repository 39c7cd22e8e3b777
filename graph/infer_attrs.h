// Attributes that follow from what an op is given.
#ifndef SLUICE_GRAPH_INFER_ATTRS_H_
#define SLUICE_GRAPH_INFER_ATTRS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/attr_value.h"
#include "core/dtype.h"
#include "graph/op_spec.h"

namespace sluice {

// Fills type attrs, counts and type lists that follow from the dtypes of the inputs (no references)
// and are not given. What does not follow is left for CheckAttrs to miss. InvalidArgument for a
// number of inputs that the op cannot have.
absl::Status InferAttrs(const OpSpec& spec, absl::Span<const DType> inputs, AttrMap* attrs);

// How many flat inputs `arg` takes, when `attrs` tell. REQUIRES: its count or type list is there.
int64_t ArgCount(const ArgSpec& arg, const AttrMap& attrs);

}  // namespace sluice

#endif  // SLUICE_GRAPH_INFER_ATTRS_H_
