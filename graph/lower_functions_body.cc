// Copies the bodies of functions.
#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status.h"
#include "graph/lower_functions_expansion.h"
#include "proto/graph.pb.h"

namespace sluice {
namespace {

std::string TypeNames(const std::vector<DType>& types) {
  constexpr size_t kMostShown = 20;
  std::string text;
  for (size_t i = 0; i < types.size() && i < kMostShown; ++i) {
    absl::StrAppend(&text, i > 0 ? ", " : "", DTypeName(types[i]));
  }
  return absl::StrCat("[", text, types.size() > kMostShown ? ", ..." : "", "]");
}

// An unknown dtype (kInvalid), as of what an op gives that the registry lacks, fits every other.
bool Fit(const std::vector<DType>& got, const std::vector<DType>& wanted) {
  return std::equal(got.begin(), got.end(), wanted.begin(), wanted.end(), [](DType g, DType w) {
    return g == DType::kInvalid || w == DType::kInvalid || BaseType(g) == BaseType(w);
  });
}

absl::Status NoSuchInput(absl::string_view input) {
  return absl::InvalidArgumentError(absl::StrCat(
      "input '", Printable(input), "' names no argument of the function and no output of a node"));
}

}  // namespace

// Copies the body of one function.
class BodyBuilder {
 public:
  BodyBuilder(CallExpansion* e, const Function& function, const CallExpansion::BodyRequest& request,
              int chain)
      : e_(*e), f_(function), request_(request), chain_(chain) {}

  absl::StatusOr<CallExpansion::Body> Run() {
    SLUICE_RETURN_IF_ERROR(ReadSignature());
    const int n = f_.def().node_def_size();
    for (int i = 0; i < n; ++i) {
      const absl::Status added = AddNode(i);
      if (!added.ok()) return Problem(i, added);
    }
    for (int i = 0; i < n; ++i) {
      const absl::Status connected = Connect(i);
      if (!connected.ok()) return Problem(i, connected);
      SLUICE_RETURN_IF_ERROR(e_.CheckSize());
    }
    for (int i = 0; i < n && HasFlow(); ++i) {
      if (IsCall(node(i))) e_.GateCall(first_ + i);
    }
    SLUICE_RETURN_IF_ERROR(FindResults());
    SLUICE_RETURN_IF_ERROR(FindEffects());
    return std::move(body_);
  }

 private:
  struct OutputArg {
    std::string name;
    int first = 0, count = 0;
  };

  bool HasFlow() const { return has_loops_ || has_switches_; }
  FlatNode& node(int i) { return e_.nodes_[static_cast<size_t>(first_ + i)]; }

  absl::Status Problem(int i, const absl::Status& status) const {
    FlatNode shown;
    shown.name = absl::StrCat(request_.scope, "/", f_.def().node_def(i).name());
    shown.op = f_.def().node_def(i).op();
    shown.chain = chain_;
    return e_.NodeProblem(shown, status);
  }

  absl::Status InFunction(const absl::Status& status) const {
    return Annotate(status, absl::StrCat("function '", Printable(f_.name()), "'"));
  }

  absl::Status ReadSignature() {
    if (request_.function.attrs != nullptr) attrs_ = *request_.function.attrs;
    SLUICE_RETURN_IF_ERROR(InFunction(f_.CompleteAttrs(&attrs_)));
    const absl::StatusOr<std::vector<FlatArg>> inputs = f_.Inputs(attrs_);
    if (!inputs.ok()) return InFunction(inputs.status());
    const std::vector<DType> wanted = TypesOf(*inputs);
    std::vector<DType> got;
    for (const FlatEdge& arg : request_.args) got.push_back(e_.TypeOf(arg));
    if (!Fit(got, wanted)) {
      return InFunction(absl::InvalidArgumentError(
          absl::StrCat("takes ", TypeNames(wanted), ", got ", TypeNames(got))));
    }
    size_t next = 0;
    for (const FlatArg& arg : *inputs) {
      const auto begin = request_.args.begin() + static_cast<std::ptrdiff_t>(next);
      args_.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(arg.types.size()));
      next += arg.types.size();
    }
    return absl::OkStatus();
  }

