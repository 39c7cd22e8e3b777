// A function that a layer applies to its result.
#ifndef SLUICE_LAYERS_ACTIVATION_H_
#define SLUICE_LAYERS_ACTIVATION_H_

#include <string>
#include <type_traits>
#include <utility>

#include "core/config.h"
#include "graph/at.h"

namespace sluice {

// A builder such as ops::Relu, any callable (At, Output) -> Output, or the name of one: "relu",
// "softmax", ... (rule LY-8; activation.cc has the table). Empty: none, the result as it is. An
// unknown name is an error of the graph when the layer is applied: "Unknown activation function".
class Activation : public Described<Output(At, Output)> {
 public:
  Activation() = default;
  Activation(Output (*builder)(At, Output));                       // NOLINT: implicit
  Activation(const char* name) : Activation(std::string(name)) {}  // NOLINT: implicit
  Activation(std::string name);                                    // NOLINT: implicit
  Activation(Config config, Function function)
      : Described(std::move(config), std::move(function)) {}
  template <typename F, typename = std::enable_if_t<
                            !std::is_base_of_v<Described, std::decay_t<F>> &&
                            !std::is_convertible_v<F, std::string> &&
                            std::is_invocable_r_v<Output, std::decay_t<F>&, At, Output>>>
  Activation(F&& f) : Described(std::forward<F>(f)) {}  // NOLINT: implicit

  Output operator()(At at, Output x) const {
    return *this ? Described::operator()(at, std::move(x)) : x;
  }
};

}  // namespace sluice

#endif  // SLUICE_LAYERS_ACTIVATION_H_
