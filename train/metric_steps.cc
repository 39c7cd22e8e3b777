#include "train/metric_steps.h"

#include "core/status.h"
#include "graph/graph.h"
#include "ops/const.h"
#include "ops/reduction.h"
#include "train/squeeze.h"

namespace sluice::metrics {
namespace {

// What the variable holds once `write` has run: a reference is that itself.
Output ReadAfter(At at, const Variable& variable, const Output& write) {
  if (write.empty() || !variable.is_resource()) return write;
  return variable.Read(at.In(at.scope().After({write})));
}

}  // namespace

At EnterMetric(At at, const std::string& name, const char* default_name) {
  const Caller caller{at.file(), at.line()};
  return at.In(name.empty() ? at.scope().DefaultVariableScope(default_name, {}, caller)
                            : at.scope().VariableScope(name, {}, caller));
}

Variable MetricVariable(At at, const std::string& name, const TensorShape& shape, DType dtype) {
  return NewVariable(at.Named(name), ZerosInitializer,
                     {.shape = shape,
                      .dtype = dtype,
                      .trainable = false,
                      .collections = {keys::kLocalVariables, keys::kMetricVariables},
                      .synchronization = VariableSynchronization::kOnRead,
                      .aggregation = VariableAggregation::kSum});
}

Output AddTo(At at, const Variable& variable, const Output& delta) {
  if (variable.empty() || delta.empty()) return {};
  return ReadAfter(at, variable, variable.AssignAdd(at, delta));
}

Output AddToRows(At at, const Variable& variable, const Output& indices, const Output& rows) {
  if (variable.empty() || rows.empty()) return {};
  return ReadAfter(at, variable, variable.ScatterAdd(at, indices, rows));
}

Output SumAll(At at, const Output& x) {
  if (x.empty() || x.shape().rank() == 0) return x;
  return ops::Sum(at, x, ops::AllAxes(at, x).Tensor(at.Named(""), "Const"));
}

Output ScalarOf(At at, DType dtype, double value) { return ops::ConstOf(at, dtype, value); }

Metric Collect(At at, const Metric& metric, const std::vector<std::string>& metrics_collections,
               const std::vector<std::string>& updates_collections) {
  if (!at.ok() || metric.value.empty() || metric.update_op.empty()) return {};
  at.graph().AddToCollections(metrics_collections, metric.value);
  at.graph().AddToCollections(updates_collections, metric.update_op);
  return metric;
}

bool AllGiven(At at, std::initializer_list<MetricArgument> arguments) {
  if (!at.ok()) return false;
  for (const MetricArgument& argument : arguments) {
    if (!argument.value.empty()) continue;
    at.Fail(argument.name,
            absl::InvalidArgumentError(absl::StrCat(argument.name, " must not be None.")));
    return false;
  }
  return true;
}

bool AlignLabels(At at, Output* labels, Output* predictions) {
  if (!at.ok() || labels->empty() || predictions->empty()) return false;
  train::RemoveSqueezable(at, labels, predictions, 0);
  if (!at.ok()) return false;
  if (labels->shape().CompatibleWith(predictions->shape())) return true;
  at.Fail("labels", absl::InvalidArgumentError(
                        absl::StrCat("Shapes ", predictions->shape().ToString(), " and ",
                                     labels->shape().ToString(), " are incompatible")));
  return false;
}

void AlignWeights(At at, const Output& predictions, Output* weights) {
  if (weights->empty() || predictions.empty()) return;
  const TensorShape &w = weights->shape(), &p = predictions.shape();
  if (!w.rank_known() || w.rank() == 0 || !p.rank_known()) return;
  if (w.rank() == p.rank() + 1) *weights = train::WithoutLast(at, *weights);
  if (w.rank() == p.rank() - 1) *weights = train::WithNewLast(at, *weights);
}

}  // namespace sluice::metrics
