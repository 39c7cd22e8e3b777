// Shapes that a graph computes, as far as they are known before it runs.
#ifndef SLUICE_TRAIN_TRANSFORMS_SHAPES_H_
#define SLUICE_TRAIN_TRANSFORMS_SHAPES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "graph/graph.h"
#include "train/transforms_def.h"

namespace sluice::train {

// The shape input of the Reshape `node`, as numbers of which one may be -1, that does the same in
// every run: [batch of x, 12] is [-1, 12], and so is [batch of x, -1] when the other dimensions of
// x are known to be 12 elements. What computes it may be made of Shape, slices, Pack, ConcatV2,
// Cast and the like. nullopt when it is not known so well. `graph`: `def` with inferred shapes.
std::optional<std::vector<int64_t>> KnownReshape(const Graph& graph, const DefEditor& def,
                                                 int node);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_TRANSFORMS_SHAPES_H_
