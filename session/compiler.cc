#include "session/compiler.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/variable_resource.h"
#include "glog/logging.h"
#include "session/aliases.h"
#include "session/common_subexpressions.h"
#include "session/constant_folding.h"
#include "session/direct_results.h"
#include "session/drop_unused.h"
#include "session/flow_builder.h"
#include "session/infer_step.h"
#include "session/invariants.h"
#include "session/order.h"
#include "session/prepare_steps.h"
#include "session/program_builder.h"
#include "session/prune.h"
#include "session/recompute.h"
#include "session/rewrites.h"
#include "session/waves.h"

namespace sluice {
namespace {

class Compiler {
 public:
  Compiler(SessionState& session, const Request& request)
      : session_(session), request_(request), registry_(request.fetches[0].graph()->registry()) {}

  absl::StatusOr<Program> Run() {
    const LiveEdges edges(request_);
    SLUICE_ASSIGN_OR_RETURN(const std::vector<const Node*> needed, Prune(edges, request_));
    SLUICE_ASSIGN_OR_RETURN(order_, OrderNodes(needed, edges, request_));
    AddFeeds();
    flow_.emplace(b_, order_, fed_);
    first_output_.reserve(order_.nodes.size());
    for (size_t i = 0; i < order_.nodes.size(); ++i) {
      first_output_.push_back(static_cast<int>(outputs_.size()));
      outputs_.resize(outputs_.size() + order_.nodes[i]->num_outputs(), -1);
      const Node& node = *order_.nodes[i];
      flow_->OpenLoopsAt(static_cast<int>(i));
      const absl::Status added = AddNode(node, order_.required[i]);
      if (!added.ok()) return NodeError(node, added);
      SLUICE_RETURN_IF_ERROR(CloseLoops(static_cast<int>(i) + 1));
    }
    AddLateFetches();
    if (session_.optimize) {
      DropUnused(&program_);
      Recompute(&program_);
      ApplyRewrites(session_, registry_, &program_);
      DropUnused(&program_);
      FindInvariants(&program_);
    }
    SLUICE_RETURN_IF_ERROR(PrepareSteps(session_, &program_));
    if (session_.optimize) FindDirectResults(&program_);
    if (session_.inter_op_pool != nullptr) AssignWaves(&program_);
    return std::move(program_);
  }

 private:
  Value& value(int v) { return b_.value(v); }
  int Root(int v) { return b_.Root(v); }
  int& OutputOf(const Node& node, int i) {
    return outputs_[first_output_[order_.position.at(&node)] + i];
  }

  // --- feeds and fetches ---
  void AddFeeds() {
    for (const auto& [to, tensor] : request_.feeds) {
      const int v =
          b_.NewValue({.dtype = tensor.dtype(), .home = Home::kFeed, .shape = tensor.shape()});
      program_.feeds.push_back(v);
      fed_.emplace(std::make_pair(to.node(), to.index()), v);
    }
    if (request_.discard) return;
    for (size_t i = 0; i < request_.fetches.size(); ++i) {
      const Output& fetch = request_.fetches[i];
      if (fetch.is_operation()) continue;
      const auto fed = fed_.find({fetch.node(), fetch.index()});
      if (fed == fed_.end()) {
        fetches_[fetch.node()].emplace_back(fetch.index(), static_cast<int>(i));
        continue;
      }
      ProgramStep& step = b_.AddStep(StepKind::kFetch, *fetch.node(), {fed->second}, {});
      step.fetch = static_cast<int>(i);
      step.share = true;
    }
  }

  absl::Status AddFetches(const Node& node) {
    const auto wanted = fetches_.find(&node);
    if (wanted == fetches_.end()) return absl::OkStatus();
    if (b_.in_loop()) {
      return absl::InvalidArgumentError(
          "is inside of a loop and has many values: fetch what leaves the loop (Exit)");
    }
    for (const auto& [index, position] : wanted->second) {
      b_.set_guard(flow_->TokenOf(node, index));
      int v = OutputOf(node, index);
      if (value(v).is_ref) v = b_.AddRead(node, v, BaseType(node.output_dtype(index)));
      ProgramStep& step = b_.AddStep(StepKind::kFetch, node, {v}, {});
      step.fetch = position;
      if (!value(v).shape.fully_defined()) {
        late_fetches_.push_back(std::move(step));
        program_.steps.pop_back();
      }
    }
    return absl::OkStatus();
  }

