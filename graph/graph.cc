#include "graph/graph.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "core/status.h"
#include "glog/logging.h"
#include "graph/evaluate.h"
#include "graph/imported_forms.h"
#include "graph/nearest.h"
#include "graph/scope_state.h"

namespace sluice {
namespace {

using Lock = std::lock_guard<std::recursive_mutex>;

// Constants above this many elements are not remembered: shape functions look at small ones only.
constexpr int64_t kMaxConstantElements = 256;

bool ValidImportedName(absl::string_view name) {
  // Graphs written by TensorFlow 2 join name pieces with '>' and have internal names that start
  // with '_'.
  std::string plain(name);
  std::replace(plain.begin(), plain.end(), '>', '.');
  if (!plain.empty() && plain[0] == '_') plain[0] = 'x';
  return IsValidOpName(plain);
}

// The op that makes a variable's handle says the variable's shape in an attribute.
void TellVariableShape(const Edge& edge, int i, ShapeContext* context) {
  if (edge.node == nullptr || !edge.node->spec().session_constant()) return;
  const AttrValue* shape = FindAttr(edge.node->attrs(), "shape");
  if (shape == nullptr || shape->get_if<TensorShape>() == nullptr) return;
  context->set_variable_shape(i, *shape->get_if<TensorShape>());
}

std::string DescribeShapes(const Node& node) {
  if (node.num_inputs() == 0) return "";
  std::string text = " (input shapes ";
  for (int i = 0; i < node.num_inputs(); ++i) {
    if (i == 8) return text + ", ...)";
    absl::StrAppend(&text, i ? ", " : "", node.input(i).shape().ToString());
  }
  return text + ")";
}

}  // namespace

Graph::Graph(const OpRegistry& registry, GraphOptions options)
    : registry_(registry), options_(options), imported_forms_(std::make_unique<ImportedForms>()) {
  auto state = std::make_shared<ScopeState>();
  state->graph = this;
  state->variables = std::make_shared<VariableScopeState>();
  root_state_ = std::move(state);
}

Graph::~Graph() = default;

absl::Status Graph::status() const {
  Lock lock(mutex_);
  return status_;
}

void Graph::SetError(const absl::Status& error) {
  if (options_.on_error == OnError::kAbort) LOG(FATAL) << error;
  Lock lock(mutex_);
  status_.Update(error);
}

int Graph::num_nodes() const {
  Lock lock(mutex_);
  return static_cast<int>(nodes_.size());
}

Node* Graph::node(int id) const {
  Lock lock(mutex_);
  return nodes_[id].get();
}

Node* Graph::FindNode(absl::string_view name) const {
  Lock lock(mutex_);
  auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : it->second;
}

std::vector<std::string> Graph::NodeNames() const {
  Lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& node : nodes_) names.push_back(node->name());
  return names;
}

absl::StatusOr<Output> Graph::FindTensor(absl::string_view name) const {
  const size_t colon = name.rfind(':');
  const std::string shown = Printable(name);
  if (colon == absl::string_view::npos) {
    if (FindNode(name) != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("The name '", shown,
                       "' refers to an Operation, not a Tensor. Tensor names must be of the form "
                       "\"<op_name>:<output_index>\"."));
    }
    return absl::InvalidArgumentError(
        absl::StrCat("The name '", shown,
                     "' looks a like a Tensor name, but is not a valid one. Tensor names must be "
                     "of the form \"<op_name>:<output_index>\"."));
  }
  const absl::string_view digits = name.substr(colon + 1);
  int index = 0;
  const bool all_digits =
      !digits.empty() && std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit);
  if (!all_digits || !absl::SimpleAtoi(digits, &index)) {
    return absl::InvalidArgumentError(
        absl::StrCat("The name '", shown,
                     "' looks a like a Tensor name, but is not a valid one. Tensor names must be "
                     "of the form \"<op_name>:<output_index>\"."));
  }
  Node* node = FindNode(name.substr(0, colon));
  if (node == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        "The name '", shown, "' refers to a Tensor which does not exist. The operation, '",
        Printable(name.substr(0, colon)), "', does not exist in the graph.",
        DidYouMean(name.substr(0, colon), NodeNames())));
  }
  if (index >= node->num_outputs()) {
    return absl::NotFoundError(absl::StrCat(
        "The name '", shown, "' refers to a Tensor which does not exist. The operation, '",
        node->name(), "', exists but only has ", node->num_outputs(), " outputs."));
  }
  return node->output(index);
}

