// Normalization in the words of tf.contrib.layers: batch_norm and layer_norm (rule LY-7). Each
// opens a variable scope of its own name, numbered when it is taken; its variables are model
// variables.
#ifndef SLUICE_LAYERS_CONTRIB_NORMALIZATION_H_
#define SLUICE_LAYERS_CONTRIB_NORMALIZATION_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/collections.h"
#include "layers/batch_norm.h"
#include "layers/layer_name.h"

namespace sluice::contrib {

using CollectionNames = std::vector<std::string>;

// Fields in the order of tf.contrib.layers.batch_norm's keyword arguments.
struct BatchNormOptions {
  double decay = 0.999;  // of the moving moments
  bool center = true;    // add beta
  bool scale = false;    // multiply by gamma
  double epsilon = 0.001;
  Activation activation_fn = {};
  Initializer beta_initializer = initializers::Zeros();  // param_initializers
  Initializer gamma_initializer = initializers::Ones();
  Initializer moving_mean_initializer = initializers::Zeros();
  Initializer moving_variance_initializer = initializers::Ones();
  Regularizer beta_regularizer = {};  // param_regularizers
  Regularizer gamma_regularizer = {};
  // Where the updates of the moving moments go. nullopt: nowhere, who needs the output updates
  // them.
  std::optional<CollectionNames> updates_collections = CollectionNames{keys::kUpdateOps};
  Training is_training = true;
  Reuse reuse = Reuse::kInherit;
  CollectionNames variables_collections = {};  // of all variables, besides the usual ones
  CollectionNames outputs_collections = {};    // of the output
  bool trainable = true;
  std::optional<bool> fused = {};
  DataFormat data_format = DataFormat::kChannelsLast;
  layers::LayerName scope = {};  // empty: "BatchNorm", "BatchNorm_1", ...
  bool renorm = false;
  layers::RenormClipping renorm_clipping = {};
  double renorm_decay = 0.99;
  std::function<std::pair<Output, Output>(At at, Output shape)> adjustment = {};
};
// layers::BatchNormalization (batch_norm.h) and activation_fn. Variables `beta` [`gamma`],
// `moving_mean`, `moving_variance`.
Output BatchNorm(At at, Output inputs, BatchNormOptions options = {});

// Fields in the order of tf.contrib.layers.layer_norm's keyword arguments.
struct LayerNormOptions {
  bool center = true;
  bool scale = true;
  Activation activation_fn = {};
  Reuse reuse = Reuse::kInherit;
  CollectionNames variables_collections = {};
  CollectionNames outputs_collections = {};
  bool trainable = true;
  int64_t begin_norm_axis = 1;     // moments are over this axis and all after it
  int64_t begin_params_axis = -1;  // beta and gamma have the sizes from this axis on
  layers::LayerName scope = {};    // empty: "LayerNorm", ...
};
// activation_fn((x - mean) / sqrt(variance + 1e-12) * gamma + beta), 1e-3 for half. Variables
// `beta`, `gamma`. InvalidArgument ~ "has undefined rank", "must be < rank(inputs)", "is not fully
// defined".
Output LayerNorm(At at, Output inputs, LayerNormOptions options = {});

}  // namespace sluice::contrib

#endif  // SLUICE_LAYERS_CONTRIB_NORMALIZATION_H_