  // Values of unknown shape have memory of their own, which can be handed out instead of copied
  // once nobody needs it any more.
  void AddLateFetches() {
    std::vector<bool> handed_out(program_.values.size(), false);
    for (auto step = late_fetches_.rbegin(); step != late_fetches_.rend(); ++step) {
      step->movable = !handed_out[step->inputs[0]];
      handed_out[step->inputs[0]] = true;
    }
    for (ProgramStep& step : late_fetches_) program_.steps.push_back(std::move(step));
  }

  // --- inputs ---
  // Input i of `node`. A reference is read here where the node wants a value.
  absl::StatusOr<int> Input(const Node& node, int i) {
    const Edge& edge = node.input_edge(i);
    if (edge.node == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("input ", i, " is not connected"));
    }
    const auto fed = fed_.find({edge.node, edge.index});
    const int v = fed != fed_.end() ? fed->second : OutputOf(*edge.node, edge.index);
    const bool wants_ref = IsRef(node.input_dtype(i));
    if (wants_ref && !value(v).is_ref) {
      return absl::InvalidArgumentError(
          absl::StrCat("input ", i, " must be a reference to a variable, got the value fed for '",
                       Printable(edge.node->name()), "'"));
    }
    return value(v).is_ref && !wants_ref ? b_.AddRead(node, v, node.input_dtype(i)) : v;
  }

  absl::StatusOr<std::vector<int>> Inputs(const Node& node) {
    std::vector<int> inputs;
    inputs.reserve(node.num_inputs());
    for (int i = 0; i < node.num_inputs(); ++i) {
      SLUICE_ASSIGN_OR_RETURN(inputs.emplace_back(), Input(node, i));
    }
    return inputs;
  }

