// If, Case and While by TensorFlow 1's ops for the flow of control (rules CF-1, CF-2, CF-30).
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/tensor.h"
#include "graph/lower_functions_expansion.h"

namespace sluice {
namespace {

// Handles are the same everywhere: they are not switched, so that who uses one sees where it comes
// from.
bool IsHandle(DType type) { return type == DType::kResource; }

}  // namespace

// A condition of another dtype is true when it is not zero.
absl::StatusOr<FlatEdge> CallExpansion::Predicate(int call, FlatEdge condition) {
  const DType type = BaseType(TypeOf(condition));
  if (type == DType::kInvalid || type == DType::kBool) return condition;
  if (type == DType::kString || IsHandle(type)) {
    return absl::UnimplementedError(absl::StrCat("a condition of dtype ", DTypeName(type),
                                                 " cannot be tested, only bool and numbers can"));
  }
  const int cast = AddHelper(call, {.name = "pred",
                                    .op = "Cast",
                                    .attrs = {{"SrcT", type}, {"DstT", DType::kBool}},
                                    .inputs = {condition},
                                    .types = {DType::kBool}});
  return FlatEdge{cast, 0};
}

// --- If and Case ---

absl::Status CallExpansion::ExpandIf(int call) {
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  SLUICE_ASSIGN_OR_RETURN(FuncRef then_branch, FunctionAttr(call, "then_branch"));
  SLUICE_ASSIGN_OR_RETURN(FuncRef else_branch, FunctionAttr(call, "else_branch"));
  SLUICE_ASSIGN_OR_RETURN(const FlatEdge predicate, Predicate(call, node.inputs[0]));
  return ExpandBranches(call, {{std::move(else_branch), "else", predicate, 0},
                               {std::move(then_branch), "then", predicate, 1}});
}

// Is it branch k that is taken? The last one is, too, when the number names none.
FlatEdge CallExpansion::CasePredicate(int call, int k, int branches) {
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  const auto compare = [&](const char* op, int number) {
    const int constant = AddHelper(
        call, {.name = "index",
               .op = "Const",
               .attrs = {{"dtype", DType::kInt32}, {"value", Tensor::Scalar<int32_t>(number)}},
               .controls = node.controls,
               .types = {DType::kInt32}});
    return FlatEdge{AddHelper(call, {.name = "is_index",
                                     .op = op,
                                     .attrs = {{"T", DType::kInt32}},
                                     .inputs = {node.inputs[0], {constant, 0}},
                                     .types = {DType::kBool}}),
                    0};
  };
  if (k < branches - 1) return compare("Equal", k);
  const FlatEdge negative = compare("Less", 0), large = compare("GreaterEqual", branches - 1);
  return {AddHelper(call, {.name = "is_other",
                           .op = "LogicalOr",
                           .inputs = {negative, large},
                           .types = {DType::kBool}}),
          0};
}

absl::Status CallExpansion::ExpandCase(int call) {
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  const AttrValue* value = FindAttr(node.attrs, "branches");
  const auto* functions = value == nullptr ? nullptr : value->get_if<std::vector<FuncRef>>();
  if (functions == nullptr || functions->empty()) {
    return absl::InvalidArgumentError("attr 'branches' must name functions");
  }
  std::vector<Branch> branches;
  const auto n = static_cast<int>(functions->size());
  for (int k = 0; k < n; ++k) {
    branches.push_back({(*functions)[static_cast<size_t>(k)], absl::StrCat("branch", k),
                        CasePredicate(call, k, n), 1});
    SLUICE_RETURN_IF_ERROR(CheckSize());
  }
  return ExpandBranches(call, branches);
}

// What goes into a branch passes a Switch; what the branch makes without it waits for the pivot.
CallExpansion::BranchInputs CallExpansion::AddSwitches(int call, FlatEdge predicate) {
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  BranchInputs inputs;
  const auto add = [&](FlatEdge data, DType type) {
    return AddHelper(call, {.name = "Switch",
                            .op = "Switch",
                            .attrs = {{"T", type}},
                            .inputs = {data, predicate},
                            .controls = node.controls,
                            .types = {type, type}});
  };
  inputs.pivot = add(predicate, DType::kBool);
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const FlatEdge arg = node.inputs[i];
    const DType type = BaseType(TypeOf(arg));
    // (An unknown dtype is that of an op that never runs.)
    const bool direct = IsHandle(type) || type == DType::kInvalid;
    inputs.args.push_back(direct ? arg : FlatEdge{add(arg, type), kSwitched});
  }
  return inputs;
}

