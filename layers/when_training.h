// Layers that do something in training only.
#ifndef SLUICE_LAYERS_WHEN_TRAINING_H_
#define SLUICE_LAYERS_WHEN_TRAINING_H_

#include "absl/functional/function_ref.h"
#include "graph/at.h"
#include "graph/output.h"
#include "layers/training.h"

namespace sluice::layers {

// What `trained` builds when training, an Identity of `input` when not; both, and a choice in every
// run, where `training` is a tensor that is not constant. `layer` names the layer in errors.
Output WhenTraining(At at, const char* layer, const Training& training, const Output& input,
                    absl::FunctionRef<Output()> trained);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_WHEN_TRAINING_H_
