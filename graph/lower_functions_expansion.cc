#include "graph/lower_functions_expansion.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/lower_functions.h"

namespace sluice {
namespace {

// A short string may name a list, and every call copies attributes: what a file of some kilobytes
// asks for must be bounded.
constexpr int64_t kMaxEdges = int64_t{1} << 24;
constexpr int64_t kMaxTextBytes = int64_t{1} << 29;

struct AttrBytes {
  int64_t operator()(const std::string& s) const { return static_cast<int64_t>(s.size()); }
  template <typename T>
  int64_t operator()(const std::vector<T>& list) const {
    auto bytes = static_cast<int64_t>(list.size() * sizeof(T));
    if constexpr (std::is_same_v<T, std::string>) {
      for (const std::string& element : list) bytes += static_cast<int64_t>(element.size());
    }
    return bytes;
  }
  template <typename T>
  int64_t operator()(const T&) const {
    return 0;  // small, or shared
  }
};

int64_t TextBytes(const FlatNode& node) {
  auto bytes = static_cast<int64_t>(node.name.size() + node.op.size() + node.device.size());
  for (const auto& [name, value] : node.attrs) bytes += std::visit(AttrBytes{}, value.value());
  return bytes;
}

}  // namespace

CallExpansion::CallExpansion(const FunctionLibrary& library,
                             std::function<bool(const std::string&)> taken)
    : library_(library), taken_(std::move(taken)) {}

absl::Status CallExpansion::Run(FlatNode call, std::vector<DType> input_types, bool in_flow,
                                int64_t most_nodes) {
  most_nodes_ = most_nodes;
  FlatNode outer;
  outer.types = std::move(input_types);
  for (size_t i = 0; i < outer.types.size(); ++i) {
    call.inputs.push_back({kOuter, static_cast<int>(i)});
  }
  Add(std::move(outer));
  Add(std::move(call));
  if (in_flow) GateCall(kCall);
  calls_ = {kCall};
  while (!calls_.empty()) {
    const int next = calls_.back();
    calls_.pop_back();
    absl::Status expanded = Expand(next);
    if (expanded.ok()) expanded = CheckSize();
    if (!expanded.ok()) return NodeProblem(nodes_[static_cast<size_t>(next)], expanded);
  }
  return absl::OkStatus();
}

// Among nodes of loops and branches: what has no inputs in the function's body must be in the same
// loop as the call, and dead when one of the call's inputs is.
void CallExpansion::GateCall(int call) {
  std::vector<int> waited = nodes_[static_cast<size_t>(call)].controls;
  for (const FlatEdge& edge : nodes_[static_cast<size_t>(call)].inputs) {
    const DType type = TypeOf(edge);
    if (type == DType::kInvalid || IsRef(type)) continue;
    waited.push_back(AddHelper(call, {.name = "input",
                                      .op = "Identity",
                                      .attrs = {{"T", type}},
                                      .inputs = {edge},
                                      .types = {type}}));
  }
  nodes_[static_cast<size_t>(call)].controls = {
      AddHelper(call, {.name = "inputs", .op = "NoOp", .controls = waited})};
}

bool IsCall(const FlatNode& node) {
  return node.called != nullptr ||
         (node.spec != nullptr && node.spec->flow() == ControlFlow::kCall);
}

absl::Status CallExpansion::Expand(int call) {
  using Expander = absl::Status (CallExpansion::*)(int);
  static const auto& by_op = *new absl::flat_hash_map<absl::string_view, Expander>{
      {"PartitionedCall", &CallExpansion::ExpandPartitionedCall},
      {"StatefulPartitionedCall", &CallExpansion::ExpandPartitionedCall},
      {"If", &CallExpansion::ExpandIf},
      {"StatelessIf", &CallExpansion::ExpandIf},
      {"Case", &CallExpansion::ExpandCase},
      {"StatelessCase", &CallExpansion::ExpandCase},
      {"While", &CallExpansion::ExpandWhile},
      {"StatelessWhile", &CallExpansion::ExpandWhile},
  };
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  if (node.called != nullptr) return ExpandFunction(call);
  const auto found = by_op.find(node.op);
  if (found != by_op.end()) return (this->*found->second)(call);
  return absl::UnimplementedError("such calls cannot be replaced by the function's nodes");
}

absl::Status CallExpansion::ExpandFunction(int call) {
  FlatNode& node = nodes_[static_cast<size_t>(call)];
  const Function& function = *node.called;
  AttrMap attrs = node.attrs;
  SLUICE_RETURN_IF_ERROR(function.CompleteAttrs(&attrs));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<FlatArg> outputs, function.Outputs(attrs));
  node.types = TypesOf(outputs);
  return InlineCall(call, {node.op, std::make_shared<AttrMap>(std::move(attrs))});
}

absl::Status CallExpansion::ExpandPartitionedCall(int call) {
  SLUICE_ASSIGN_OR_RETURN(FuncRef function, FunctionAttr(call, "f"));
  return InlineCall(call, std::move(function));
}

absl::Status CallExpansion::InlineCall(int call, FuncRef function) {
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  SLUICE_ASSIGN_OR_RETURN(const Body body, AddBody({call, std::move(function), node.name,
                                                    node.inputs, node.controls, node.types}));
  Finish(call, body.results, body.effects);
  return absl::OkStatus();
}

