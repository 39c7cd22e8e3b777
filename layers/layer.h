// What all layers share: a name, a variable scope fixed at first use, variables made once and
// shared by every call, losses and updates, a record of the calls, a config. (tf.layers.Layer and
// the Keras layer object; rules L-1 to L-19)
#ifndef SLUICE_LAYERS_LAYER_H_
#define SLUICE_LAYERS_LAYER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/at.h"
#include "graph/variable.h"
#include "layers/activation.h"
#include "layers/config.h"
#include "layers/input_spec.h"
#include "layers/layer_name.h"
#include "layers/training.h"

namespace sluice {

class Session;

namespace layers {

// A *function* (layers::Conv2D) makes a layer, applies it once and drops it; it takes its name as
// it is, so that the same name twice needs reuse. An *object* (Conv2DLayer) gets a scope whose name
// is unique among those opened so far ("conv2d", "conv2d_1", ...; rule L-3). A *wrapper* opens
// none: what it builds, and what the layer inside it builds, lies where it is called.
enum class LayerKind { kObject, kFunction, kWrapper };

// How the options of every layer name it and share its variables.
struct LayerNaming {
  std::string class_name;  // "SeparableConv2D"; gives the default scope "separable_conv2d"
  LayerName name = {};
  Reuse reuse = Reuse::kInherit;
  bool trainable = true;
  DType dtype = DType::kInvalid;  // of the variables; kInvalid: the first input's
  Regularizer activity_regularizer = {};
};

// What may be told at a call.
struct CallOptions {
  std::optional<Training> training = {};  // instead of the layer's own
  Outputs masks = {};                     // of the inputs: none, or one (perhaps empty) per input
};

// Calling a layer the first time opens its variable scope and makes its variables; later calls
// share them and add only ops, beside those of the first. Errors are kept on the graph, with the
// layer's name and the caller's line. A copy of a layer shares its variables.
class Layer {
 public:
  virtual ~Layer() = default;
  Layer(const Layer&) = default;
  Layer& operator=(const Layer&) = default;

  // Applies the layer to one input, several, or what it takes. An empty input gives no output. One
  // that comes back as it is passes an Identity (rule L-13).
  Outputs Apply(At at, const Outputs& inputs, const CallOptions& call = {});
  // The same for one input and one output.
  Output operator()(At at, const Output& input, const CallOptions& call = {});
  // Several inputs, one output: merge layers.
  Output operator()(At at, const Outputs& inputs, const CallOptions& call = {});
  // Makes the variables for inputs of these shapes, without a call (layer.build).
  absl::Status BuildFor(At at, const std::vector<TensorShape>& inputs);

  // The user's name; without one "<class>_1", "<class>_2", ... per graph, "" before the first call.
  // It is not the name of the variable scope (rule L-2).
  const std::string& name() const { return name_; }
  const std::string& class_name() const { return naming_.class_name; }
  // FailedPrecondition before the first use: "No name available for layer scope" (rule L-4).
  absl::StatusOr<std::string> scope_name() const;
  bool built() const { return built_; }
  DType dtype() const { return naming_.dtype; }  // kInvalid before the first call, unless given

  // --- variables (rules L-6, L-7, L-14, L-15) ---
  // get_variable in the layer's scope, from inside Build or from outside; trainable only when the
  // layer is, too. Its regularizer's penalty becomes a loss of the layer when it is new.
  Variable AddVariable(At at, const std::string& name, VariableOptions options);
  Variable AddWeight(At at, const std::string& name, VariableOptions options) {
    return AddVariable(at, name, std::move(options));
  }
  std::vector<Variable> weights() const;  // the trainable ones, then the others
  std::vector<Variable> variables() const { return weights(); }
  std::vector<Variable> trainable_weights() const;  // none while the layer is not trainable
  std::vector<Variable> non_trainable_weights() const;
  std::vector<Variable> trainable_variables() const { return trainable_weights(); }
  std::vector<Variable> non_trainable_variables() const { return non_trainable_weights(); }
  bool trainable() const { return naming_.trainable; }
  // Moves weights between the lists above; leaves the collection TRAINABLE_VARIABLES as it is.
  void set_trainable(bool trainable) { naming_.trainable = trainable; }
  // Elements of all weights. FailedPrecondition when the layer is not built.
  absl::StatusOr<int64_t> CountParams() const;
  // Values of weights() in `session`, and new ones. InvalidArgument for another number or shapes.
  absl::StatusOr<std::vector<Tensor>> GetWeights(Session& session) const;
  absl::Status SetWeights(Session& session, const std::vector<Tensor>& values) const;

