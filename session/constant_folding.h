// Work whose result is the same in every run is done once, while a plan is compiled.
#ifndef SLUICE_SESSION_CONSTANT_FOLDING_H_
#define SLUICE_SESSION_CONSTANT_FOLDING_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/tensor.h"
#include "graph/node.h"
#include "session/program.h"
#include "session/state.h"

namespace sluice {

// Same inputs, same outputs, no effect: `inputs` are the values that the node reads.
bool IsPure(const Node& node, absl::Span<const Value* const> inputs);

// The node is pure and all that it looks at is known: the values of its inputs, or their shapes
// where it looks at no more (Shape, Size, Rank). Not where its results, of `shapes`, are large and
// come from little: those are computed in every run instead of kept. `everything` false: nothing
// but what the session alone decides and what has no inputs.
bool CanFold(const Node& node, absl::Span<const Value* const> inputs,
             absl::Span<const TensorShape> shapes, bool everything);

// Its results. REQUIRES: CanFold().
absl::StatusOr<std::vector<Tensor>> Fold(const Node& node, SessionState& session,
                                         absl::Span<const Value* const> inputs,
                                         absl::Span<const TensorShape> shapes);

}  // namespace sluice

#endif  // SLUICE_SESSION_CONSTANT_FOLDING_H_