absl::StatusOr<Output> Graph::FindOperation(absl::string_view name) const {
  if (Node* node = FindNode(name)) return node->operation();
  if (absl::StrContains(name, ":")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The name '", Printable(name), "' appears to refer to a Tensor, not a Operation."));
  }
  return absl::NotFoundError(absl::StrCat("The name '", Printable(name),
                                          "' refers to an Operation not in the graph.",
                                          DidYouMean(name, NodeNames())));
}

absl::StatusOr<Output> Graph::FindElement(absl::string_view name) const {
  return absl::StrContains(name, ":") ? FindTensor(name) : FindOperation(name);
}

absl::Status Graph::CheckInputs(const OpSpec& spec, const NodeRequest& request,
                                const std::vector<DType>& wanted) const {
  if (wanted.size() != request.inputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("NodeDef expected ", wanted.size(),
                                                   " inputs of op ", spec.name(), " do not match ",
                                                   request.inputs.size(), " inputs specified"));
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Edge& edge = request.inputs[i];
    if (edge.node == nullptr) continue;  // a back edge, set later
    if (edge.node->spec().opaque()) continue;
    const DType got = edge.node->output_dtype(edge.index);
    if (BaseType(got) != BaseType(wanted[i]) || (IsRef(wanted[i]) && !IsRef(got))) {
      return absl::InvalidArgumentError(
          absl::StrCat("Input ", i, " of node ", request.name, " was passed ", DTypeName(got),
                       " from ", Output(edge.node, edge.index).name(),
                       " incompatible with expected ", DTypeName(wanted[i]), "."));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Node*> Graph::AddNode(NodeRequest request) {
  Lock lock(mutex_);
  if (finalized_) return FinalizedError();
  if (!ValidImportedName(request.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Printable(request.name),
                     "' is not a valid node name: Node name contains invalid characters"));
  }
  if (request.name.size() > kMaxNameLength)
    return absl::InvalidArgumentError(absl::StrCat("a node name has ", request.name.size(),
                                                   " characters, the limit is ", kMaxNameLength));
  if (by_name_.contains(request.name))
    return absl::InvalidArgumentError(
        absl::StrCat("Node '", Printable(request.name), "' is not unique"));
  if (static_cast<int64_t>(nodes_.size()) >= kMaxNodes)
    return absl::ResourceExhaustedError(
        absl::StrCat("the graph has ", kMaxNodes, " nodes, the limit"));

  auto node = std::make_unique<Node>();
  node->spec_ = request.opaque ? nullptr : registry_.Find(request.op);
  if (node->spec_ == nullptr) {
    if (!request.allow_unknown_op && !request.opaque)
      return absl::UnimplementedError(
          absl::StrCat("Op type not registered '", Printable(request.op), "'"));
    node->owned_spec_ = OpSpec::Opaque(request.op);
    node->spec_ = node->owned_spec_.get();
  } else {
    SLUICE_RETURN_IF_ERROR(CheckAttrs(*node->spec_, &request.attrs));
    SLUICE_ASSIGN_OR_RETURN(const std::vector<DType> inputs,
                            ArgTypes(node->spec_->inputs(), request.attrs));
    SLUICE_RETURN_IF_ERROR(CheckInputs(*node->spec_, request, inputs));
    SLUICE_ASSIGN_OR_RETURN(const std::vector<DType> outputs,
                            ArgTypes(node->spec_->outputs(), request.attrs));
    node->input_dtypes_.assign(inputs.begin(), inputs.end());
    node->output_dtypes_.assign(outputs.begin(), outputs.end());
  }
  node->graph_ = this;
  node->id_ = static_cast<int>(nodes_.size());
  node->name_ = std::move(request.name);
  node->device_ = &*texts_.insert(std::move(request.device)).first;
  node->location_ = &*texts_.insert(std::move(request.location)).first;
  node->attrs_ = std::move(request.attrs);
  node->inputs_.assign(request.inputs.begin(), request.inputs.end());
  node->control_inputs_ = std::move(request.control_inputs);
  node->original_op_ = request.original_op;
  if (node->spec_->opaque()) {
    node->input_dtypes_.assign(node->inputs_.size(), DType::kInvalid);
    node->output_dtypes_.assign(static_cast<size_t>(request.unknown_op_outputs), DType::kInvalid);
  }
  node->output_shapes_.assign(node->output_dtypes_.size(), TensorShape::Unknown());
  SLUICE_RETURN_IF_ERROR(InferShapes(node.get()));
  FindConstants(node.get());
  Node* added = node.get();
  by_name_.emplace(added->name_, added);
  used_names_.try_emplace(absl::AsciiStrToLower(added->name_), 1);
  nodes_.push_back(std::move(node));
  return added;
}

absl::Status Graph::InferShapes(Node* node) const {
  const OpSpec& spec = *node->spec_;
  if (!spec.shape_fn()) return absl::OkStatus();
  std::vector<TensorShape> shapes;
  std::vector<const Tensor*> values;
  std::vector<DType> dtypes;
  for (int i = 0; i < node->num_inputs(); ++i) {
    const Edge& edge = node->inputs_[i];
    const bool known = edge.node != nullptr && !edge.node->spec().opaque();
    shapes.push_back(known ? edge.node->output_shapes_[edge.index] : TensorShape::Unknown());
    values.push_back(known && !edge.node->constants_.empty() ? &edge.node->constants_[edge.index]
                                                             : nullptr);
    dtypes.push_back(BaseType(node->input_dtypes_[i]));
  }
  std::vector<DType> output_dtypes;
  for (DType d : node->output_dtypes_) output_dtypes.push_back(BaseType(d));
  ShapeContext context(node->attrs_, std::move(shapes), std::move(values), std::move(dtypes),
                       std::move(output_dtypes));
  for (int i = 0; i < node->num_inputs(); ++i) TellVariableShape(node->inputs_[i], i, &context);
  const absl::Status inferred = spec.shape_fn()(context);
  if (!inferred.ok())
    return absl::Status(inferred.code(), absl::StrCat(inferred.message(), DescribeShapes(*node)));
  for (int i = 0; i < node->num_outputs(); ++i) {
    SLUICE_RETURN_IF_ERROR(context.output(i).Check());
    node->output_shapes_[i] = context.output(i);
  }
  return absl::OkStatus();
}

// Remembers the outputs' values when they are the same in every run and small, so that later shape
// functions can use them.
void Graph::FindConstants(Node* node) const {
  const OpSpec& spec = *node->spec_;
  if (spec.opaque() || spec.stateful() || spec.must_be_fed() || node->num_outputs() == 0) return;
  if (!spec.prepare() && spec.aliases().empty()) return;
  int64_t elements = 0;
  for (const TensorShape& shape : node->output_shapes_) {
    if (!shape.fully_defined()) return;
    elements += shape.num_elements();
  }
  if (elements > kMaxConstantElements) return;
  std::vector<Tensor> inputs;
  for (const Edge& edge : node->inputs_) {
    if (edge.node == nullptr) return;
    if (!edge.node->constants_.empty()) {
      inputs.push_back(edge.node->constants_[edge.index]);
    } else if (spec.value_from_shapes() && edge.node->output_shapes_[edge.index].fully_defined()) {
      inputs.push_back(Tensor::ShapeOnly(BaseType(edge.node->output_dtypes_[edge.index]),
                                         edge.node->output_shapes_[edge.index]));
    } else {
      return;
    }
  }
  EvaluateOptions options;
  options.node_name = node->name_;
  absl::StatusOr<std::vector<Tensor>> values = EvaluateOp(spec, node->attrs_, inputs, options);
  if (values.ok())
    node->constants_ =
        *std::move(values);  // an error will be met again, and reported, when it runs
}

absl::Status Graph::SetBackEdge(Node* node, int i, Edge from) {
  Lock lock(mutex_);
  if (i < 0 || i >= node->num_inputs())
    return absl::InvalidArgumentError(absl::StrCat("node '", node->name(), "' has no input ", i));
  node->inputs_[i] = from;
  return absl::OkStatus();
}

absl::Status Graph::SetShape(const Output& tensor, const TensorShape& shape) {
  if (tensor.empty() || tensor.is_operation())
    return absl::InvalidArgumentError("only a tensor has a shape");
  Lock lock(mutex_);
  TensorShape& known = tensor.node()->output_shapes_[tensor.index()];
  absl::StatusOr<TensorShape> merged = known.MergeWith(shape);
  if (!merged.ok()) return Annotate(merged.status(), tensor.name());
  known = *std::move(merged);
  return absl::OkStatus();
}

std::optional<Tensor> Graph::ConstantValue(const Output& tensor) const {
  Lock lock(mutex_);
  if (tensor.empty() || tensor.is_operation() || tensor.node()->constants_.empty())
    return std::nullopt;
  return tensor.node()->constants_[tensor.index()];
}

int Graph::NextNumber(absl::string_view series) {
  Lock lock(mutex_);
  return ++numbers_[std::string(series)];
}

std::string Graph::UniqueName(absl::string_view name, bool mark) {
  Lock lock(mutex_);
  const auto known = used_names_.find(absl::AsciiStrToLower(name));
  if (known == used_names_.end()) {
    if (mark) used_names_.emplace(absl::AsciiStrToLower(name), 1);
    return std::string(name);
  }
  int count = known->second;
  if (mark) ++known->second;
  for (;; ++count) {
    std::string candidate = absl::StrCat(name, "_", count);
    const std::string key = absl::AsciiStrToLower(candidate);
    const bool is_new = mark ? used_names_.emplace(key, 1).second : !used_names_.contains(key);
    if (is_new) return candidate;
  }
}

absl::Status Graph::FinalizedError() {
  return absl::FailedPreconditionError("Graph is finalized and cannot be modified.");
}

void Graph::Finalize() {
  Lock lock(mutex_);
  finalized_ = true;
}

bool Graph::finalized() const {
  Lock lock(mutex_);
  return finalized_;
}

const Variable* Graph::FindVariable(const std::string& name) const {
  Lock lock(mutex_);
  auto it = variables_.find(name);
  return it == variables_.end() ? nullptr : &it->second;
}

void Graph::StoreVariable(const std::string& name, const Variable& variable) {
  Lock lock(mutex_);
  if (finalized_) return status_.Update(FinalizedError());
  variables_.emplace(name, variable);
}

std::vector<std::string> Graph::StoredVariableNames() const {
  Lock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, variable] : variables_) names.push_back(name);
  return names;
}

