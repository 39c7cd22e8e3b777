// Reverse accumulation, in TensorFlow's order and with its node names (rules GR-1 to GR-15).
#include "graph/backprop.h"

#include <algorithm>
#include <deque>
#include <map>

#include "core/status.h"
#include "graph/aggregate.h"
#include "graph/gradient_path.h"
#include "graph/graph.h"
#include "graph/handle.h"
#include "graph/node.h"

namespace sluice {
namespace {

// Marks nodes by walking edges from `start`, forwards along consumers.
std::vector<bool> ReachableFrom(const Graph& graph, const Outputs& start) {
  std::vector<std::vector<Node*>> consumers(graph.num_nodes());
  for (size_t id = 0; id < consumers.size(); ++id) {
    Node* node = graph.node(static_cast<int>(id));
    for (int i = 0; i < node->num_inputs(); ++i) {
      const Edge& edge = node->input_edge(i);
      if (!MayCarryGradients(BaseType(Output(edge.node, edge.index).dtype()))) continue;
      consumers[edge.node->id()].push_back(node);
    }
  }
  std::vector<bool> reached(consumers.size(), false);
  std::vector<Node*> todo;
  for (const Output& x : start) todo.push_back(x.node());
  while (!todo.empty()) {
    Node* node = todo.back();
    todo.pop_back();
    if (reached[node->id()]) continue;
    reached[node->id()] = true;
    todo.insert(todo.end(), consumers[node->id()].begin(), consumers[node->id()].end());
  }
  return reached;
}

// How a node is differentiated. Without a function it is not: either nothing flows through it
// (`stops`), or nobody has said how.
struct Rule {
  const GradientFn* function = nullptr;
  bool stops = false;
  bool passes_through = false;
};

Rule RuleOf(const OpSpec& spec) {
  if (spec.gradient()) return {&spec.gradient(), false, spec.passes_gradient_through()};
  return {nullptr, spec.not_differentiable() && !spec.opaque(), false};
}

// The op's own, or the one that the node asks for: a function registered by name, or that of
// another op (rule GR-15).
absl::StatusOr<Rule> RuleFor(const Node& node) {
  const AttrValue* attr = FindAttr(node.attrs(), kGradientOpTypeAttr);
  const std::string* name = attr == nullptr ? nullptr : attr->get_if<std::string>();
  if (name == nullptr) return RuleOf(node.spec());
  const OpRegistry& registry = node.graph().registry();
  if (const GradientFn* function = registry.FindGradient(*name)) return Rule{function};
  if (const OpSpec* spec = registry.Find(*name)) return RuleOf(*spec);
  return absl::NotFoundError(absl::StrCat("No gradient is registered under '", Printable(*name),
                                          "', which operation '", node.name(),
                                          "' (op type: ", node.op(), ") asks for"));
}

// One reverse pass.
class Backprop {
 public:
  Backprop(At at, const Outputs& ys, const Outputs& xs, const GradientsOptions& options)
      : at_(at),
        ys_(ys),
        xs_(xs),
        options_(options),
        between_(at.graph().num_nodes(), false),
        waiting_(between_.size(), 0) {}

  TensorsOrSlices Run() {
    if (!SeedGradients()) return {};
    FindPath();
    FindStops();
    std::deque<Node*> ready;
    std::vector<bool> queued(between_.size(), false);
    for (const Output& y : ys_) {
      Node* node = y.node();
      if (between_[node->id()] && waiting_[node->id()] == 0 && !queued[node->id()]) {
        queued[node->id()] = true;
        ready.push_back(node);
      }
    }
    while (!ready.empty() && at_.ok()) {
      Node* node = ready.front();
      ready.pop_front();
      if (!Differentiate(node)) return {};
      for (int i = 0; i < node->num_inputs(); ++i) {
        Node* producer = node->input_edge(i).node;
        const int id = producer->id();
        if (!Counts(*node, i)) continue;
        if (--waiting_[id] == 0 && !queued[id]) {
          queued[id] = true;
          ready.push_back(producer);
        }
      }
    }
    return Collect();
  }

 private:
  using Key = std::pair<int, int>;  // node id, output index

  bool Fail(absl::string_view op, const absl::Status& why) {
    at_.Fail(op, why);
    return false;
  }

  // Rule GR-13.
  At Beside(const Node* node) const {
    return options_.colocate_gradients_with_ops
               ? at_.In(at_.scope().ColocateWith(node->operation()))
               : at_;
  }

