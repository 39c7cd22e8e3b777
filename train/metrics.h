// Metrics (tf.metrics): numbers about a whole stream of batches, of which each run sees one.
//
// A metric keeps running sums in variables. `update_op` adds the batch to them and is the metric's
// value after that; `value` only reads them: any number of times, the same number. The variables
// are float32 zeros at first unless said otherwise, not trainable, in LOCAL_VARIABLES and
// METRIC_VARIABLES: LocalVariablesInitializer makes them, and starts a new stream. They are called
// `<scope>/total` and so on, the scope being options.name, else the metric's own, as below, made
// unique in both cases ("mean", then "mean_1").
//
// Labels, predictions and values may be of any numeric dtype or bool. Where the ranks of labels and
// predictions differ by one, a last dimension of 1 goes away. Their shapes must be equal else
// (InvalidArgument "Shapes [2] and [3] are incompatible"). Weights are a scalar, or broadcast to
// the predictions with their rank (or a last dimension of 1 more or less), else InvalidArgument
// "weights can not be broadcast to values."; without weights everything counts once. 0 / 0 is 0.
// All errors are kept on the graph; missing tensors are "labels must not be None.".
#ifndef SLUICE_TRAIN_METRICS_H_
#define SLUICE_TRAIN_METRICS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/at.h"
#include "graph/output.h"