  // --- the flow of control ---
  absl::Status AddFlow(const Node& node) {
    switch (node.spec().flow()) {
      case ControlFlow::kSwitch: {
        flow_->SetGuard(node);
        SLUICE_ASSIGN_OR_RETURN(const std::vector<int> inputs, Inputs(node));
        OutputOf(node, 0) = OutputOf(node, 1) = inputs[0];
        return flow_->AddSwitch(node, inputs[1]);
      }
      case ControlFlow::kMerge:
        return AddMerge(node);
      case ControlFlow::kEnter: {
        SLUICE_ASSIGN_OR_RETURN(OutputOf(node, 0), b_.Outside([&] {
          flow_->SetGuard(node);
          return Input(node, 0);
        }));
        return absl::OkStatus();
      }
      case ControlFlow::kExit: {
        flow_->SetGuard(node);
        SLUICE_ASSIGN_OR_RETURN(const int from, Input(node, 0));
        OutputOf(node, 0) = flow_->AddExit(node, from);
        return absl::OkStatus();
      }
      case ControlFlow::kNextIteration: {
        flow_->SetGuard(node);
        SLUICE_ASSIGN_OR_RETURN(OutputOf(node, 0), Input(node, 0));
        return absl::OkStatus();
      }
      case ControlFlow::kCall:
        return absl::UnimplementedError("calls of functions run in lowered graphs only");
      case ControlFlow::kControlTrigger:
      case ControlFlow::kNone:
        return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  absl::Status AddMerge(const Node& node) {
    std::vector<int> inputs;
    int back = -1;
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (flow_->IsBackEdge(node, i)) {
        back = i;
        continue;
      }
      b_.set_guard(flow_->InputToken(node, i));
      SLUICE_ASSIGN_OR_RETURN(inputs.emplace_back(), Input(node, i));
    }
    const std::pair<int, int> outputs = back >= 0 ? flow_->AddCarried(node, inputs[0], back)
                                                  : flow_->AddMerge(node, std::move(inputs));
    OutputOf(node, 0) = outputs.first;
    OutputOf(node, 1) = outputs.second;
    return absl::OkStatus();
  }

  // Ends the loops whose last node stands before position `end`.
  absl::Status CloseLoops(int end) {
    while (flow_->LoopEndsAt(end)) {
      for (Loop::Carried& carried : b_.loop().carried) {
        const Edge& edge = carried.merge->input_edge(1 - carried.entry);
        b_.set_guard(kLive);
        carried.next = OutputOf(*edge.node, edge.index);
        carried.next_token = flow_->TokenOf(*edge.node, edge.index);
      }
      for (const Node* exit : flow_->CloseLoop()) {
        SLUICE_RETURN_IF_ERROR(NodeError(*exit, AddFetches(*exit)));
      }
    }
    return absl::OkStatus();
  }

  // --- one node ---
  absl::Status AddNode(const Node& node, bool required) {
    const OpSpec& spec = node.spec();
    NoteRandom(spec);
    if (spec.flow() != ControlFlow::kNone) {
      SLUICE_RETURN_IF_ERROR(AddFlow(node));
      return spec.flow() == ControlFlow::kExit ? absl::OkStatus() : AddFetches(node);
    }
    flow_->SetGuard(node);
    if (node.num_outputs() == 0 && !spec.stateful()) return absl::OkStatus();
    const size_t reads = b_.line().size();
    SLUICE_ASSIGN_OR_RETURN(const std::vector<int> inputs, Inputs(node));
    // Who asks for this node to run asks for what it reads, even where no other work is left of it.
    for (size_t i = reads; i < b_.line().size(); ++i) b_.line()[i].required |= required;
    const bool mergeable =
        session_.optimize && IsPure(node, ValuesOf(inputs)) && b_.guard() == kLive && !b_.in_loop();
    const std::vector<int>* same = mergeable ? merged_.Find(node, inputs) : nullptr;
    if (same != nullptr) {
      std::copy(same->begin(), same->end(), &OutputOf(node, 0));
    } else {
      SLUICE_RETURN_IF_ERROR(AddWork(node, inputs, required));
      if (mergeable) {
        const int* first = &OutputOf(node, 0);
        merged_.Add(node, inputs, std::vector<int>(first, first + node.num_outputs()));
      }
    }
    return AddFetches(node);
  }

  void NoteRandom(const OpSpec& spec) {
    program_.random |= spec.random();
    if (b_.in_loop()) b_.loop().random |= spec.random();
  }

  absl::Status AddWork(const Node& node, const std::vector<int>& inputs, bool required) {
    if (!IsAlias(node) && node.spec().prepare() == nullptr) {
      return absl::UnimplementedError(
          absl::StrCat("No OpKernel was registered to support Op '", node.op(), "'"));
    }
    absl::StatusOr<std::vector<TensorShape>> shapes = InferShapes(node, inputs);
    const absl::Status added =
        shapes.ok() ? AddShapedWork(node, inputs, *shapes, required) : shapes.status();
    if (added.ok() || (b_.guard() == kLive && !b_.in_loop())) return added;
    // What is wrong here is an error only if the branch is taken.
    shapes = std::vector<TensorShape>(node.num_outputs(), TensorShape::Unknown());
    return IsAlias(node) ? AddAliases(node, inputs, *shapes)
                         : AddKernel(node, inputs, *shapes, required);
  }

  absl::Status AddShapedWork(const Node& node, const std::vector<int>& inputs,
                             const std::vector<TensorShape>& shapes, bool required) {
    if (IsAlias(node)) return AddAliases(node, inputs, shapes);
    if (CanFold(node, ValuesOf(inputs), shapes, session_.optimize)) {
      return AddFolded(node, inputs, shapes);
    }
    return AddKernel(node, inputs, shapes, required);
  }

  // --- shapes and folding ---
  std::vector<const Value*> ValuesOf(const std::vector<int>& inputs) {
    std::vector<const Value*> values;
    for (int v : inputs) values.push_back(&value(v));
    return values;
  }

  absl::StatusOr<std::vector<TensorShape>> InferShapes(const Node& node,
                                                       const std::vector<int>& inputs) {
    std::vector<TensorShape> shapes;
    std::vector<const Tensor*> known;
    for (int v : inputs) {
      shapes.push_back(value(v).shape);
      known.push_back(b_.KnownValue(v));
    }
    return InferStep(node, std::move(shapes), std::move(known));
  }

  absl::Status AddFolded(const Node& node, const std::vector<int>& inputs,
                         const std::vector<TensorShape>& shapes) {
    SLUICE_ASSIGN_OR_RETURN(const std::vector<Tensor> results,
                            Fold(node, session_, ValuesOf(inputs), shapes));
    for (int i = 0; i < node.num_outputs(); ++i) {
      OutputOf(node, i) = IsRef(node.output_dtype(i)) ? b_.NewConstant(results[i], true, shapes[i])
                                                      : b_.Constant(results[i]);
    }
    program_.folded += node.num_inputs() > 0;
    return absl::OkStatus();
  }

  // --- aliases ---
  absl::Status AddAliases(const Node& node, const std::vector<int>& inputs,
                          const std::vector<TensorShape>& shapes) {
    for (int i = 0; i < node.num_outputs(); ++i) {
      const int in = AliasedInput(node, i);
      SLUICE_ASSIGN_OR_RETURN(OutputOf(node, i), AddAlias(node, inputs, in, i, shapes[i]));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> AddAlias(const Node& node, const std::vector<int>& inputs, int in, int out,
                               const TensorShape& shape) {
    const Value source = value(inputs[in]);
    if (source.is_ref) return inputs[in];
    const bool known = source.shape.fully_defined() && shape.fully_defined();
    if (known && source.shape == shape) return inputs[in];
    Value alias = {.dtype = source.dtype, .home = Home::kRuntime, .shape = shape};
    alias.root = Root(inputs[in]);
    if (!known) {
      const int v = b_.NewValue(alias);
      ProgramStep& step = b_.AddStep(StepKind::kAlias, node, inputs, {v});
      step.late = true;
      step.alias_input = in;
      step.alias_output = out;
      return v;
    }
    if (source.shape.num_elements() != shape.num_elements()) {
      return absl::InvalidArgumentError(absl::StrCat(source.shape.num_elements(),
                                                     " elements of shape ", source.shape.ToString(),
                                                     " cannot have shape ", shape.ToString()));
    }
    if (source.home == Home::kConstant) {
      SLUICE_ASSIGN_OR_RETURN(const Tensor reshaped, source.tensor.Reshaped(shape));
      return b_.Constant(reshaped);
    }
    const bool planned = source.home == Home::kArena || source.home == Home::kOwned;
    if (planned) alias.home = source.home;
    const int v = b_.NewValue(alias);
    if (!planned) b_.AddStep(StepKind::kAlias, node, {inputs[in]}, {v}).alias_output = out;
    return v;
  }

  // --- kernels ---
  absl::Status AddKernel(const Node& node, const std::vector<int>& inputs,
                         const std::vector<TensorShape>& shapes, bool required) {
    bool late = b_.in_loop();
    for (int v : inputs) late |= !value(v).is_ref && !value(v).shape.fully_defined();
    for (int i = 0; i < node.num_outputs(); ++i) {
      late |= !IsRef(node.output_dtype(i)) && !shapes[i].fully_defined();
    }
    ProgramStep step;
    step.node = &node;
    step.late = late;
    step.required = required || node.num_outputs() == 0 || node.spec().stateful();
    step.inputs = inputs;
    for (int i = 0; i < node.num_outputs(); ++i) {
      SLUICE_ASSIGN_OR_RETURN(const int v, AddOutput(node, inputs, i, shapes[i]));
      OutputOf(node, i) = v;
      step.outputs.push_back(v);
    }
    b_.AddStep(std::move(step));
    return absl::OkStatus();
  }

  absl::StatusOr<int> AddOutput(const Node& node, const std::vector<int>& inputs, int i,
                                const TensorShape& shape) {
    const DType dtype = node.output_dtype(i);
    if (IsRef(dtype)) return AddReference(node, inputs, shape);
    if (SizeOf(dtype) == 0) {
      return absl::UnimplementedError(
          absl::StrCat("output ", i, ": a tensor cannot hold ", DTypeName(dtype)));
    }
    return b_.NewValue({.dtype = dtype, .home = b_.HomeOf(dtype, shape), .shape = shape});
  }

  // The reference that an update gives out is its first input (Assign, ApplyAdam, ...): known now
  // when that one is. Other ops tell while running.
  int AddReference(const Node& node, const std::vector<int>& inputs, const TensorShape& shape) {
    if (node.spec().writes_resources()) {
      for (int v : inputs) {
        if (!value(v).is_ref) continue;
        if (value(v).home != Home::kConstant) break;
        const Tensor handle = value(v).tensor;
        return b_.NewConstant(handle, true, shape);
      }
    }
    return b_.NewValue(
        {.dtype = DType::kResource, .home = Home::kRuntime, .is_ref = true, .shape = shape});
  }

  SessionState& session_;
  const Request& request_;
  const OpRegistry& registry_;
  Order order_;
  ProgramBuilder b_;
  Program& program_ = b_.program();
  std::vector<int> first_output_;  // by position in the order
  std::vector<int> outputs_;       // value of every output of every node so far
  FedValues fed_;
  absl::flat_hash_map<const Node*, std::vector<std::pair<int, int>>> fetches_;  // (output, result)
  std::vector<ProgramStep> late_fetches_;
  CommonSubexpressions merged_;
  std::optional<FlowBuilder> flow_;
};

}  // namespace

absl::StatusOr<Program> Compile(SessionState& session, const Request& request) {
  return Compiler(session, request).Run();
}

}  // namespace sluice
