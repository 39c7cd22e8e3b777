// Reverse accumulation, in TensorFlow's order and with its node names (rules GR-1 to GR-13).
#include "graph/gradients.h"

#include <deque>
#include <map>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"

namespace sluice {
namespace {

// Rule GR-4. The outputs of an op that is not known here may, so that it is refused, not skipped.
bool MayCarryGradients(DType dtype) { return IsTrainable(dtype) || dtype == DType::kInvalid; }

// Marks nodes by walking edges from `start`, forwards along `consumers`.
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

  Outputs Run() {
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

  // The gradient that comes in at every y: given, or ones (rule GR-2).
  bool SeedGradients() {
    for (size_t i = 0; i < ys_.size(); ++i) {
      const Output& y = ys_[i];
      Output seed;
      if (!options_.grad_ys.empty() && !options_.grad_ys[i].empty()) {
        const Output& given = options_.grad_ys[i];
        if (BaseType(given.dtype()) != BaseType(y.dtype()) ||
            !given.shape().CompatibleWith(y.shape())) {
          at_.Fail("grad_ys", absl::InvalidArgumentError(absl::StrCat(
                                  "gradient ", given.name(), " is ", DTypeName(given.dtype()),
                                  given.shape().ToString(), ", but ", y.name(), " is ",
                                  DTypeName(y.dtype()), y.shape().ToString())));
          return false;
        }
        seed = at_.Named(absl::StrCat("grad_ys_", i)).Node("Identity", {given});
      } else {
        seed = DefaultSeed(y, i);
      }
      if (seed.empty()) return false;
      grads_[{y.node()->id(), y.index()}].push_back(seed);
    }
    return true;
  }

  Output DefaultSeed(const Output& y, size_t i) {
    const DType dtype = BaseType(y.dtype());
    if (IsComplex(dtype)) {
      return at_.Fail(
          "grad_ys",
          absl::InvalidArgumentError(absl::StrCat(
              "Gradients of complex tensors must set grad_ys (y.dtype = ", DTypeName(dtype), ")")));
    }
    if (!IsNumeric(dtype)) {
      return at_.Fail("grad_ys", absl::InvalidArgumentError(absl::StrCat(
                                     "Tensor ", y.name(), " of type ", DTypeName(dtype),
                                     " must be numeric to obtain a default gradient")));
    }
    const Output shape = at_.Named("Shape").Node("Shape", {y});
    const Output one =
        at_.Named(absl::StrCat("grad_ys_", i))
            .Node("Const", {}, {{"value", NumberTensor(dtype, 1)}, {"dtype", dtype}});
    return at_.Named("Fill").Node("Fill", {shape, one});
  }

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

  // Rule GR-5: the xs that no other x leads to, and what the caller stops.
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

  // The sum of what came in for one tensor, empty when nothing did.
  Output Sum(Key key) {
    auto it = grads_.find(key);
    if (it == grads_.end() || it->second.empty()) return {};
    Outputs& terms = it->second;
    if (terms.size() > 1) terms = {at_.In(at_.scope().ColocateWith(terms[0])).Node("AddN", terms)};
    return terms[0];
  }

  Outputs IncomingGradients(const Node& node, bool* any) {
    Outputs dy;
    *any = false;
    for (int i = 0; i < node.num_outputs(); ++i) {
      dy.push_back(Sum({node.id(), i}));
      *any |= !dy.back().empty();
    }
    return dy;
  }

  At PlaceFor(Node* node) const {
    Scope scope = at_.scope().Sub(absl::StrCat(node->name(), "_grad")).ForGradientOf(node);
    if (options_.colocate_gradients_with_ops) scope = scope.ColocateWith(node->operation());
    return at_.In(scope);
  }

  bool Differentiate(Node* node) {
    bool any = false;
    Outputs dy = IncomingGradients(*node, &any);
    if (!any || stop_[node->id()] || node->num_inputs() == 0) return at_.ok();
    const OpSpec& spec = node->spec();
    if (!spec.gradient()) {
      if (spec.not_differentiable() && !spec.opaque()) return true;  // rule GR-6: no gradient flows
      at_.Fail(node->op(), absl::UnimplementedError(
                               absl::StrCat("No gradient defined for operation '", node->name(),
                                            "' (op type: ", node->op(), ")")));
      return false;
    }
    const At place = PlaceFor(node);
    FillMissing(place, *node, &dy);
    TensorsOrSlices dx = spec.gradient()(place, *node, dy);
    if (!at_.ok()) return false;
    if (static_cast<int>(dx.size()) != node->num_inputs()) {
      at_.Fail(node->op(), absl::InternalError(absl::StrCat(
                               "Num gradients ", dx.size(), " generated for op ", node->name(),
                               " do not match num inputs ", node->num_inputs())));
      return false;
    }
    if (options_.gate_gradients) Gate(place, *node, &dx);
    return Deliver(place, *node, dx);
  }

  // Rule GR-7: one of several outputs without a gradient gets zeros.
  void FillMissing(At place, const Node& node, Outputs* dy) {
    for (int i = 0; i < node.num_outputs(); ++i) {
      if ((*dy)[i].empty() && IsFloating(BaseType(node.output_dtype(i)))) {
        (*dy)[i] = place.Named("zeros_like").Node("ZerosLike", {node.output(i)});
      }
    }
  }

  // tf.tuple: none of an op's gradients is used before all are there.
  // Gradients that lead to no x stay out of it: nothing would need them otherwise.
  void Gate(At place, const Node& node, TensorsOrSlices* dx) {
    Outputs present;
    for (int i = 0; i < node.num_inputs(); ++i) {
      if (!(*dx)[i].empty() && Counts(node, i)) present.push_back((*dx)[i].values());
    }
    if (present.size() < 2) return;
    const At tuple = place.Sub("tuple");
    const Output all = Group(tuple.Named("group_deps"), present);
    const At gated = tuple.In(tuple.scope().After({all}));
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Output g = (*dx)[i].values();
      if (g.empty() || !Counts(node, i)) continue;
      (*dx)[i] =
          gated.In(gated.scope().ColocateWith(g)).Named("control_dependency").Node("Identity", {g});
    }
  }