  // --- what comes in at the ys (rules GR-2, GR-3) ---

  bool SeedGradients() {
    for (size_t i = 0; i < ys_.size(); ++i) {
      const Output& y = ys_[i];
      const bool given = !options_.grad_ys.empty() && !options_.grad_ys[i].empty();
      const absl::Status status = given ? CheckSeed(y, options_.grad_ys[i]) : CheckDefaultSeed(y);
      if (!status.ok()) return Fail("grad_ys", status);
      const At place = Beside(y.node());
      const std::string name = absl::StrCat("grad_ys_", i);
      const Output seed = given ? place.Named(name).Node("Identity", {options_.grad_ys[i]})
                                : DefaultSeed(place, y, name);
      if (seed.empty()) return false;
      grads_[{y.node()->id(), y.index()}].push_back(seed);
    }
    return true;
  }

  static absl::Status CheckSeed(const Output& y, const Output& seed) {
    const DType want = BaseType(y.dtype()), got = BaseType(seed.dtype());
    const auto real = [](DType d) { return IsFloating(d) || IsInteger(d); };
    const auto mismatch = [&](const char* kind, const char* must) {
      return absl::InvalidArgumentError(
          absl::StrCat("Gradient type ", DTypeName(got), " generated for ", kind, "-valued tensor ",
                       y.name(), " with type ", DTypeName(want), " must be ", must));
    };
    if (real(want)) {
      if (!real(got)) return mismatch("real or integer", "real or integer");
    } else if (IsComplex(want)) {
      if (!IsComplex(got)) return mismatch("complex", "complex");
    } else if (want != DType::kResource && want != DType::kVariant) {
      return NotNumeric(y);
    }
    if ((IsTrainable(want) && want != got) || !seed.shape().CompatibleWith(y.shape())) {
      return absl::InvalidArgumentError(
          absl::StrCat("gradient ", seed.name(), " is ", DTypeName(got), seed.shape().ToString(),
                       ", but ", y.name(), " is ", DTypeName(want), y.shape().ToString()));
    }
    return absl::OkStatus();
  }

  static absl::Status CheckDefaultSeed(const Output& y) {
    const DType dtype = BaseType(y.dtype());
    if (IsComplex(dtype)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Gradients of complex tensors must set grad_ys (y.dtype = ", DTypeName(dtype), ")"));
    }
    return IsNumeric(dtype) ? absl::OkStatus() : NotNumeric(y);
  }

  static absl::Status NotNumeric(const Output& y) {
    return absl::InvalidArgumentError(
        absl::StrCat("Tensor ", y.name(), " with type ", DTypeName(BaseType(y.dtype())),
                     " must be numeric to obtain a default gradient"));
  }

  static Output DefaultSeed(At place, const Output& y, const std::string& name) {
    const DType dtype = BaseType(y.dtype());
    const Output shape = ShapeOf(place, y);
    const Output one =
        place.Named(name).Node("Const", {}, {{"value", NumberTensor(dtype, 1)}, {"dtype", dtype}});
    return place.Named("Fill").Node("Fill", {shape, one});
  }

  // tf.shape: a Const where the shape is known.
  static Output ShapeOf(At place, const Output& y) {
    const TensorShape& shape = y.shape();
    const auto fits = [](int64_t dim) { return dim <= INT32_MAX; };
    if (!shape.fully_defined() || !std::all_of(shape.dims().begin(), shape.dims().end(), fits)) {
      return place.Node("Shape", {y});
    }
    const std::vector<int32_t> dims(shape.dims().begin(), shape.dims().end());
    return place.Named("Shape").Node(
        "Const", {},
        {{"value", Tensor::Of<int32_t>({shape.rank()}, dims)}, {"dtype", DType::kInt32}});
  }

  // --- which nodes take part (rules GR-4, GR-5) ---