  absl::Status AddNode(int i) {
    const proto::NodeDef& def = f_.def().node_def(i);
    if (f_.FindNode(def.name()) != i) return absl::InvalidArgumentError("is not unique");
    FlatNode added;
    added.op = def.op();
    added.device = def.device();
    added.chain = chain_;
    SLUICE_ASSIGN_OR_RETURN(Function::BodyAttrs attrs, f_.NodeAttrs(i, attrs_));
    added.attrs = std::move(attrs.attrs);
    added.spec = attrs.opaque ? nullptr : e_.library_.registry().Find(def.op());
    added.called = attrs.opaque ? e_.library_.FindCalled(def.op()) : nullptr;
    std::vector<FlatArg> outputs;
    if (added.spec != nullptr) {
      SLUICE_ASSIGN_OR_RETURN(outputs, FlatArgs(added.spec->outputs(), added.attrs));
    } else if (added.called != nullptr) {
      AttrMap call_attrs = added.attrs;
      SLUICE_RETURN_IF_ERROR(added.called->CompleteAttrs(&call_attrs));
      SLUICE_ASSIGN_OR_RETURN(outputs, added.called->Outputs(call_attrs));
    }
    std::vector<OutputArg>& layout = layout_.emplace_back();
    for (const FlatArg& arg : outputs) {
      layout.push_back(
          {arg.name, static_cast<int>(added.types.size()), static_cast<int>(arg.types.size())});
      added.types.insert(added.types.end(), arg.types.begin(), arg.types.end());
    }
    added.name = e_.NewName(absl::StrCat(request_.scope, "/", def.name()));
    const auto flow = added.spec == nullptr ? ControlFlow::kNone : added.spec->flow();
    if (flow == ControlFlow::kEnter) {  // every call has loops of its own
      const auto* frame = added.attrs["frame_name"].get_if<std::string>();
      added.attrs["frame_name"] =
          absl::StrCat(request_.scope, "/", frame == nullptr ? added.name : *frame);
    }
    has_loops_ |= flow == ControlFlow::kEnter;
    has_switches_ |= flow == ControlFlow::kSwitch;
    const int at = e_.Add(std::move(added));
    if (i == 0) first_ = at;
    return e_.CheckSize();
  }

