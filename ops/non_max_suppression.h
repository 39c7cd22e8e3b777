// Choosing among overlapping boxes: NonMaxSuppression and its versions.
#ifndef SLUICE_OPS_NON_MAX_SUPPRESSION_H_
#define SLUICE_OPS_NON_MAX_SUPPRESSION_H_

#include "graph/at.h"
#include "graph/output.h"
#include "ops/const.h"

namespace sluice::ops {

// boxes [n, 4], corners {y1, x1, y2, x2} in any order, scores [n]: half or float (one type). The
// indices of at most max_output_size boxes, best score first, of equals the lower index first: a
// box is left out when its intersection over union with one chosen before is at least
// iou_threshold, or its score is not above score_threshold. (Boxes without area intersect nothing.)
// Results are int32 and have no gradient. InvalidArgument for a negative max_output_size and an
// iou_threshold outside of [0, 1]. (tf.image.non_max_suppression)

struct NonMaxSuppressionOptions {
  float iou_threshold = 0.5f;
};
Output NonMaxSuppression(At at, Output boxes, Output scores, Ints max_output_size,
                         const NonMaxSuppressionOptions& options = {});
Output NonMaxSuppressionV2(At at, Output boxes, Output scores, Ints max_output_size,
                           Output iou_threshold);
Output NonMaxSuppressionV3(At at, Output boxes, Output scores, Ints max_output_size,
                           Output iou_threshold, Output score_threshold);

struct NonMaxSuppressionPadOptions {
  bool pad_to_max_output_size = false;  // zeros fill up the results to max_output_size
};
struct NonMaxSuppressionV4Outputs {
  Output selected_indices;
  Output valid_outputs;  // how many before padding, a scalar
};
NonMaxSuppressionV4Outputs NonMaxSuppressionV4(At at, Output boxes, Output scores,
                                               Ints max_output_size, Output iou_threshold,
                                               Output score_threshold,
                                               const NonMaxSuppressionPadOptions& options = {});

struct NonMaxSuppressionV5Outputs {
  Output selected_indices;
  Output selected_scores;  // as they were when chosen
  Output valid_outputs;
};
// Soft suppression (Bodla et al. 2017) where soft_nms_sigma > 0: a box that overlaps by o with a
// chosen one stays, with its score times exp(-o^2 / (2 sigma)).
NonMaxSuppressionV5Outputs NonMaxSuppressionV5(At at, Output boxes, Output scores,
                                               Ints max_output_size, Output iou_threshold,
                                               Output score_threshold, Output soft_nms_sigma,
                                               const NonMaxSuppressionPadOptions& options = {});

}  // namespace sluice::ops

#endif  // SLUICE_OPS_NON_MAX_SUPPRESSION_H_
