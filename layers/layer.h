// What all layers share: a name, a variable scope fixed at first use, variables made once and
// shared by every call. (tf.layers.Layer)
#ifndef SLUICE_LAYERS_LAYER_H_
#define SLUICE_LAYERS_LAYER_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "graph/at.h"
#include "graph/variable.h"

namespace sluice {

// A function applied to a layer's result: a builder such as ops::Relu, or any callable (At, Output)
// -> Output. Empty: none.
class Activation {
 public:
  Activation() = default;
  Activation(Output (*fn)(At, Output)) : fn_(fn) {}                         // NOLINT: implicit
  Activation(std::function<Output(At, Output)> fn) : fn_(std::move(fn)) {}  // NOLINT: implicit
  template <typename F, typename = std::enable_if_t<std::is_invocable_r_v<Output, F, At, Output>>>
  Activation(F fn) : fn_(std::move(fn)) {}  // NOLINT: implicit
  explicit operator bool() const { return static_cast<bool>(fn_); }
  Output operator()(At at, Output x) const { return fn_ ? fn_(at, x) : x; }

 private:
  std::function<Output(At, Output)> fn_;
};

// Whether a layer behaves as in training: a bool, or a bool scalar of the graph. A constant tensor
// counts as its value.
class Training {
 public:
  Training() = default;
  Training(bool value) : fixed_(value) {}                  // NOLINT: implicit
  Training(Output tensor) : tensor_(std::move(tensor)) {}  // NOLINT: implicit
  // The value when it is known while building, else nullopt.
  std::optional<bool> Known() const;
  const Output& tensor() const { return tensor_; }
  // InvalidArgument unless it is a bool, or a bool scalar of `graph`.
  absl::Status Check(const Graph& graph) const;

 private:
  bool fixed_ = false;
  Output tensor_;
};

namespace layers {

// How the options of every layer name it and share its variables.
struct LayerNaming {
  std::string name;          // the user's; empty: none
  std::string default_name;  // "conv2d": the class in snake case
  Reuse reuse = Reuse::kInherit;
  bool trainable = true;
};

// Base of the layer classes. Calling a layer the first time opens its variable scope and makes its
// variables; later calls share them and add only ops. The scope (rule L-3): a *function*
// (layers::Conv2D) takes its name as it is, so that the same name twice needs reuse; an *object*
// (Conv2DLayer) gets a name that is unique among the scopes opened so far ("conv2d", "conv2d_1",
// ...).
class Layer {
 public:
  virtual ~Layer() = default;
  Layer(const Layer&) = default;
  Layer& operator=(const Layer&) = default;

  // Applies the layer. An empty input gives an empty output.
  Output operator()(At at, Output inputs);

  bool built() const { return built_; }
  const std::string& scope_name() const { return scope_name_; }  // "" before the first call
  const std::vector<Variable>& variables() const { return variables_; }
  std::vector<Variable> trainable_variables() const;
  // Sum of the elements of all variables; 0 before the first call.
  int64_t count_params() const;

 protected:
  enum class Kind { kObject, kFunction };
  Layer(Kind kind, LayerNaming naming) : kind_(kind), naming_(std::move(naming)) {}

  // Makes the variables for inputs of that shape, through AddVariable. Errors are put on the graph
  // with the layer's name.
  virtual absl::Status Build(At at, const Output& inputs) = 0;
  virtual Output Call(At at, const Output& inputs) = 0;

  // get_variable in the layer's scope; trainable only when the layer is, too.
  Variable AddVariable(At at, const std::string& name, VariableOptions options);
  // The variable `kernel`, as the options kernel_* of the layer say.
  template <typename Options>
  Variable AddKernel(At at, const Options& o, DType dtype, const TensorShape& shape) {
    return AddVariable(at, "kernel",
                       {.shape = shape,
                        .dtype = dtype,
                        .initializer = o.kernel_initializer,
                        .regularizer = o.kernel_regularizer,
                        .constraint = o.kernel_constraint});
  }
  // The variable `bias`, as the options bias_* say; empty without use_bias.
  template <typename Options>
  Variable AddBias(At at, const Options& o, DType dtype, int64_t units) {
    if (!o.use_bias) return {};
    return AddVariable(at, "bias",
                       {.shape = {units},
                        .dtype = dtype,
                        .initializer = o.bias_initializer,
                        .regularizer = o.bias_regularizer,
                        .constraint = o.bias_constraint});
  }

 private:
  At Enter(At at);

  Kind kind_;
  LayerNaming naming_;
  bool built_ = false;
  Graph* graph_ = nullptr;
  std::string scope_name_;
  std::optional<Scope> scope_;
  std::vector<Variable> variables_;
};

// `dims` must be known and positive; "kernel_size" is the option's name. For the checks of options.
absl::Status CheckPositive(const char* option, int64_t value);

}  // namespace layers
}  // namespace sluice

#endif  // SLUICE_LAYERS_LAYER_H_
