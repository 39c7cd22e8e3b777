// Sluice: TensorFlow 1's programming model, native to C++. One include gives a program everything
// that it writes with.
#ifndef SLUICE_SLUICE_H_
#define SLUICE_SLUICE_H_

#include "core/dtype.h"
#include "core/file.h"
#include "core/status.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/at.h"
#include "graph/collections.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/output.h"
#include "graph/scope.h"
#include "graph/variable.h"
#include "io/event_file.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/dense.h"
#include "layers/initializers.h"
#include "layers/pooling.h"
#include "layers/regularizers.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/identity.h"
#include "ops/placeholder.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "session/session.h"
#include "train/global_step.h"
#include "train/image_set.h"
#include "train/losses.h"

#endif  // SLUICE_SLUICE_H_
