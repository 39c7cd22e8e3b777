// Every rewrite of plans that the built-in ops bring along (graph/rewrite.h).
#ifndef SLUICE_OPS_REWRITES_ALL_REWRITES_H_
#define SLUICE_OPS_REWRITES_ALL_REWRITES_H_

#include <vector>

#include "graph/rewrite.h"

namespace sluice::ops {

// In the order in which plans apply them: simplification first, then what contractions take in,
// then the rest.
std::vector<Rewrite> AllRewrites();

}  // namespace sluice::ops

#endif  // SLUICE_OPS_REWRITES_ALL_REWRITES_H_
