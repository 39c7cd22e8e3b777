#include "layers/layer.h"

#include <algorithm>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "proto/config.pb.h"

namespace sluice::layers {

absl::Status CheckPositive(const char* option, int64_t value) {
  if (value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("The `", option, "` argument must be > 0. Received: ", value));
}

// The place of this call: the layer's scope, opened at the first use and entered again at later
// ones (rules L-3, L-5).
At Layer::Enter(At at) {
  const Scope outside = at.scope().Named("");
  if (kind_ == LayerKind::kWrapper) return at.In(outside);
  if (scope_.has_value()) {
    // Inside already: Build and Call hand on the place that they were given.
    if (outside.variable_scope() == scope_->variable_scope()) return at;
    // Control inputs and device are those of this call, names those of the first.
    const Reuse reuse = built_ ? Reuse::kTrue : Reuse::kInherit;
    const Scope again = scope_->AtOriginalNames(reuse).WithoutControl();
    return at.In(again.WithControlOf(outside));
  }
  const LayerName& name = naming_.name;
  const VariableScopeOptions options{.reuse = naming_.reuse};
  const Caller caller{at.file(), at.line()};
  if (name.scope().has_value()) {
    // The ops, too, go where the scope was opened first (rule L-5).
    const Scope again = outside.VariableScope(*name.scope(), options, caller);
    scope_ = again.AtOriginalNames(again.reuse());
  } else {
    const bool by_name =
        naming_.reuse == Reuse::kTrue || (kind_ == LayerKind::kFunction && !name.empty());
    const std::string base = name.empty() ? SnakeCase(naming_.class_name) : name.text();
    scope_ = by_name ? outside.VariableScope(base, options, caller)
                     : outside.DefaultVariableScope(base, options, caller);
  }
  return at.In(*scope_);
}

void Layer::TakeNumber(Graph& graph) {
  if (!name_.empty()) return;
  const std::string base = SnakeCase(naming_.class_name);
  name_ = absl::StrCat(base, "_", graph.NextNumber(base));
}

Output Layer::Fail(At at, const absl::Status& status) const {
  const std::string& text = naming_.name.text();
  return at.Named("").Fail(text.empty() ? SnakeCase(naming_.class_name) : text, status);
}

// Opens the scope. False when nothing can be built.
bool Layer::Begin(At at, const Outputs& inputs, At* place) {
  const bool missing =
      std::any_of(inputs.begin(), inputs.end(), [](const Output& x) { return x.empty(); });
  if (!at.ok() || missing) return false;
  const bool elsewhere = std::any_of(inputs.begin(), inputs.end(),
                                     [&](const Output& x) { return x.graph() != &at.graph(); });
  if (elsewhere || (graph_ != nullptr && graph_ != &at.graph())) {
    Fail(at, absl::InvalidArgumentError("Input graph and Layer graph are not the same"));
    return false;
  }
  graph_ = &at.graph();
  TakeNumber(at.graph());
  *place = Enter(at);
  return at.ok();
}

absl::Status Layer::BuildOnce(At place, const std::vector<TensorShape>& inputs) {
  if (built_) return absl::OkStatus();
  if (naming_.dtype == DType::kInvalid) naming_.dtype = DType::kFloat;
  SLUICE_RETURN_IF_ERROR(Build(place, inputs));
  built_ = true;
  return absl::OkStatus();
}

absl::Status Layer::BuildFor(At at, const std::vector<TensorShape>& inputs) {
  At place = at;
  if (!Begin(at, {}, &place)) return at.graph().status();
  const absl::Status status = BuildOnce(place, inputs);
  if (!status.ok()) Fail(at, status);
  return at.graph().status();
}

Outputs Layer::Apply(At at, const Outputs& inputs, const CallOptions& call) {
  At place = at;
  if (!Begin(at, inputs, &place)) return {};
  const bool first = !built_;
  absl::Status status = CheckInputs(input_spec_, inputs, name_);
  if (status.ok() && first) {
    if (naming_.dtype == DType::kInvalid && !inputs.empty()) naming_.dtype = inputs[0].dtype();
    std::vector<TensorShape> shapes;
    for (const Output& x : inputs) shapes.push_back(x.shape());
    status = BuildOnce(place, shapes);
    if (status.ok()) status = CheckInputs(input_spec_, inputs, name_);
  }
  if (!status.ok()) Fail(at, status);
  if (!at.ok()) return {};
  Outputs outputs = Call(place, inputs, call);
  if (outputs.empty() && at.ok()) {
    Fail(at, absl::InvalidArgumentError(absl::StrCat(
                 "A layer's `Call` method should return a Tensor or a list of Tensors, not None "
                 "(layer: ",
                 name_, ")")));
  }
  for (Output& y : outputs) {
    if (!y.empty() && std::find(inputs.begin(), inputs.end(), y) != inputs.end())
      y = place.Node("Identity", {y});
  }
  if (!at.ok()) return {};
  RegularizeActivity(place, outputs, inputs);
  Outputs masks = ComputeMask(place, inputs, call.masks);
  if (!at.ok()) return {};
  calls_.push_back({inputs, outputs, call.masks, std::move(masks)});
  return outputs;
}

Output Layer::operator()(At at, const Output& input, const CallOptions& call) {
  return (*this)(at, Outputs{input}, call);
}

Output Layer::operator()(At at, const Outputs& inputs, const CallOptions& call) {
  const Outputs outputs = Apply(at, inputs, call);
  return outputs.empty() ? Output() : outputs[0];
}

void Layer::RegularizeActivity(At place, const Outputs& outputs, const Outputs& inputs) {
  if (!naming_.activity_regularizer) return;
  const At inside = place.Sub("ActivityRegularizer");
  for (const Output& y : outputs) {
    const Output loss = naming_.activity_regularizer(inside, y);
    if (!loss.empty()) AddLoss({loss}, inputs);
  }
}

Outputs Layer::ComputeMask(At at, const Outputs&, const Outputs& masks) {
  const bool any =
      std::any_of(masks.begin(), masks.end(), [](const Output& m) { return !m.empty(); });
  if (!any) return {};
  if (supports_masking_) return {masks[0]};
  Fail(at, absl::InvalidArgumentError(absl::StrCat(
               "Layer ", name_,
               " does not support masking, but was passed an input_mask: ", masks[0].name())));
  return {};
}

absl::StatusOr<Config> Layer::ToConfig() const {
  Config config{naming_.class_name};
  ConfigWriter writer(&config);
  // Fields() reads and writes; a writer only reads.
  const_cast<Layer*>(this)->Fields(writer);
  if (!writer.status().ok()) {
    return absl::Status(writer.status().code(),
                        absl::StrCat(naming_.class_name, ": ", writer.status().message()));
  }
  return config;
}

absl::StatusOr<proto::ObjectConfig> Layer::GetConfig() const {
  SLUICE_ASSIGN_OR_RETURN(const Config config, ToConfig());
  return ConfigToProto(config);
}

absl::StatusOr<TensorShape> Layer::ComputeOutputShape(const TensorShape& input) const {
  return ComputeOutputShape(std::vector<TensorShape>{input});
}

absl::StatusOr<TensorShape> Layer::ComputeOutputShape(
    const std::vector<TensorShape>& inputs) const {
  SLUICE_ASSIGN_OR_RETURN(const Config config, ToConfig());
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<Layer> twin, LayerFromConfig(config));
  Graph scratch(ops::Builtin());
  const Scope root = Scope::Root(scratch);
  Outputs stand_ins;
  for (const TensorShape& shape : inputs)
    stand_ins.push_back(ops::Placeholder(root, TrialInputDType(), shape));
  const Output y = (*twin)(root, stand_ins);
  if (!scratch.ok()) return scratch.status();
  return y.shape();
}

absl::Status UnaryLayer::Build(At, const TensorShape&) { return absl::OkStatus(); }

absl::Status UnaryLayer::Build(At at, const std::vector<TensorShape>& inputs) {
  if (inputs.size() == 1) return Build(at, inputs[0]);
  return absl::InvalidArgumentError(absl::StrCat(
      "Layer ", name(), " expects 1 inputs, but it received ", inputs.size(), " input tensors"));
}

Outputs UnaryLayer::Call(At at, const Outputs& inputs, const CallOptions& call) {
  if (inputs.size() == 1) return {Call(at, inputs[0], call)};
  at.Fail(class_name(), absl::InvalidArgumentError(
                            absl::StrCat("Layer ", name(), " expects 1 inputs, but it received ",
                                         inputs.size(), " input tensors")));
  return {};
}

}  // namespace sluice::layers
