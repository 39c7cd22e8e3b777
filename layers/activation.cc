#include "layers/activation.h"

#include "core/status.h"
#include "layers/config.h"
#include "ops/identity.h"
#include "ops/relu.h"
#include "ops/softmax.h"
#include "ops/unary.h"

namespace sluice {
namespace {

Output Linear(At, Output x) { return x; }
Output Softmax(At at, Output x) { return at.Node("Softmax", {x}); }

// Keras's names. A name stands before its aliases: configs are written with the first.
struct NamedActivation {
  const char* name;
  Output (*builder)(At, Output);
};
constexpr NamedActivation kActivations[] = {
    {"linear", Linear},          {"relu", ops::Relu},       {"relu6", ops::Relu6},
    {"elu", ops::Elu},           {"selu", ops::Selu},       {"softplus", ops::Softplus},
    {"softsign", ops::Softsign}, {"sigmoid", ops::Sigmoid}, {"tanh", ops::Tanh},
    {"exponential", ops::Exp},   {"softmax", Softmax},
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