namespace sluice::metrics {

struct Metric {
  Output value;
  Output update_op;
};

// Arguments that all metrics share.
struct MetricOptions {
  Output weights = {};                                // empty: 1
  std::vector<std::string> metrics_collections = {};  // get the value
  std::vector<std::string> updates_collections = {};  // get the update op
  std::string name = {};                              // scope; empty: the metric's own
};

// --- means: variables `total` and `count`, value total / count ---

// sum(w v) / sum(w) over all elements. Scope "mean".
Metric Mean(At at, Output values, MetricOptions options = {});
// The same element by element, of values of one fully defined shape; `total_tensor`,
// `count_tensor`. Scope "mean".
Metric MeanTensor(At at, Output values, MetricOptions options = {});
// The part of predictions that equal their labels. Scope "accuracy".
Metric Accuracy(At at, Output labels, Output predictions, MetricOptions options = {});
// The part of values < threshold. Scope "percentage_below_threshold".
Metric PercentageBelow(At at, Output values, double threshold, MetricOptions options = {});
// Scopes "mean_absolute_error", "mean_squared_error", "root_mean_squared_error".
Metric MeanAbsoluteError(At at, Output labels, Output predictions, MetricOptions options = {});
Metric MeanSquaredError(At at, Output labels, Output predictions, MetricOptions options = {});
Metric RootMeanSquaredError(At at, Output labels, Output predictions, MetricOptions options = {});
// |l - p| / normalizer, 0 where the normalizer (of their shape) is 0. Scope "mean_relative_error".
Metric MeanRelativeError(At at, Output labels, Output predictions, Output normalizer,
                         MetricOptions options = {});
// 1 - the mean of sum(l p) along dimension `dim`, which weights have with size 1. Scope
// "mean_cosine_distance".
Metric MeanCosineDistance(At at, Output labels, Output predictions, int dim,
                          MetricOptions options = {});

// --- counts of yes and no: labels and predictions are cast to bool ---

// The weight of the predictions that are right or wrong: variable `count`. Scopes "true_positives",
// "true_negatives", "false_positives", "false_negatives".
Metric TruePositives(At at, Output labels, Output predictions, MetricOptions options = {});
Metric TrueNegatives(At at, Output labels, Output predictions, MetricOptions options = {});
Metric FalsePositives(At at, Output labels, Output predictions, MetricOptions options = {});
Metric FalseNegatives(At at, Output labels, Output predictions, MetricOptions options = {});
// TP / (TP + FP), variables `true_positives/count` and `false_positives/count`. Scope "precision".
Metric Precision(At at, Output labels, Output predictions, MetricOptions options = {});
// TP / (TP + FN), variables `true_positives/count` and `false_negatives/count`. Scope "recall".
Metric Recall(At at, Output labels, Output predictions, MetricOptions options = {});

// --- the same at thresholds: a prediction in [0, 1] is a yes when it is above the threshold. One
// outside [0, 1] is InvalidArgument of the run ("predictions must be in [0, 1]"). Values and
// variables are vectors, one element per threshold ---

// Scopes and variables "true_positives", ... as above.
Metric TruePositivesAtThresholds(At at, Output labels, Output predictions,
                                 std::vector<float> thresholds, MetricOptions options = {});
Metric TrueNegativesAtThresholds(At at, Output labels, Output predictions,
                                 std::vector<float> thresholds, MetricOptions options = {});
Metric FalsePositivesAtThresholds(At at, Output labels, Output predictions,
                                  std::vector<float> thresholds, MetricOptions options = {});
Metric FalseNegativesAtThresholds(At at, Output labels, Output predictions,
                                  std::vector<float> thresholds, MetricOptions options = {});
// TP / (1e-7 + TP + FP), TP / (1e-7 + TP + FN). Scopes "precision_at_thresholds",
// "recall_at_thresholds".
Metric PrecisionAtThresholds(At at, Output labels, Output predictions,
                             std::vector<float> thresholds, MetricOptions options = {});
Metric RecallAtThresholds(At at, Output labels, Output predictions, std::vector<float> thresholds,
                          MetricOptions options = {});

enum class Curve {
  kRoc,  // recall over false positive rate FP / (FP + TN)
  kPr,   // precision over recall
};
enum class SummationMethod {
  kTrapezoidal,           // width times mean height
  kCarefulInterpolation,  // kPr: counts, not ratios, change linearly from one threshold to the next
                          // (Davis and Goadrich 2006); kRoc: trapezoidal
  kMinoring,              // width times the lower height: a lower bound
  kMajoring,              // width times the upper height
};
struct AucOptions {
  Output weights = {};
  int num_thresholds = 200;  // >= 2: -1e-7, 1 + 1e-7 and those evenly between 0 and 1
  std::vector<std::string> metrics_collections = {};
  std::vector<std::string> updates_collections = {};
  Curve curve = Curve::kRoc;
  std::string name = {};
  SummationMethod summation_method = SummationMethod::kTrapezoidal;
  std::vector<float> thresholds = {};  // instead of those between; in any order
};
// The area under the curve through the counts at the thresholds. Its ratios have 1e-6 added to
// numerator and denominator (the false positive rate only to the denominator). Scope "auc";
// variables `true_positives`, `false_negatives`, `true_negatives`, `false_positives`.
Metric Auc(At at, Output labels, Output predictions, AucOptions options = {});

struct AtValueOptions {
  Output weights = {};
  int num_thresholds = 200;
  std::vector<std::string> metrics_collections = {};
  std::vector<std::string> updates_collections = {};
  std::string name = {};
};
// The recall (sensitivity) TP / (TP + FN + 1e-7) at the threshold, of those of Auc, where the
// specificity TN / (TN + FP + 1e-7) is nearest to the one given (the first such); and the other way
// round (the last such). Scopes "sensitivity_at_specificity", "specificity_at_sensitivity".
// InvalidArgument unless it lies in [0, 1].
Metric SensitivityAtSpecificity(At at, Output labels, Output predictions, double specificity,
                                AtValueOptions options = {});
Metric SpecificityAtSensitivity(At at, Output labels, Output predictions, double sensitivity,
                                AtValueOptions options = {});

// --- classes: labels and predictions are class numbers in [0, num_classes), else the run fails ---

// The mean over the classes that occur of TP / (TP + FP + FN). Variable `total_confusion_matrix`,
// float64 [num_classes, num_classes], rows being labels; the update op is that matrix. Scope
// "mean_iou".
Metric MeanIou(At at, Output labels, Output predictions, int64_t num_classes,
               MetricOptions options = {});
// The mean over all classes of the part of a class's labels that is predicted. Variables `total`
// (labels per class) and `count` (the right ones); the update op is the vector of the classes'
// accuracies. Scope "mean_accuracy".
Metric MeanPerClassAccuracy(At at, Output labels, Output predictions, int64_t num_classes,
                            MetricOptions options = {});

// --- among the k best: several right classes per example ---

// Labels are integers [d1, ..., dn, num_labels] or [d1, ..., dn], predictions [d1, ..., dn,
// num_classes], n >= 1, of which the k largest are taken; weights a scalar or [d1, ..., dn]. A
// class that is given several times in a row counts once, labels outside [0, num_classes) are never
// found. Variables are float64 scalars. 0 / 0 is NaN, as in TensorFlow.
struct AtKOptions {
  std::optional<int64_t> class_id = {};  // only this class counts
  Output weights = {};
  std::vector<std::string> metrics_collections = {};
  std::vector<std::string> updates_collections = {};
  std::string name = {};
};
// The part of the labels that are among the k best: TP / (TP + FN). Scope "recall_at_<k>", with
// "_class<id>" added for a class; variables `true_positive_at_<k>`, `false_negative_at_<k>`.
Metric RecallAtK(At at, Output labels, Output predictions, int k, AtKOptions options = {});
// The part of the k best that are labels: TP / (TP + FP). Scope "precision_at_<k>"; variables
// `true_positive_at_<k>`, `false_positive_at_<k>`.
Metric PrecisionAtK(At at, Output labels, Output predictions, int k, AtKOptions options = {});

struct AtTopKOptions {
  std::optional<int> k = {};  // for names only: "recall_at_k" without
  std::optional<int64_t> class_id = {};
  Output weights = {};
  std::vector<std::string> metrics_collections = {};
  std::vector<std::string> updates_collections = {};
  std::string name = {};
};
// The same with the classes [d1, ..., dn, k] that were chosen.
Metric RecallAtTopK(At at, Output labels, Output predictions_idx, AtTopKOptions options = {});
Metric PrecisionAtTopK(At at, Output labels, Output predictions_idx, AtTopKOptions options = {});

// The mean over rows of sum_i(precision at i, where the i-th best is a label) / min(k, number of
// labels in [0, num_classes)), NaN for a row without labels. Scope "average_precision_at_<k>";
// variables `max`, `total`.
Metric AveragePrecisionAtK(At at, Output labels, Output predictions, int k,
                           MetricOptions options = {});

}  // namespace sluice::metrics

#endif  // SLUICE_TRAIN_METRICS_H_
