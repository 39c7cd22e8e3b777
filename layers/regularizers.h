// Penalties on weights. A Regularizer is a function (At, weights) -> scalar; the variable that it
// is given for adds its result to the collection REGULARIZATION_LOSSES (rule VS-8);
// losses::RegularizationLoss sums them.
#ifndef SLUICE_LAYERS_REGULARIZERS_H_
#define SLUICE_LAYERS_REGULARIZERS_H_

#include "graph/scope.h"

namespace sluice {

// scale * sum |w| (tf.contrib.layers.l1_regularizer). InvalidArgument on the graph for a negative
// scale; scale 0 gives no penalty at all.
Regularizer L1Regularizer(float scale);
// scale * sum w^2 / 2: TensorFlow's half (tf.contrib.layers.l2_regularizer, rule RG-1), not
// Keras's.
Regularizer L2Regularizer(float scale);
// Both, added.
Regularizer L1L2Regularizer(float scale_l1, float scale_l2);
// No penalty; given to a variable, switches off the scope's (tf.no_regularizer).
Regularizer NoRegularizer();

}  // namespace sluice

#endif  // SLUICE_LAYERS_REGULARIZERS_H_