absl::StatusOr<CallExpansion::Body> CallExpansion::AddBranch(int call, const Branch& branch,
                                                             const BranchInputs& inputs) {
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  const int pivot = AddHelper(call, {.name = branch.side == 1 ? "switch_t" : "switch_f",
                                     .op = "Identity",
                                     .attrs = {{"T", DType::kBool}},
                                     .inputs = {{inputs.pivot, branch.side}},
                                     .types = {DType::kBool}});
  std::vector<FlatEdge> args = inputs.args;
  for (FlatEdge& arg : args) {
    if (arg.index == kSwitched) arg.index = branch.side;
  }
  SLUICE_ASSIGN_OR_RETURN(Body body, AddBody({call,
                                              branch.function,
                                              absl::StrCat(node.name, "/", branch.scope),
                                              std::move(args),
                                              {pivot},
                                              node.types}));
  for (size_t k = 0; k < body.results.size(); ++k) {
    if (!IsHandle(node.types[k])) continue;
    const int held = AddHelper(call, {.name = "handle",
                                      .op = "Identity",
                                      .attrs = {{"T", node.types[k]}},
                                      .inputs = {body.results[k]},
                                      .controls = {pivot},
                                      .types = {node.types[k]}});
    body.results[k] = {held, 0};
  }
  body.pivot = pivot;
  return body;
}

absl::Status CallExpansion::ExpandBranches(int call, const std::vector<Branch>& branches) {
  const FlatNode& node = nodes_[static_cast<size_t>(call)];
  std::vector<Body> bodies;
  BranchInputs inputs;
  bool effects = node.types.empty();
  for (size_t b = 0; b < branches.size(); ++b) {
    const FlatEdge predicate = branches[b].predicate;
    const bool same = b > 0 && predicate.node == branches[b - 1].predicate.node &&
                      predicate.index == branches[b - 1].predicate.index;
    if (!same) inputs = AddSwitches(call, predicate);
    SLUICE_ASSIGN_OR_RETURN(bodies.emplace_back(), AddBranch(call, branches[b], inputs));
    SLUICE_RETURN_IF_ERROR(CheckSize());
    effects |= !bodies.back().effects.empty();
  }
  const auto merge = [&](const char* name, DType type, std::vector<FlatEdge> inputs) {
    const auto n = static_cast<int64_t>(inputs.size());
    return AddHelper(call, {.name = name,
                            .op = "Merge",
                            .attrs = {{"N", n}, {"T", type}},
                            .inputs = std::move(inputs),
                            .types = {type, DType::kInt32}});
  };
  std::vector<FlatEdge> results;
  for (size_t k = 0; k < node.types.size(); ++k) {
    std::vector<FlatEdge> from;
    for (const Body& body : bodies) from.push_back(body.results[k]);
    results.push_back({merge("Merge", BaseType(node.types[k]), std::move(from)), 0});
  }
  std::vector<int> done;
  if (effects) {
    std::vector<FlatEdge> from;
    for (const Body& body : bodies) {
      from.push_back({AddHelper(call, {.name = "branch_done",
                                       .op = "Identity",
                                       .attrs = {{"T", DType::kBool}},
                                       .inputs = {{body.pivot, 0}},
                                       .controls = body.effects,
                                       .types = {DType::kBool}}),
                      0});
    }
    done = {merge("done", DType::kBool, std::move(from))};
  }
  Finish(call, results, done);
  return absl::OkStatus();
}

// --- While ---

class LoopBuilder {
 public:
  LoopBuilder(CallExpansion* e, int call)
      : e_(*e), call_(call), node_(e->nodes_[static_cast<size_t>(call)]) {
    const AttrValue* parallel = FindAttr(node_.attrs, "parallel_iterations");
    const int64_t* n = parallel == nullptr ? nullptr : parallel->get_if<int64_t>();
    if (n != nullptr && *n > 0) parallel_iterations_ = *n;
  }

  absl::Status Run() {
    SLUICE_ASSIGN_OR_RETURN(const FuncRef cond, e_.FunctionAttr(call_, "cond"));
    SLUICE_ASSIGN_OR_RETURN(const FuncRef body, e_.FunctionAttr(call_, "body"));
    SLUICE_RETURN_IF_ERROR(FindVariables(body));
    SLUICE_RETURN_IF_ERROR(AddCondition(cond));
    SLUICE_RETURN_IF_ERROR(AddIteration(body));
    AddExits();
    return absl::OkStatus();
  }

 private:
  // What comes around, in the order of the call's inputs; a number that nobody reads where nothing
  // else does.
  struct Carried {
    size_t input;
    DType type;
    int merge = 0, turn = 0;  // turn: the Switch
  };

  int Helper(CallExpansion::Helper helper) { return e_.AddHelper(call_, std::move(helper)); }

  int Enter(FlatEdge from, DType type, bool constant) {
    return Helper({.name = "Enter",
                   .op = "Enter",
                   .attrs = {{"T", type},
                             {"frame_name", node_.name},
                             {"is_constant", constant},
                             {"parallel_iterations", parallel_iterations_}},
                   .inputs = {from},
                   .controls = node_.controls,
                   .types = {type}});
  }