  // Nodes on a path from an x to a y, and how many of their consumers on it must be differentiated
  // first.
  void FindPath() {
    const std::vector<bool> below = ReachableFrom(at_.graph(), xs_);
    // Backwards from the ys through such nodes only: a node behind one that no gradient passes (the
    // Size behind the Cast of a mean) would never get its turn, and everything before it neither.
    std::vector<Node*> todo;
    for (const Output& y : ys_) todo.push_back(y.node());
    while (!todo.empty()) {
      Node* node = todo.back();
      todo.pop_back();
      const auto id = static_cast<size_t>(node->id());
      if (id >= between_.size() || between_[id] || !below[id]) continue;
      between_[id] = true;
      for (int i = 0; i < node->num_inputs(); ++i) {
        if (node->input_edge(i).node != nullptr) todo.push_back(node->input_edge(i).node);
      }
    }
    for (size_t id = 0; id < between_.size(); ++id) {
      Node* node = at_.graph().node(static_cast<int>(id));
      for (int i = 0; i < node->num_inputs(); ++i) {
        if (between_[id] && Counts(*node, i)) ++waiting_[node->input_edge(i).node->id()];
      }
    }
  }

  // Does input i of a node on the path bring a gradient to a node on the path? (Nodes made
  // meanwhile are not on it.)
  bool Counts(const Node& node, int i) const {
    const int producer = node.input_edge(i).node->id();
    return static_cast<size_t>(producer) < between_.size() && between_[producer] &&
           between_[node.id()];
  }

  // The xs that no other x leads to, and what the caller stops.
  void FindStops() {
    stop_.assign(between_.size(), false);
    for (const Output& x : xs_) {
      bool first = true;
      for (int i = 0; i < x.node()->num_inputs(); ++i)
        first &= !between_[x.node()->input_edge(i).node->id()];
      if (first) stop_[x.node()->id()] = true;
    }
    for (const Output& s : options_.stop_gradients) stop_[s.node()->id()] = true;
  }

  // --- one node ---

  // The sum of what came in for one tensor, empty when nothing did.
  TensorOrSlices Sum(const Output& of) {
    const auto it = grads_.find({of.node()->id(), of.index()});
    if (it == grads_.end()) return {};
    TensorsOrSlices& terms = it->second;
    if (terms.size() > 1) {
      terms = {Aggregate(Beside(of.node()), terms, options_.aggregation_method, of.node()->name())};
    }
    return terms[0];
  }

  At PlaceFor(Node* node) const {
    const At beside = Beside(node);
    return beside.In(beside.scope().Sub(absl::StrCat(node->name(), "_grad")).ForGradientOf(node));
  }

  bool Differentiate(Node* node) {
    TensorsOrSlices dy;
    bool any = false, slices = false;
    for (int i = 0; i < node->num_outputs(); ++i) {
      dy.push_back(Sum(node->output(i)));
      any |= !dy.back().empty();
      slices |= dy.back().is_slices();
    }
    if (!any || stop_[node->id()] || node->num_inputs() == 0) return at_.ok();
    const absl::StatusOr<Rule> rule = RuleFor(*node);
    if (!rule.ok()) return Fail(node->op(), rule.status());
    if (rule->function == nullptr) return rule->stops || Fail(node->op(), NoGradient(*node));
    FillMissing(*node, &dy);
    const At place = PlaceFor(node);
    TensorsOrSlices dx;
    if (rule->passes_through && slices) {
      dx.resize(node->num_inputs());
      dx[0] = dy[0];
    } else {
      dx = (*rule->function)(place, *node, Dense(place, *node, dy));
    }
    if (!at_.ok()) return false;
    if (static_cast<int>(dx.size()) != node->num_inputs()) {  // rule GR-8
      return Fail(node->op(), absl::InvalidArgumentError(absl::StrCat(
                                  "Num gradients ", dx.size(), " generated for op ", node->name(),
                                  " do not match num inputs ", node->num_inputs())));
    }
    if (options_.gate_gradients) Gate(place, *node, &dx);
    return Deliver(*node, dx);
  }

  // Rule GR-6.
  absl::Status NoGradient(const Node& node) const {
    std::string why = absl::StrCat("No gradient defined for operation '", node.name(),
                                   "' (op type: ", node.op(), ")");
    if (!node.spec().no_gradient_reason().empty())
      absl::StrAppend(&why, ": ", node.spec().no_gradient_reason());
    if (!node.location().empty()) absl::StrAppend(&why, "; built at ", node.location());
    absl::StrAppend(&why, "; path: ", PathThrough(&node, ys_, xs_, between_));
    return absl::UnimplementedError(why);
  }

  // Rule GR-7: one of several outputs without a gradient gets zeros.
  void FillMissing(const Node& node, TensorsOrSlices* dy) {
    for (int i = 0; i < node.num_outputs(); ++i) {
      const DType dtype = BaseType(node.output_dtype(i));
      if ((*dy)[i].empty() && (IsFloating(dtype) || IsComplex(dtype))) {
        (*dy)[i] = Beside(&node).Named("zeros_like").Node("ZerosLike", {node.output(i)});
      }
    }
  }

