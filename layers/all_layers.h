// Every layer class by its name, and layers from their configs.
#ifndef SLUICE_LAYERS_ALL_LAYERS_H_
#define SLUICE_LAYERS_ALL_LAYERS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "layers/layer.h"

namespace sluice::layers {

// layer.GetConfig() back: a layer object of the same class and arguments, not built (rule L-16).
// InvalidArgument for an unknown class or argument, or an argument of another kind.
absl::StatusOr<std::shared_ptr<Layer>> FromConfig(const proto::ObjectConfig& config);

// The class names that FromConfig knows, in the order of all_layers.cc.
std::vector<std::string> LayerClassNames();
// A layer of that class with default arguments, and null for an unknown name.
std::shared_ptr<Layer> MakeLayer(const std::string& class_name);

}  // namespace sluice::layers

#endif  // SLUICE_LAYERS_ALL_LAYERS_H_
