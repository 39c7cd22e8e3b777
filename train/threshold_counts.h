// Counts of right and wrong predictions at several thresholds.
#ifndef SLUICE_TRAIN_THRESHOLD_COUNTS_H_
#define SLUICE_TRAIN_THRESHOLD_COUNTS_H_

#include <array>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::metrics {

// In the order in which the variables are made.
enum class CountKind { kTruePositives, kFalseNegatives, kTrueNegatives, kFalsePositives };
inline constexpr int kCountKinds = 4;

// Per kind a vector, one element per threshold; empty for kinds not asked for.
class ThresholdCounts {
 public:
  const Output& operator[](CountKind kind) const { return counts_[static_cast<size_t>(kind)]; }
  Output& operator[](CountKind kind) { return counts_[static_cast<size_t>(kind)]; }

 private:
  std::array<Output, kCountKinds> counts_;
};

// What the variables hold, and what they hold after this batch.
struct StreamingCounts {
  ThresholdCounts values, updates;
  bool ok = false;
};

// Makes the variables `true_positives`, ... of the kinds asked for in the scope of `at`, and what
// adds the batch to them. Predictions outside [0, 1] fail the run.
StreamingCounts CountAtThresholds(At at, Output labels, Output predictions,
                                  const std::vector<float>& thresholds, Output weights,
                                  const std::vector<CountKind>& kinds);

// -1e-7, num_thresholds - 2 evenly between 0 and 1, 1 + 1e-7. InvalidArgument below 2.
std::vector<float> EvenThresholds(At at, int num_thresholds);
// `thresholds` sorted, between the two ends.
std::vector<float> WithEnds(std::vector<float> thresholds);

}  // namespace sluice::metrics

#endif  // SLUICE_TRAIN_THRESHOLD_COUNTS_H_