  Outputs Dense(At place, const Node& node, const TensorsOrSlices& dy) {
    Outputs dense;
    for (int i = 0; i < node.num_outputs(); ++i) {
      dense.push_back(ToDense(place, dy[i], BaseType(node.output_dtype(i))));
    }
    return dense;
  }

  // tf.tuple: none of an op's gradients is used before all are there.
  // Gradients that lead to no x stay out of it: nothing would need them otherwise.
  void Gate(At place, const Node& node, TensorsOrSlices* dx) {
    Outputs needed;
    int given = 0;
    for (int i = 0; i < node.num_inputs(); ++i) {
      if ((*dx)[i].empty()) continue;
      ++given;
      if (Counts(node, i)) needed.push_back((*dx)[i].values());
    }
    if (given < 2) return;
    const At tuple = place.In(place.scope().WithoutColocation()).Sub("tuple");
    const Output all = Group(tuple.Named("group_deps"), needed);
    const At gated = tuple.In(tuple.scope().After({all}));
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Output g = (*dx)[i].values();
      if (g.empty()) continue;
      const At beside = gated.In(gated.scope().ColocateWith(g)).Named("control_dependency");
      (*dx)[i] = WithValues((*dx)[i], beside.Node("Identity", {g}));
    }
  }

  bool Deliver(const Node& node, const TensorsOrSlices& dx) {
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Output input = node.input(i);
      const DType dtype = BaseType(input.dtype());
      if (dx[i].empty() || !MayCarryGradients(dtype)) continue;
      if (dtype != DType::kResource && !dx[i].is_slices()) {
        const Output& g = dx[i].tensor();
        if (!g.shape().CompatibleWith(input.shape())) {  // rule GR-8
          return Fail(node.op(),
                      absl::InvalidArgumentError(absl::StrCat(
                          "Incompatible shapes between op input and calculated input gradient. "
                          "Forward operation: ",
                          node.name(), ". Input index: ", i,
                          ". Original input shape: ", input.shape().ToString(),
                          ". Calculated input gradient shape: ", g.shape().ToString())));
        }
        at_.graph().SetShape(g, input.shape()).IgnoreError();
      }
      grads_[{input.node()->id(), input.index()}].push_back(dx[i]);
    }
    return true;
  }

  // --- the result ---

  TensorsOrSlices Collect() {
    TensorsOrSlices result;
    for (const Output& x : xs_) {
      // An x that no path reaches has a gradient only where it is itself a y.
      TensorOrSlices g = Sum(x);
      if (g.empty() && options_.unconnected_gradients == UnconnectedGradients::kZero) g = Zeros(x);
      result.push_back(g);
    }
    return result;
  }

  // Rule GR-11: of a variable's handle, of the shape and dtype of the variable.
  Output Zeros(const Output& x) {
    if (BaseType(x.dtype()) != DType::kResource) {
      return at_.Named("zeros_like").Node("ZerosLike", {x});
    }
    const std::optional<HandleInfo> variable = VariableBehind(x);
    if (!variable.has_value() || !IsNumeric(variable->dtype)) {
      return at_.Fail("zeros", absl::InvalidArgumentError(
                                   absl::StrCat(x.name(),
                                                " is not the handle of a numeric variable that is "
                                                "known here: no zeros stand for its gradient")));
    }
    const Output shape = VariableShapeTensor(at_, x);
    const At zeros = at_.Sub("zeros");
    const Output zero = zeros.Node(
        "Const", {}, {{"value", NumberTensor(variable->dtype, 0)}, {"dtype", variable->dtype}});
    return zeros.AsScope().Node("Fill", {shape, zero});
  }

  const At at_;
  const Outputs& ys_;
  const Outputs& xs_;
  const GradientsOptions& options_;
  std::vector<bool> between_;
  std::vector<int> waiting_;
  std::vector<bool> stop_;
  std::map<Key, TensorsOrSlices> grads_;
};

}  // namespace

TensorsOrSlices Backpropagate(At at, const Outputs& ys, const Outputs& xs,
                              const GradientsOptions& options) {
  return Backprop(at, ys, xs, options).Run();
}

}  // namespace sluice
