// What a layer demands of its inputs (tf.layers.InputSpec, rule L-11).
#ifndef SLUICE_LAYERS_INPUT_SPEC_H_
#define SLUICE_LAYERS_INPUT_SPEC_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "graph/output.h"

namespace sluice::layers {

// All that is not given is not looked at. Unknown dimensions of an input contradict nothing.
struct InputSpec {
  DType dtype = DType::kInvalid;
  std::optional<TensorShape> shape = {};  // implies ndim; -1: any
  std::optional<int> ndim = {};
  std::optional<int> max_ndim = {};
  std::optional<int> min_ndim = {};
  std::map<int, int64_t> axes = {};  // axis (negative: from the end) -> size
};

// InvalidArgument, in TensorFlow's words, for inputs that do not fit: another number of them, an
// unknown rank where the spec looks at shapes, another rank, dtype or size. No specs: anything
// goes. `layer` is the layer's name, for the message.
absl::Status CheckInputs(const std::vector<InputSpec>& specs, const Outputs& inputs,
                         const std::string& layer);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_INPUT_SPEC_H_
