// The arithmetic of masks: which weights are the largest, one by one or in blocks.
#ifndef SLUICE_TRAIN_PRUNING_MASKS_H_
#define SLUICE_TRAIN_PRUNING_MASKS_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"
#include "train/pruning_hparams.h"

namespace sluice::pruning {

struct NewMask {
  Output threshold;  // scalar, dtype of the weights
  Output mask;       // shape and dtype of the weights, 0 or 1
};

// Rule PR-11, with a = |weights|, n elements, k = round(n * (1 - sparsity)), halves to even, at
// least 1 and at most n:
//   present   = the k-th largest of a
//   threshold = present * (1 - decay) + old_threshold * decay
//   mask      = a >= threshold
// so ties with the threshold stay, and with decay 0 at least k weights. Example: |w| = 4 3 2 1 and
// sparsity 0.5 keep 4 and 3, threshold 3. `weights`: floating, of fully defined shape, not empty;
// `old_threshold` a scalar of their dtype; `sparsity` a float32 scalar. (TensorFlow fails for k =
// 0, a sparsity close to 1.)
NewMask LargestWeights(At at, Output weights, Output old_threshold, Output sparsity, double decay);

// Rule PR-12: the same for blocks of a matrix, each measured by the mean ("AVG") or maximum ("MAX")
// of its absolute weights; blocks that stick out are measured by what is inside. Weights that are
// no matrix once their dimensions of 1 are dropped, and blocks of 1x1, are LargestWeights.
// InvalidArgument on the graph ~ "Unknown pooling function for block sparsity".
NewMask LargestBlocks(At at, Output weights, Output old_threshold, Output sparsity, double decay,
                      BlockDims block, const std::string& pooling_function);

}  // namespace sluice::pruning

#endif  // SLUICE_TRAIN_PRUNING_MASKS_H_