  // --- losses and updates (rules L-8 to L-10) ---
  // Penalties besides the model's loss, added to REGULARIZATION_LOSSES; `inputs`: those of the call
  // that they depend on, none for those that depend on weights alone.
  void AddLoss(const Outputs& losses, const Outputs& inputs = {});
  // Operations to run with each training step, added to UPDATE_OPS.
  void AddUpdate(const Outputs& updates, const Outputs& inputs = {});
  Outputs losses() const;
  Outputs updates() const;
  // Those that were added for these inputs or can be computed only from them; without inputs, the
  // unconditional ones.
  Outputs GetLossesFor(const Outputs& inputs = {}) const;
  Outputs GetUpdatesFor(const Outputs& inputs = {}) const;

  // --- calls: one inbound node each (rule L-12) ---
  int num_calls() const { return static_cast<int>(calls_.size()); }
  // FailedPrecondition before the first call ("has never been called"), InvalidArgument for an
  // index out of range or, with the singular forms, several tensors.
  absl::StatusOr<Output> GetInputAt(int node) const;
  absl::StatusOr<Output> GetOutputAt(int node) const;
  absl::StatusOr<Outputs> GetInputsAt(int node) const;
  absl::StatusOr<Outputs> GetOutputsAt(int node) const;
  absl::StatusOr<TensorShape> GetInputShapeAt(int node) const;
  absl::StatusOr<TensorShape> GetOutputShapeAt(int node) const;
  // Empty Outputs where there is no mask (rule L-18).
  absl::StatusOr<Output> GetInputMaskAt(int node) const;
  absl::StatusOr<Output> GetOutputMaskAt(int node) const;
  // Of the only call. FailedPrecondition when there is none ("is not connected") or several
  // ("multiple inbound nodes"; shapes: "with different" ones).
  absl::StatusOr<Output> input() const;
  absl::StatusOr<Output> output() const;
  absl::StatusOr<TensorShape> input_shape() const;
  absl::StatusOr<TensorShape> output_shape() const;

  // What the layer's output would have for an input of that shape, without touching a graph of the
  // program (compute_output_shape).
  absl::StatusOr<TensorShape> ComputeOutputShape(const TensorShape& input) const;
  absl::StatusOr<TensorShape> ComputeOutputShape(const std::vector<TensorShape>& inputs) const;

  // --- config (rule L-16): the constructor's arguments, name and trainable included; not the
  // weights and not the connections. InvalidArgument when an argument is a function of the
  // program's own, of which only the program knows. FromConfig (all_layers.h) makes an equal layer.
  absl::StatusOr<proto::ObjectConfig> GetConfig() const;
  absl::StatusOr<Config> ToConfig() const;

  const std::vector<InputSpec>& input_spec() const { return input_spec_; }
  bool supports_masking() const { return supports_masking_; }

 protected:
  Layer(LayerKind kind, LayerNaming naming)
      : kind_(kind), naming_(std::move(naming)), name_(naming_.name.text()) {}

  // Makes the variables for inputs of those shapes, through AddVariable; dtype() is set.
  virtual absl::Status Build(At at, const std::vector<TensorShape>& inputs) = 0;
  virtual Outputs Call(At at, const Outputs& inputs, const CallOptions& call) = 0;
  // Names the fields of the config; the options' own Fields().
  virtual void Fields(ConfigFields& fields) = 0;
  // The masks of the outputs. Unless overridden: none where none is given, those of the inputs when
  // supports_masking_, else the error "does not support masking".
  virtual Outputs ComputeMask(At at, const Outputs& inputs, const Outputs& masks);
  // The dtype of the input that ComputeOutputShape tries.
  virtual DType TrialInputDType() const { return DType::kFloat; }

