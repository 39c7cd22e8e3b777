// The ops that chains of elementwise ops become in a plan (rewrites/fuse_elementwise.cc). No graph
// should hold them: their attributes name functions of this process by address. One that comes from
// elsewhere all the same is checked like any other: InvalidArgument unless every function is known,
// used with its own types, and every shape fits.
#ifndef SLUICE_OPS_FUSED_ELEMENTWISE_H_
#define SLUICE_OPS_FUSED_ELEMENTWISE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/tensor_shape.h"
#include "ops/kernels/tile_program.h"

namespace sluice::ops {

// `_FusedElementwise`: every output has all elements of the chain's shape and may take over the
// memory of an input of the same size. REQUIRES of its makers: such an input has form kWhole.
inline constexpr char kFusedElementwise[] = "_FusedElementwise";
// `_FusedReduction`: the same with outputs of any form, apart from its inputs.
inline constexpr char kFusedReduction[] = "_FusedReduction";

// The attributes of either op for a chain, whose functions are known from now on. `shapes`: one per
// output of the chain; `text`: the ops that went into it, for people.
AttrMap ChainAttrs(const kernels::TileSteps& steps, std::vector<TensorShape> shapes,
                   std::string text);
// The chain that such attributes hold. InvalidArgument when they hold none.
absl::StatusOr<kernels::TileSteps> ChainOf(const AttrMap& attrs);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FUSED_ELEMENTWISE_H_
