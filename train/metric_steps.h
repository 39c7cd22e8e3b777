// The steps that metrics share.
#ifndef SLUICE_TRAIN_METRIC_STEPS_H_
#define SLUICE_TRAIN_METRIC_STEPS_H_

#include <string>

#include "graph/at.h"
#include "graph/output.h"
#include "graph/variable.h"
#include "train/metrics.h"

namespace sluice::metrics {

// tf.variable_scope(name, default_name): the scope of a metric's variables and ops.
At EnterMetric(At at, const std::string& name, const char* default_name);

// A variable of zeros that belongs to a metric. `name` may be a scope's (with '/' at its end).
Variable MetricVariable(At at, const std::string& name, const TensorShape& shape,
                        DType dtype = DType::kFloat);

// Adds `delta` to the variable (to its rows `indices`); the result is its value afterwards.
Output AddTo(At at, const Variable& variable, const Output& delta);
Output AddToRows(At at, const Variable& variable, const Output& indices, const Output& rows);

// tf.reduce_sum over all axes.
Output SumAll(At at, const Output& x);
Output ScalarOf(At at, DType dtype, double value);

// Puts both into the collections asked for.
Metric Collect(At at, const Metric& metric, const std::vector<std::string>& metrics_collections,
               const std::vector<std::string>& updates_collections);
inline Metric Collect(At at, const Metric& metric, const MetricOptions& o) {
  return Collect(at, metric, o.metrics_collections, o.updates_collections);
}

// Each given, and no graph failed: else the error and false.
struct MetricArgument {
  const char* name;
  const Output& value;
};
bool AllGiven(At at, std::initializer_list<MetricArgument> arguments);

// Makes shapes agree (see metrics.h). False when they cannot: the error is on the graph.
bool AlignLabels(At at, Output* labels, Output* predictions);
void AlignWeights(At at, const Output& predictions, Output* weights);

}  // namespace sluice::metrics

#endif  // SLUICE_TRAIN_METRIC_STEPS_H_
