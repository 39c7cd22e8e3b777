#include "layers/contrib_normalization.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/variable.h"
#include "layers/nn_normalization.h"
#include "ops/moments.h"

namespace sluice::contrib {
namespace {

// The scope that the function works in.
At OpenScope(At at, const layers::LayerName& name, const char* default_name, Reuse reuse) {
  const VariableScopeOptions options{.reuse = reuse};
  const Caller caller{at.file(), at.line()};
  const Scope outside = at.scope().Named("");
  if (name.scope().has_value()) return at.In(outside.VariableScope(*name.scope(), options, caller));
  return at.In(name.empty() ? outside.DefaultVariableScope(default_name, options, caller)
                            : outside.VariableScope(name.text(), options, caller));
}

// Adds the variable to the model variables and to `collections`, once each.
void Collect(Graph& graph, const Variable& variable, CollectionNames collections) {
  collections.push_back(keys::kModelVariables);
  for (const std::string& key : collections) {
    const std::vector<Variable> there = graph.Variables(key);
    if (std::find(there.begin(), there.end(), variable) == there.end())
      graph.AddToCollection(key, variable);
  }
}

// The activation, and the output's collections.
Output Finish(At at, const Output& y, const Activation& activation,
              const CollectionNames& collections) {
  const Output result = activation(at, y);
  if (result.empty()) return result;
  for (const std::string& key : collections) at.graph().AddToCollection(key, result);
  return result;
}

// Moves the updates that were added to UPDATE_OPS after the first `before` to `collections`.
void MoveUpdates(Graph& graph, size_t before, const CollectionNames& collections) {
  std::vector<CollectionItem> all = graph.GetCollection(keys::kUpdateOps);
  const std::vector<CollectionItem> added(all.begin() + before, all.end());
  all.erase(all.begin() + before, all.end());
  if (all.empty()) {
    graph.ClearCollection(keys::kUpdateOps);
  } else {
    graph.SetCollection(keys::kUpdateOps, all);
  }
  for (const std::string& key : collections) {
    for (const CollectionItem& update : added) graph.AddToCollection(key, update);
  }
}

}  // namespace

Output BatchNorm(At at, Output inputs, BatchNormOptions o) {
  if (!at.ok() || inputs.empty()) return {};
  const At place = OpenScope(at, o.scope, "BatchNorm", o.reuse);
  if (!at.ok()) return {};
  Graph& graph = at.graph();
  layers::BatchNormalizationLayer layer(
      {.axis = o.data_format == DataFormat::kChannelsLast ? -1 : 1,
       .momentum = o.decay,
       .epsilon = o.epsilon,
       .center = o.center,
       .scale = o.scale,
       .beta_initializer = o.beta_initializer,
       .gamma_initializer = o.gamma_initializer,
       .moving_mean_initializer = o.moving_mean_initializer,
       .moving_variance_initializer = o.moving_variance_initializer,
       .beta_regularizer = o.beta_regularizer,
       .gamma_regularizer = o.gamma_regularizer,
       .training = o.is_training,
       .trainable = o.trainable,
       .name = place.scope(),
       .renorm = o.renorm,
       .renorm_clipping = o.renorm_clipping,
       .renorm_momentum = o.renorm_decay,
       .fused = o.fused,
       .adjustment = o.adjustment},
      layers::LayerKind::kFunction);
  const size_t before = graph.GetCollection(keys::kUpdateOps).size();
  Output y = layer(place, inputs);
  if (y.empty()) return {};
  for (const Variable& v : layer.variables()) Collect(graph, v, o.variables_collections);
  MoveUpdates(graph, before, o.updates_collections.value_or(CollectionNames()));
  if (!o.updates_collections.has_value() && !layer.updates().empty())
    y = place.In(place.scope().After(layer.updates())).Node("Identity", {y});
  return Finish(place, y, o.activation_fn, o.outputs_collections);
}

namespace {

// The axes of the options, counted from the front.
absl::Status CheckAxes(const TensorShape& shape, int64_t norm_axis, int64_t params_axis) {
  const int rank = shape.rank();
  if (norm_axis >= rank || params_axis >= rank || norm_axis < 0 || params_axis < 0) {
    return absl::InvalidArgumentError(absl::StrCat("begin_params_axis (", params_axis,
                                                   ") and begin_norm_axis (", norm_axis,
                                                   ") must be < rank(inputs) (", rank, ")"));
  }
  for (int64_t i = params_axis; i < rank; ++i) {
    if (shape.dim(static_cast<int>(i)) >= 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("Inputs ", shape.ToString(), ": shape(inputs)[",
                                                   params_axis, ":] is not fully defined"));
  }
  return absl::OkStatus();
}

}  // namespace

Output LayerNorm(At at, Output inputs, LayerNormOptions o) {
  if (!at.ok() || inputs.empty()) return {};
  const TensorShape& shape = inputs.shape();
  const auto fail = [&](const absl::Status& status) {
    return at.Named("").Fail("layer_norm", status);
  };
  if (!shape.rank_known()) return fail(absl::InvalidArgumentError("Inputs has undefined rank."));
  if (!IsFloating(inputs.dtype())) {
    return fail(absl::InvalidArgumentError(
        absl::StrCat("Input must be floating, got ", DTypeName(inputs.dtype()))));
  }
  const int rank = shape.rank();
  const int64_t norm_axis = o.begin_norm_axis < 0 ? o.begin_norm_axis + rank : o.begin_norm_axis;
  const int64_t params_axis =
      o.begin_params_axis < 0 ? o.begin_params_axis + rank : o.begin_params_axis;
  const absl::Status checked = CheckAxes(shape, norm_axis, params_axis);
  if (!checked.ok()) return fail(checked);
  const At place = OpenScope(at, o.scope, "LayerNorm", o.reuse);
  std::vector<int64_t> params(shape.dims().begin() + params_axis, shape.dims().end()), axes;
  for (int64_t i = norm_axis; i < rank; ++i) axes.push_back(i);
  const auto parameter = [&](bool wanted, const char* name, const Initializer& initializer) {
    if (!wanted || !at.ok()) return Output();
    const Variable v = GetVariable(place, name,
                                   {.shape = TensorShape(absl::Span<const int64_t>(params)),
                                    .dtype = inputs.dtype(),
                                    .initializer = initializer,
                                    .trainable = o.trainable});
    if (v.empty()) return Output();
    Collect(at.graph(), v, o.variables_collections);
    return v.value();
  };
  const Output beta = parameter(o.center, "beta", initializers::Zeros());
  const Output gamma = parameter(o.scale, "gamma", initializers::Ones());
  if (!at.ok()) return {};
  const ops::MomentsOutputs moments = ops::Moments(place, inputs, axes, {.keep_dims = true});
  const Output y =
      nn::BatchNormalization(place, inputs,
                             {.mean = moments.mean,
                              .variance = moments.variance,
                              .offset = beta,
                              .scale = gamma,
                              .variance_epsilon = inputs.dtype() == DType::kHalf ? 1e-3 : 1e-12});
  return Finish(place, y, o.activation_fn, o.outputs_collections);
}

}  // namespace sluice::contrib
