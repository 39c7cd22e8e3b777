// The one list of rewrites: a function per file of this folder. Order matters.
#include "ops/rewrites/all_rewrites.h"

// clang-format off
#define SLUICE_REWRITES(X) \
  /* exact simplifications */ \
  X(Simplify) X(AbsorbTranspose) \
  /* into contractions */ \
  X(AbsorbPad) X(FoldBatchNorm) X(FuseConv) X(FuseMatMul) X(DropUnusedOutputs) \
  /* batch normalization */ \
  X(FuseBatchNorm) \
  /* elementwise chains and updates */ \
  X(FuseElementwise)
// clang-format on

namespace sluice::ops {

#define X(name) Rewrite name##Rewrite();
SLUICE_REWRITES(X)
#undef X

std::vector<Rewrite> AllRewrites() {
#define X(name) name##Rewrite(),
  return {SLUICE_REWRITES(X)};
#undef X
}

}  // namespace sluice::ops