  bool Deliver(At place, const Node& node, const TensorsOrSlices& slices) {
    Outputs dx;
    for (const TensorOrSlices& g : slices) dx.push_back(ToDense(place, g));
    for (int i = 0; i < node.num_inputs(); ++i) {
      const Output input = node.input(i);
      const DType dtype = BaseType(input.dtype());
      if (dx[i].empty() || !MayCarryGradients(dtype)) continue;
      if (dtype != DType::kResource && !dx[i].shape().CompatibleWith(input.shape())) {
        at_.Fail(node.op(), absl::InternalError(absl::StrCat(
                                "Incompatible shapes between op input and calculated input "
                                "gradient. Forward operation: ",
                                node.name(), ". Input index: ", i,
                                ". Original input shape: ", input.shape().ToString(),
                                ". Calculated input gradient shape: ", dx[i].shape().ToString())));
        return false;
      }
      if (dtype != DType::kResource) at_.graph().SetShape(dx[i], input.shape()).IgnoreError();
      grads_[{input.node()->id(), input.index()}].push_back(dx[i]);
    }
    return true;
  }

  Outputs Collect() {
    Outputs result;
    for (const Output& x : xs_) {
      // An x that no path reaches has a gradient only where it is itself a y.
      Output g = Sum({x.node()->id(), x.index()});
      if (g.empty() && options_.unconnected_gradients == UnconnectedGradients::kZero)
        g = at_.Named("zeros_like").Node("ZerosLike", {x});
      result.push_back(g);
    }
    return result;
  }

  const At at_;
  const Outputs& ys_;
  const Outputs& xs_;
  const GradientsOptions& options_;
  std::vector<bool> between_;
  std::vector<int> waiting_;
  std::vector<bool> stop_;
  std::map<Key, Outputs> grads_;
};

absl::Status CheckArguments(At at, const Outputs& ys, const Outputs& xs,
                            const GradientsOptions& options) {
  if (!options.grad_ys.empty() && options.grad_ys.size() != ys.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Passed ", options.grad_ys.size(), " grad_ys for ", ys.size(), " ys"));
  }
  for (const Outputs* list : {&ys, &xs, &options.stop_gradients}) {
    for (const Output& o : *list) {
      if (o.empty()) return absl::InvalidArgumentError("a tensor is empty");
      if (o.graph() != &at.graph())
        return absl::InvalidArgumentError(
            absl::StrCat(o.name(), " is not an element of this graph"));
      if (o.is_operation())
        return absl::InvalidArgumentError(
            absl::StrCat(o.name(), " is an operation, expected a tensor"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<bool> Ancestors(const Graph& graph, const Outputs& outputs, bool control) {
  std::vector<bool> seen(graph.num_nodes(), false);
  std::vector<Node*> todo;
  for (const Output& o : outputs) todo.push_back(o.node());
  while (!todo.empty()) {
    Node* node = todo.back();
    todo.pop_back();
    if (static_cast<size_t>(node->id()) >= seen.size() || seen[node->id()]) continue;
    seen[node->id()] = true;
    for (int i = 0; i < node->num_inputs(); ++i) {
      if (node->input_edge(i).node != nullptr) todo.push_back(node->input_edge(i).node);
    }
    if (control)
      todo.insert(todo.end(), node->control_inputs().begin(), node->control_inputs().end());
  }
  return seen;
}

Outputs Gradients(At at, const Outputs& ys, const Outputs& xs, const GradientsOptions& options) {
  if (!at.ok()) return {};
  const absl::Status arguments = CheckArguments(at, ys, xs, options);
  if (!arguments.ok()) {
    at.Fail(options.name, arguments);
    return Outputs(xs.size());
  }
  Outputs result = Backprop(at.Sub(options.name), ys, xs, options).Run();
  result.resize(xs.size());
  return result;
}

}  // namespace sluice
