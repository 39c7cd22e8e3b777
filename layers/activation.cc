#include "layers/activation.h"

#include "core/status.h"
#include "layers/activations.h"
#include "layers/config.h"
#include "ops/identity.h"
#include "ops/relu.h"
#include "ops/softmax.h"
#include "ops/unary.h"

namespace sluice {
namespace {

// TensorFlow's and Keras's names. Of several builders with one name the first is called by that
// name; of several names of one builder the first goes into configs.
struct NamedActivation {
  const char* name;
  Output (*builder)(At, Output);
};
constexpr NamedActivation kActivations[] = {
    {"linear", activations::Linear},
    {"relu", ops::Relu},
    {"relu6", ops::Relu6},
    {"elu", ops::Elu},
    {"selu", ops::Selu},
    {"softplus", ops::Softplus},
    {"softsign", ops::Softsign},
    {"sigmoid", ops::Sigmoid},
    {"tanh", ops::Tanh},
    {"hard_sigmoid", activations::HardSigmoid},
    {"exponential", ops::Exp},
    {"softmax", activations::Softmax},
    {"softmax", ops::Softmax},
    {"leaky_relu", ops::LeakyRelu},
    {"crelu", activations::Crelu},
    {"swish", activations::Swish},
};

const NamedActivation* Find(const std::string& name) {
  for (const NamedActivation& one : kActivations) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

Described<Output(At, Output)> ByName(std::string name) {
  if (const NamedActivation* found = Find(name)) return {Config{found->name}, found->builder};
  return {Config{name}, [name](At at, Output) {
            return at.Fail("Activation", absl::InvalidArgumentError(
                                             absl::StrCat("Unknown activation function: ", name)));
          }};
}

Described<Output(At, Output)> ByBuilder(Output (*builder)(At, Output)) {
  for (const NamedActivation& one : kActivations) {
    if (one.builder == builder) return {Config{one.name}, builder};
  }
  return Described<Output(At, Output)>(builder);
}

}  // namespace

Activation::Activation(Output (*builder)(At, Output)) : Described(ByBuilder(builder)) {}
Activation::Activation(std::string name) : Described(ByName(std::move(name))) {}

namespace layers {

absl::StatusOr<Activation> ActivationFromConfig(const Config& config) {
  if (Find(config.class_name) == nullptr || !config.fields.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Unknown activation function: ", config.class_name));
  }
  return Activation(config.class_name);
}

}  // namespace layers
}  // namespace sluice