absl::Status CallExpansion::CheckRecursion(const Function& function, int chain) const {
  std::string path = absl::StrCat("'", Printable(function.name()), "'");
  for (int at = chain, steps = 0; at >= 0; at = chain_[static_cast<size_t>(at)].caller, ++steps) {
    const ChainLink& link = chain_[static_cast<size_t>(at)];
    constexpr int kMostShown = 8;
    if (steps < kMostShown) {
      path = absl::StrCat("'", Printable(link.function->name()), "' -> ", path);
    } else if (steps == kMostShown) {
      path = absl::StrCat("... -> ", path);
    }
    if (link.function == &function) {
      return absl::UnimplementedError(
          absl::StrCat("functions that call themselves do not run: ", path));
    }
    if (steps + 1 >= kMaxCallDepth) {
      return absl::ResourceExhaustedError(
          absl::StrCat("function calls must not nest deeper than ", kMaxCallDepth, ": ", path));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<FuncRef> CallExpansion::FunctionAttr(int call, const char* attr) const {
  const AttrValue* value = FindAttr(nodes_[static_cast<size_t>(call)].attrs, attr);
  const FuncRef* function = value == nullptr ? nullptr : value->get_if<FuncRef>();
  if (function != nullptr) return *function;
  return absl::InvalidArgumentError(absl::StrCat("attr '", attr, "' must name a function"));
}

void CallExpansion::Finish(int call, const std::vector<FlatEdge>& results,
                           const std::vector<int>& effects) {
  FlatNode& node = nodes_[static_cast<size_t>(call)];
  node.called = nullptr;
  node.attrs.clear();
  node.inputs.clear();
  node.controls.insert(node.controls.end(), effects.begin(), effects.end());
  if (results.size() == 1) {
    node.op = "Identity";
    node.spec = library_.registry().Find(node.op);
    node.attrs["T"] = BaseType(node.types[0]);
    node.inputs = results;
    return;
  }
  node.op = "NoOp";
  node.spec = library_.registry().Find(node.op);
  if (results.empty()) return;
  std::vector<int> before = node.controls;
  if (before.size() > 1)
    before = {AddHelper(call, {.name = "done", .op = "NoOp", .controls = before})};
  node.controls.clear();
  for (size_t k = 0; k < results.size(); ++k) {
    const int output = AddHelper(call, {.name = absl::StrCat("output_", k),
                                        .op = "Identity",
                                        .attrs = {{"T", BaseType(node.types[k])}},
                                        .inputs = {results[k]},
                                        .controls = before,
                                        .types = {node.types[k]}});
    node.controls.push_back(output);
    node.results.push_back({output, 0});
  }
}

int CallExpansion::Add(FlatNode node) {
  edges_ += static_cast<int64_t>(node.inputs.size() + node.controls.size());
  text_bytes_ += TextBytes(node);
  const auto at = static_cast<int>(nodes_.size());
  const bool call = at > kCall && IsCall(node);
  nodes_.push_back(std::move(node));
  if (call) calls_.push_back(at);
  return at;
}

int CallExpansion::AddHelper(int call, Helper helper) {
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  FlatNode added;
  added.name = NewName(absl::StrCat(node.name, "/", helper.name));
  added.op = helper.op;
  added.device = node.device;
  added.attrs = std::move(helper.attrs);
  added.inputs = std::move(helper.inputs);
  added.controls = std::move(helper.controls);
  added.types = std::move(helper.types);
  added.spec = library_.registry().Find(helper.op);
  added.chain = node.chain;
  return Add(std::move(added));
}

std::string CallExpansion::NewName(absl::string_view name) {
  std::string candidate(name);
  const auto known = next_number_.find(candidate);
  int number = known == next_number_.end() ? 1 : known->second;
  while (names_.contains(candidate) || taken_(candidate)) {
    candidate = absl::StrCat(name, "_", number++);
  }
  if (candidate != name) next_number_[std::string(name)] = number;
  names_.insert(candidate);
  return candidate;
}

DType CallExpansion::TypeOf(FlatEdge edge) const {
  const std::vector<DType>& types = nodes_[static_cast<size_t>(edge.node)].types;
  const auto index = static_cast<size_t>(edge.index);
  return index < types.size() ? types[index] : DType::kInvalid;
}

FlatEdge CallExpansion::Resolved(FlatEdge edge) const {
  const std::vector<FlatEdge>& results = nodes_[static_cast<size_t>(edge.node)].results;
  return results.empty() ? edge : results[static_cast<size_t>(edge.index)];
}

absl::Status CallExpansion::NodeProblem(const FlatNode& node, const absl::Status& status) const {
  std::string where = absl::StrCat("node '", Printable(node.name), "' (", Printable(node.op), ")");
  if (node.chain >= 0) {
    const Function& function = *chain_[static_cast<size_t>(node.chain)].function;
    absl::StrAppend(&where, " of function '", Printable(function.name()), "'");
  }
  return Annotate(status, where);
}

absl::Status CallExpansion::CheckSize() const {
  if (static_cast<int64_t>(nodes_.size()) > most_nodes_) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the functions called become too many nodes, more than ", most_nodes_, " more"));
  }
  if (edges_ > kMaxEdges) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the functions called have more than ", kMaxEdges, " inputs in all"));
  }
  if (text_bytes_ > kMaxTextBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "names and attributes of the functions called take more than ", kMaxTextBytes, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace sluice
