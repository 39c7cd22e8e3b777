// Pooling over images (tf.layers.max_pooling2d, tf.layers.average_pooling2d), flattening and
// dropout.
#ifndef SLUICE_LAYERS_POOLING_H_
#define SLUICE_LAYERS_POOLING_H_

#include <string>

#include "graph/at.h"
#include "layers/data_format.h"
#include "ops/padding.h"

namespace sluice::layers {

// Fields in the order of tf.layers.max_pooling2d's keyword arguments.
struct Pooling2DOptions {
  Int2 pool_size = 0;  // required
  Int2 strides = 0;    // required: TensorFlow has no default either
  Padding padding = Padding::kValid;
  DataFormat data_format = DataFormat::kChannelsLast;
  std::string name = {};  // of the op scope; empty: "max_pooling2d" or "average_pooling2d"
};

// Largest (mean) value of every window. kSame means average over the cells that exist only. Rank 4,
// no variables (rule LY-4).
Output MaxPooling2D(At at, Output inputs, Pooling2DOptions options);
Output AveragePooling2D(At at, Output inputs, Pooling2DOptions options);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_POOLING_H_