  absl::Status Connect(int i) {
    bool from_body = false;
    for (const std::string& input : f_.def().node_def(i).input()) {
      if (!input.empty() && input[0] == '^') {
        const absl::string_view name = absl::string_view(input).substr(1);
        const int producer = f_.FindNode(name);
        if (producer >= 0) {
          node(i).controls.push_back(first_ + producer);
          from_body = true;
        } else if (f_.FindArg(name) < 0) {  // arguments are there before the call begins
          return NoSuchInput(input);
        }
        continue;
      }
      if (!node(i).controls.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("Control dependencies must come after regular dependencies, got '",
                         Printable(input), "' after one"));
      }
      SLUICE_ASSIGN_OR_RETURN(const std::vector<FlatEdge> edges, Find(input));
      for (const FlatEdge& edge : edges) from_body |= edge.node >= first_;
      node(i).inputs.insert(node(i).inputs.end(), edges.begin(), edges.end());
      e_.edges_ += static_cast<int64_t>(edges.size());
    }
    // What comes from inside has waited already; calls may pass on what has not.
    const bool passes_on = IsCall(node(i)) && !HasFlow();
    if (from_body && !passes_on) return absl::OkStatus();
    for (const int gate : request_.gate) node(i).controls.push_back(gate);
    return absl::OkStatus();
  }

  // "arg", "arg:i", "node:out" or "node:out:i". Without the number: all of a list.
  absl::StatusOr<std::vector<FlatEdge>> Find(absl::string_view text) {
    const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
    const int arg = f_.FindArg(parts[0]);
    const int producer = arg >= 0 ? -1 : f_.FindNode(parts[0]);
    const size_t named = arg >= 0 ? 1 : 2;
    int number = -1;
    bool good = (arg >= 0 || producer >= 0) && parts.size() >= named && parts.size() <= named + 1;
    if (good && parts.size() > named) good = absl::SimpleAtoi(parts.back(), &number) && number >= 0;
    if (!good) return NoSuchInput(text);
    std::vector<FlatEdge> edges;
    if (arg >= 0) {
      edges = args_[static_cast<size_t>(arg)];
    } else if (!OutputsOf(producer, parts[1], number, &edges)) {
      return NoSuchInput(text);
    }
    if (number < 0) return edges;
    if (number >= static_cast<int>(edges.size())) return NoSuchInput(text);
    return std::vector<FlatEdge>{edges[static_cast<size_t>(number)]};
  }

  // False when the node has no output argument of that name.
  bool OutputsOf(int producer, absl::string_view out, int number, std::vector<FlatEdge>* edges) {
    const int at = first_ + producer;
    FlatNode& from = node(producer);
    if (from.spec == nullptr && from.called == nullptr) {
      // Nobody knows its outputs: they are numbered as they are met. It never runs.
      const auto next = static_cast<int>(from.types.size());
      const auto [found, added] =
          opaque_outputs_.try_emplace({producer, std::string(out), number}, next);
      if (added) from.types.push_back(DType::kInvalid);
      edges->assign(static_cast<size_t>(std::max(number, 0)) + 1, {at, found->second});
      return true;
    }
    for (const OutputArg& arg : layout_[static_cast<size_t>(producer)]) {
      if (arg.name != out) continue;
      for (int k = 0; k < arg.count; ++k) edges->push_back({at, arg.first + k});
      return true;
    }
    return false;
  }

  absl::Status FindResults() {
    const absl::StatusOr<std::vector<FlatArg>> outputs = f_.Outputs(attrs_);
    if (!outputs.ok()) return InFunction(outputs.status());
    for (const FlatArg& output : *outputs) {
      const std::string what = absl::StrCat("output '", Printable(output.name), "'");
      const auto ret = f_.def().ret().find(output.name);
      if (ret == f_.def().ret().end()) {
        return InFunction(absl::InvalidArgumentError(absl::StrCat(what, " is not in its ret")));
      }
      absl::StatusOr<std::vector<FlatEdge>> edges = Find(ret->second);
      if (!edges.ok()) return InFunction(Annotate(edges.status(), what));
      std::vector<DType> got;
      for (const FlatEdge& edge : *edges) got.push_back(e_.TypeOf(edge));
      if (!Fit(got, output.types)) {
        return InFunction(absl::InvalidArgumentError(
            absl::StrCat(what, " must be ", TypeNames(output.types), ", got ", TypeNames(got))));
      }
      body_.results.insert(body_.results.end(), edges->begin(), edges->end());
    }
    const std::vector<DType> gives = TypesOf(*outputs);
    if (Fit(gives, request_.result_types)) return absl::OkStatus();
    return InFunction(absl::InvalidArgumentError(
        absl::StrCat("gives ", TypeNames(gives), ", wanted ", TypeNames(request_.result_types))));
  }

  bool HasEffect(const FlatNode& node) const {
    if (node.called != nullptr) return node.called->stateful();
    if (IsCall(node))
      return node.op != "PartitionedCall" && !absl::StartsWith(node.op, "Stateless");
    return node.spec != nullptr && node.spec->stateful() && !node.spec->session_constant() &&
           !node.spec->must_be_fed() && node.spec->flow() == ControlFlow::kNone;
  }

  // Stateful nodes run though nobody asks for them. What a loop repeats cannot be waited for, and
  // what a Switch turns off must not turn off the call.
  absl::Status FindEffects() {
    std::vector<bool> waited(static_cast<size_t>(f_.def().node_def_size()), false);
    for (const auto& [output, name] : f_.def().control_ret()) {
      const int i = f_.FindNode(name);
      if (i < 0) {
        return InFunction(absl::InvalidArgumentError(absl::StrCat(
            "control output '", Printable(output), "': no node '", Printable(name), "'")));
      }
      waited[static_cast<size_t>(i)] = true;
    }
    for (int i = 0; i < f_.def().node_def_size(); ++i) {
      if (waited[static_cast<size_t>(i)] || (!has_loops_ && HasEffect(node(i)))) {
        body_.effects.push_back(first_ + i);
      }
    }
    if (!has_switches_ || has_loops_ || body_.effects.empty()) return absl::OkStatus();
    std::vector<int> effects = std::move(body_.effects);
    effects.insert(effects.end(), request_.gate.begin(), request_.gate.end());
    FlatNode trigger;
    trigger.name = e_.NewName(absl::StrCat(request_.scope, "/effects"));
    trigger.op = "ControlTrigger";
    trigger.spec = e_.library_.registry().Find(trigger.op);
    trigger.controls = std::move(effects);
    trigger.chain = chain_;
    body_.effects = {e_.Add(std::move(trigger))};
    return absl::OkStatus();
  }

  CallExpansion& e_;
  const Function& f_;
  const CallExpansion::BodyRequest& request_;
  const int chain_;
  AttrMap attrs_;
  std::vector<std::vector<FlatEdge>> args_;
  std::vector<std::vector<OutputArg>> layout_;  // by node
  std::map<std::tuple<int, std::string, int>, int> opaque_outputs_;
  int first_ = 0;
  bool has_loops_ = false, has_switches_ = false;
  CallExpansion::Body body_;
};

absl::StatusOr<CallExpansion::Body> CallExpansion::AddBody(const BodyRequest& request) {
  const Function* function = library_.Find(request.function.name);
  if (function == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("function '", Printable(request.function.name),
                                                   "' is not in the graph's library"));
  }
  const int caller = nodes_[static_cast<size_t>(request.call)].chain;
  SLUICE_RETURN_IF_ERROR(CheckRecursion(*function, caller));
  chain_.push_back({function, caller});
  return BodyBuilder(this, *function, request, static_cast<int>(chain_.size()) - 1).Run();
}

}  // namespace sluice