std::unique_lock<std::recursive_mutex> Graph::Hold() const {
  return std::unique_lock<std::recursive_mutex>(mutex_);
}

std::string Graph::function_library() const {
  Lock lock(mutex_);
  return function_library_;
}

void Graph::SetFunctionLibrary(std::string serialized) {
  Lock lock(mutex_);
  function_library_ = std::move(serialized);
}

Graph::Transaction::Transaction(Graph* graph)
    : graph_(graph),
      lock_(graph->mutex_),
      num_nodes_(graph->nodes_.size()),
      used_names_(graph->used_names_),
      function_library_(graph->function_library_),
      graph_rest_(graph->imported_forms_->graph_rest) {}

Graph::Transaction::~Transaction() {
  if (committed_) return;
  for (; graph_->nodes_.size() > num_nodes_; graph_->nodes_.pop_back())
    graph_->by_name_.erase(graph_->nodes_.back()->name());
  graph_->used_names_.swap(used_names_);
  graph_->function_library_.swap(function_library_);
  graph_->imported_forms_->Truncate(static_cast<int>(num_nodes_));
  graph_->imported_forms_->graph_rest.swap(graph_rest_);
}

std::pair<int64_t, int64_t> Graph::OpSeeds(std::optional<int64_t> op_seed) const {
  constexpr int64_t kDefaultGraphSeed =
      87654321;  // tf.set_random_seed's default when only the op has a seed
  if (!seed_ && !op_seed) return {0, 0};
  const int64_t graph_seed = seed_.value_or(kDefaultGraphSeed);
  const int64_t seed = op_seed.value_or(num_nodes());
  if (graph_seed == 0 && seed == 0) return {0, (int64_t{1} << 31) - 1};
  return {graph_seed, seed};
}

}  // namespace sluice