  // The variable `kernel`, as the options kernel_* of the layer say.
  template <typename Options>
  Variable AddKernel(At at, const Options& o, const TensorShape& shape) {
    return AddVariable(at, "kernel",
                       {.shape = shape,
                        .initializer = o.kernel_initializer,
                        .regularizer = o.kernel_regularizer,
                        .constraint = o.kernel_constraint});
  }
  // The variable `bias`, as the options bias_* say; empty without use_bias.
  template <typename Options>
  Variable AddBias(At at, const Options& o, const TensorShape& shape) {
    if (!o.use_bias) return {};
    return AddVariable(at, "bias",
                       {.shape = shape,
                        .initializer = o.bias_initializer,
                        .regularizer = o.bias_regularizer,
                        .constraint = o.bias_constraint});
  }

  // For layers made of layers: counts the variables, losses and updates of `child`, once, as this
  // layer's own too. After each call of `child`.
  void Adopt(const Layer& child);

  std::vector<InputSpec> input_spec_;  // set in the constructor or in Build
  bool supports_masking_ = false;

 private:
  struct Weight {
    Variable variable;
    bool trainable;  // as it was asked for
  };
  // A loss or an update and the inputs that it was added for.
  struct Conditional {
    Output what;
    Outputs inputs;
  };
  struct InboundNode {
    Outputs inputs, outputs, input_masks, output_masks;
  };

  At Enter(At at);
  bool Begin(At at, const Outputs& inputs, At* place);
  absl::Status BuildOnce(At place, const std::vector<TensorShape>& inputs);
  void RegularizeActivity(At place, const Outputs& outputs, const Outputs& inputs);
  void TakeNumber(Graph& graph);
  Output Fail(At at, const absl::Status& status) const;
  absl::StatusOr<const InboundNode*> NodeAt(int node, const char* what) const;
  absl::StatusOr<const InboundNode*> OnlyNode(const char* what) const;
  absl::StatusOr<TensorShape> CommonShape(bool of_outputs) const;
  static Outputs For(const std::vector<Conditional>& all, const Outputs& inputs);

  LayerKind kind_;
  LayerNaming naming_;
  std::string name_;
  bool built_ = false;
  Graph* graph_ = nullptr;
  std::optional<Scope> scope_;
  std::vector<Weight> weights_;
  std::vector<Conditional> losses_, updates_;
  std::vector<InboundNode> calls_;
};

// A layer of one input and one output.
class UnaryLayer : public Layer {
 protected:
  using Layer::Layer;
  virtual absl::Status Build(At at, const TensorShape& input);  // unless overridden: nothing to do
  virtual Output Call(At at, const Output& input, const CallOptions& call) = 0;

 private:
  absl::Status Build(At at, const std::vector<TensorShape>& inputs) final;
  Outputs Call(At at, const Outputs& inputs, const CallOptions& call) final;
};

// A layer that one struct of options configures: takes from it what Layer wants to know, and its
// Fields(). The fields name, reuse, trainable, dtype and activity_regularizer are used where they
// exist.
template <typename OptionsT, typename Base = UnaryLayer>
class LayerOf : public Base {
 public:
  using Options = OptionsT;
  const Options& options() const { return options_; }

 protected:
  LayerOf(LayerKind kind, const char* class_name, Options options)
      : Base(kind, NamingOf(class_name, options)), options_(std::move(options)) {}
  void Fields(ConfigFields& fields) override { options_.Fields(fields); }

  Options options_;

 private:
  static LayerNaming NamingOf(const char* class_name, const Options& o) {
    LayerNaming naming{.class_name = class_name};
    if constexpr (requires { o.name; }) naming.name = o.name;
    if constexpr (requires { o.reuse; }) naming.reuse = o.reuse;
    if constexpr (requires { o.trainable; }) naming.trainable = o.trainable;
    if constexpr (requires { o.dtype; }) naming.dtype = o.dtype;
    if constexpr (requires { o.activity_regularizer; })
      naming.activity_regularizer = o.activity_regularizer;
    return naming;
  }
};

// The functional form: makes the layer, applies it once and drops it (rule L-19).
template <typename LayerT, typename Input>
Output ApplyOnce(At at, const Input& input, typename LayerT::Options options,
                 const CallOptions& call = {}) {
  return LayerT(std::move(options), LayerKind::kFunction)(at, input, call);
}

// `value` must be positive; "units" is the option's name. For the checks of options.
absl::Status CheckPositive(const char* option, int64_t value);

}  // namespace layers
}  // namespace sluice

#endif  // SLUICE_LAYERS_LAYER_H_