  // Which of the loop's variables does the body leave alone?
  absl::Status FindVariables(const FuncRef& body) {
    const Function* function = e_.library_.Find(body.name);
    bool by_position = function != nullptr;
    if (function != nullptr) {
      AttrMap attrs = body.attrs == nullptr ? AttrMap() : *body.attrs;
      SLUICE_RETURN_IF_ERROR(function->CompleteAttrs(&attrs));
      for (const auto& args : {function->Inputs(attrs), function->Outputs(attrs)}) {
        if (!args.ok()) return args.status();
        for (const FlatArg& arg : *args) by_position &= arg.types.size() == 1;
      }
    }
    for (size_t i = 0; i < node_.inputs.size(); ++i) {
      const DType type = BaseType(node_.types[i]);
      const auto k = static_cast<int>(i);
      if (by_position && function->ReturnedArgument(k) == k) {
        inside_.push_back({Enter(node_.inputs[i], type, /*constant=*/true), 0});
      } else {
        Carry(i, node_.inputs[i], type);
      }
    }
    if (!carried_.empty()) return absl::OkStatus();
    const int start =
        Helper({.name = "start",
                .op = "Const",
                .attrs = {{"dtype", DType::kInt32}, {"value", Tensor::Scalar<int32_t>(0)}},
                .controls = node_.controls,
                .types = {DType::kInt32}});
    Carry(node_.inputs.size(), {start, 0}, DType::kInt32);
    return absl::OkStatus();
  }

  void Carry(size_t input, FlatEdge from, DType type) {
    const FlatEdge entered = {Enter(from, type, /*constant=*/false), 0};
    const int merge = Helper({.name = "Merge",
                              .op = "Merge",
                              .attrs = {{"N", int64_t{2}}, {"T", type}},
                              .inputs = {entered, entered},  // the second is set by AddIteration
                              .types = {type, DType::kInt32}});
    carried_.push_back({input, type, merge, 0});
    inside_.push_back({merge, 0});
  }

  std::vector<FlatEdge> Args() const {
    return {inside_.begin(), inside_.begin() + static_cast<std::ptrdiff_t>(node_.inputs.size())};
  }

  absl::Status AddCondition(const FuncRef& cond) {
    const std::vector<DType> one = {DType::kInvalid};
    SLUICE_ASSIGN_OR_RETURN(
        const CallExpansion::Body body,
        e_.AddBody(
            {call_, cond, absl::StrCat(node_.name, "/cond"), Args(), {carried_[0].merge}, one}));
    SLUICE_ASSIGN_OR_RETURN(const FlatEdge predicate, e_.Predicate(call_, body.results[0]));
    condition_ = Helper({.name = "LoopCond",
                         .op = "LoopCond",
                         .inputs = {predicate},
                         .controls = body.effects,
                         .types = {DType::kBool}});
    return absl::OkStatus();
  }

  absl::Status AddIteration(const FuncRef& body) {
    for (Carried& carried : carried_) {
      carried.turn = Helper({.name = "Switch",
                             .op = "Switch",
                             .attrs = {{"T", carried.type}},
                             .inputs = {{carried.merge, 0}, {condition_, 0}},
                             .types = {carried.type, carried.type}});
      inside_[carried.input] = {carried.turn, 1};
    }
    const int pivot = Helper({.name = "pivot",
                              .op = "Identity",
                              .attrs = {{"T", carried_[0].type}},
                              .inputs = {{carried_[0].turn, 1}},
                              .types = {carried_[0].type}});
    SLUICE_ASSIGN_OR_RETURN(
        CallExpansion::Body added,
        e_.AddBody({call_, body, absl::StrCat(node_.name, "/body"), Args(), {pivot}, node_.types}));
    added.results.push_back(inside_.back());  // of the number that nobody reads
    added.effects.push_back(pivot);           // what comes from outside does not come around alone
    for (const Carried& carried : carried_) {
      const int next = Helper({.name = "NextIteration",
                               .op = "NextIteration",
                               .attrs = {{"T", carried.type}},
                               .inputs = {added.results[carried.input]},
                               .controls = added.effects,
                               .types = {carried.type}});
      e_.nodes_[static_cast<size_t>(carried.merge)].inputs[1] = {next, 0};
    }
    return absl::OkStatus();
  }

  void AddExits() {
    std::vector<FlatEdge> results = node_.inputs;
    results.emplace_back();
    int any = 0;
    for (const Carried& carried : carried_) {
      any = Helper({.name = "Exit",
                    .op = "Exit",
                    .attrs = {{"T", carried.type}},
                    .inputs = {{carried.turn, 0}},
                    .types = {carried.type}});
      results[carried.input] = {any, 0};
    }
    results.pop_back();
    e_.Finish(call_, results, {any});
  }

  CallExpansion& e_;
  const int call_;
  const FlatNode& node_;
  int64_t parallel_iterations_ = 10;
  std::vector<FlatEdge> inside_;  // the loop's variables where they are used, by input
  std::vector<Carried> carried_;
  int condition_ = 0;
};

absl::Status CallExpansion::ExpandWhile(int call) { return LoopBuilder(this, call).Run(); }

}  // namespace sluice
