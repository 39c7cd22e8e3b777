// Penalties on weights. A Regularizer is a function (At, weights) -> scalar; the variable that it
// is given for adds its result to the collection REGULARIZATION_LOSSES (rule VS-8);
// losses::RegularizationLoss sums them. An empty Output is no penalty.
//
// Two families exist, as in TensorFlow: those of tf.contrib.layers here, and those of
// tf.keras.regularizers in the namespace below, which do not halve the squares. All have configs
// (core/config.h), from which layers::RegularizerFromConfig makes equal ones.
#ifndef SLUICE_LAYERS_REGULARIZERS_H_
#define SLUICE_LAYERS_REGULARIZERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/at.h"
#include "graph/scope.h"

namespace sluice {

// scale * sum |w| (tf.contrib.layers.l1_regularizer). InvalidArgument on the graph for a negative
// scale; scale 0 gives no penalty at all.
Regularizer L1Regularizer(float scale);
// scale * sum w^2 / 2: TensorFlow's half (tf.contrib.layers.l2_regularizer, rule RG-1), not
// Keras's.
Regularizer L2Regularizer(float scale);
// Both, added: SumRegularizer in the scope "l1_l2_regularizer".
Regularizer L1L2Regularizer(float scale_l1, float scale_l2);
// No penalty; given to a variable, switches off the scope's (tf.no_regularizer).
Regularizer NoRegularizer();
// The sum of those that are not empty and have a penalty, in the scope "sum_regularizer" or the one
// given. Without any, an empty Regularizer. (tf.contrib.layers.sum_regularizer) It has a config
// when all of them have.
Regularizer SumRegularizer(std::vector<Regularizer> regularizers, const std::string& scope = "");

// tf.contrib.layers.apply_regularization: the sum of the penalties of `weights`, by default of the
// collection WEIGHTS, called "get_regularization_penalty" and put into REGULARIZATION_LOSSES.
// InvalidArgument: "No weights to regularize.", "regularizer must return a scalar Tensor instead of
// a Tensor with rank 1."
Output ApplyRegularization(At at, const Regularizer& regularizer, Outputs weights = {});

// tf.keras.regularizers, rule RG-2. All are Keras's class L1L2: sum l1 |w| + sum l2 w^2, and the
// constant 0 when both are 0. Negative factors are allowed.
namespace regularizers {

Regularizer L1(float l = 0.01f);
Regularizer L2(float l = 0.01f);
Regularizer L1L2(float l1 = 0.01f, float l2 = 0.01f);
// tf.keras.regularizers.get: "l1", "l2", "l1_l2", with their defaults. InvalidArgument "Unknown
// regularizer: x".
absl::StatusOr<Regularizer> Get(absl::string_view name);

}  // namespace regularizers
}  // namespace sluice

#endif  // SLUICE_LAYERS_REGULARIZERS_H_
