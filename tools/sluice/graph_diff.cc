#include "tools/sluice/graph_diff.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "graph/proto_io.h"
#include "proto/graph.pb.h"
#include "tools/sluice/graph_colors.h"

namespace sluice::tools {
namespace {

constexpr int kNone = -1;

class Matcher {
 public:
  Matcher(const ColoredGraph& a, const ColoredGraph& b)
      : a_(a), b_(b), to_b_(a.nodes.size(), kNone), to_a_(b.nodes.size(), kNone) {}

  const std::vector<int>& Match() {
    ByColor();
    ByName([](const ColoredNode& x, const ColoredNode& y) { return x.op == y.op; });
    ByUniqueHash(&ColoredNode::from);
    ByUniqueHash(&ColoredNode::to);
    ByNeighbours();
    ByName([](const ColoredNode&, const ColoredNode&) { return true; });
    return to_b_;
  }

 private:
  void Pair(int a, int b) {
    to_b_[a] = b;
    to_a_[b] = a;
    open_.push_back(a);
  }

  template <typename Fits>
  void ByName(const Fits& fits) {
    for (size_t i = 0; i < a_.nodes.size(); ++i) {
      if (to_b_[i] != kNone) continue;
      const auto found = b_.by_name.find(a_.nodes[i].name);
      if (found == b_.by_name.end() || to_a_[found->second] != kNone) continue;
      if (fits(a_.nodes[i], b_.nodes[found->second])) Pair(static_cast<int>(i), found->second);
    }
  }

  using Groups = absl::flat_hash_map<uint64_t, std::vector<int>>;
  static Groups Free(const ColoredGraph& graph, const std::vector<int>& taken,
                     uint64_t ColoredNode::*hash) {
    Groups groups;
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      if (taken[i] == kNone) groups[graph.nodes[i].*hash].push_back(static_cast<int>(i));
    }
    return groups;
  }

  // Free nodes that alone have a hash.
  void ByUniqueHash(uint64_t ColoredNode::*hash) {
    const Groups in_b = Free(b_, to_a_, hash);
    for (const auto& [color, as] : Free(a_, to_b_, hash)) {
      const auto found = in_b.find(color);
      if (found != in_b.end() && as.size() == 1 && found->second.size() == 1)
        Pair(as[0], found->second[0]);
    }
  }

  // Nodes that compute the same and serve the same. Those that alone do are certain. Of several,
  // one is chosen, best of the same name, and what hangs on it follows from that.
  void ByColor() {
    const Groups in_a = Free(a_, to_b_, &ColoredNode::whole);
    Groups in_b = Free(b_, to_a_, &ColoredNode::whole);
    for (const bool alone : {true, false}) {
      for (size_t i = 0; i < a_.nodes.size(); ++i) {
        const auto found = in_b.find(a_.nodes[i].whole);
        if (to_b_[i] != kNone || found == in_b.end()) continue;
        const bool unique = in_a.at(a_.nodes[i].whole).size() == 1 && found->second.size() == 1;
        if (unique != alone) continue;
        const int b = Choose(a_.nodes[i].name, &found->second);
        if (b == kNone) continue;
        Pair(static_cast<int>(i), b);
        Spread(static_cast<int>(i));
      }
    }
  }

  // A free one of `group`, from which those that are taken go.
  int Choose(const std::string& name, std::vector<int>* group) const {
    const auto same = b_.by_name.find(name);
    if (same != b_.by_name.end() && to_a_[same->second] == kNone &&
        std::binary_search(group->begin(), group->end(), same->second))
      return same->second;
    while (!group->empty() && to_a_[group->front()] != kNone) group->erase(group->begin());
    return group->empty() ? kNone : group->front();
  }

  // The neighbours of counterparts that compute and serve the same are counterparts, and so on.
  void Spread(int start) {
    std::vector<int> open = {start};
    const auto offer = [&](int a, int b) {
      if (to_b_[a] != kNone || to_a_[b] != kNone || a_.nodes[a].whole != b_.nodes[b].whole)
        return false;
      Pair(a, b);
      open.push_back(a);
      return true;
    };
    while (!open.empty()) {
      const ColoredNode& x = a_.nodes[open.back()];
      const ColoredNode& y = b_.nodes[to_b_[open.back()]];
      open.pop_back();
      for (int i = 0; i < std::min(x.data_inputs, y.data_inputs); ++i)
        offer(x.inputs[i].node, y.inputs[i].node);
      absl::flat_hash_map<uint64_t, std::vector<int>> readers;
      for (const ColoredNode::Reader& by : y.readers)
        readers[b_.nodes[by.node].whole * 31 + by.input].push_back(by.node);
      for (const ColoredNode::Reader& by : x.readers) {
        if (to_b_[by.node] != kNone) continue;
        std::vector<int>& fitting = readers[a_.nodes[by.node].whole * 31 + by.input];
        while (!fitting.empty() && !offer(by.node, fitting.back())) fitting.pop_back();
      }
    }
  }

  void Offer(int a, int b) {
    if (to_b_[a] == kNone && to_a_[b] == kNone && a_.nodes[a].op == b_.nodes[b].op) Pair(a, b);
  }

  // What the counterparts of two nodes read, and who alone reads them, are counterparts.
  void ByNeighbours() {
    for (size_t k = 0; k < open_.size(); ++k) {
      const ColoredNode& x = a_.nodes[open_[k]];
      const ColoredNode& y = b_.nodes[to_b_[open_[k]]];
      for (int i = 0; i < std::min(x.data_inputs, y.data_inputs); ++i) {
        if (x.inputs[i].index == y.inputs[i].index) Offer(x.inputs[i].node, y.inputs[i].node);
      }
      if (x.readers.size() == 1 && y.readers.size() == 1)
        Offer(x.readers[0].node, y.readers[0].node);
    }
  }

  const ColoredGraph& a_;
  const ColoredGraph& b_;
  std::vector<int> to_b_, to_a_;
  std::vector<int> open_;  // nodes of A with a counterpart, as found
};

std::string InputText(const ColoredGraph& graph, const ColoredNode::Input& input) {
  const std::string& name = graph.nodes[input.node].name;
  if (input.index < 0) return absl::StrCat("^", name);
  return input.index == 0 ? name : absl::StrCat(name, ":", input.index);
}

// An attribute's value, short enough for a line.
std::string AttrShown(const std::string& serialized) {
  proto::AttrValue value;
  if (!value.ParseFromString(serialized)) return "<damaged>";
  const absl::StatusOr<std::string> text = SerializeMessage(value, /*text=*/true);
  if (!text.ok()) return "<too large>";
  std::string line;
  for (const char c : *text) {
    if (c != '\n') {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  constexpr size_t kLongest = 120;
  if (line.size() > kLongest) line = absl::StrCat(line.substr(0, kLongest), "...");
  return line;
}

class Comparer {
 public:
  Comparer(const ColoredGraph& a, const ColoredGraph& b, const std::vector<int>& to_b,
           GraphDiff* diff)
      : a_(a), b_(b), to_b_(to_b), diff_(diff) {}

  void Compare(int i) {
    x_ = &a_.nodes[i];
    y_ = &b_.nodes[to_b_[i]];
    ++diff_->matched;
    if (x_->name != y_->name) diff_->renamed.push_back({x_->name, y_->name});
    if (x_->op != y_->op) Add("op", x_->op, y_->op);
    CompareAttrs();
    CompareInputs();
  }

 private:
  void Add(const std::string& what, const std::string& a, const std::string& b) {
    diff_->changes.push_back({{x_->name, y_->name}, what, a, b});
  }

  void CompareAttrs() {
    std::set<std::string> names;
    for (const auto& [name, value] : x_->attrs) names.insert(name);
    for (const auto& [name, value] : y_->attrs) names.insert(name);
    for (const std::string& name : names) {
      const auto a = x_->attrs.find(name), b = y_->attrs.find(name);
      const bool in_a = a != x_->attrs.end(), in_b = b != y_->attrs.end();
      if (in_a && in_b && a->second == b->second) continue;
      Add(absl::StrCat("attr ", name), in_a ? AttrShown(a->second) : "",
          in_b ? AttrShown(b->second) : "");
    }
  }

  void CompareInputs() {
    for (int k = 0; k < std::max(x_->data_inputs, y_->data_inputs); ++k) {
      const bool in_a = k < x_->data_inputs, in_b = k < y_->data_inputs;
      if (in_a && in_b && to_b_[x_->inputs[k].node] == y_->inputs[k].node &&
          x_->inputs[k].index == y_->inputs[k].index)
        continue;
      Add(absl::StrCat("input ", k), in_a ? InputText(a_, x_->inputs[k]) : "",
          in_b ? InputText(b_, y_->inputs[k]) : "");
    }
    std::multiset<int> waits_a, waits_b;
    std::string a, b;
    for (size_t k = x_->data_inputs; k < x_->inputs.size(); ++k) {
      waits_a.insert(to_b_[x_->inputs[k].node]);
      absl::StrAppend(&a, a.empty() ? "" : " ", InputText(a_, x_->inputs[k]));
    }
    for (size_t k = y_->data_inputs; k < y_->inputs.size(); ++k) {
      waits_b.insert(y_->inputs[k].node);
      absl::StrAppend(&b, b.empty() ? "" : " ", InputText(b_, y_->inputs[k]));
    }
    if (waits_a != waits_b) Add("control inputs", a, b);
  }

  const ColoredGraph& a_;
  const ColoredGraph& b_;
  const std::vector<int>& to_b_;
  GraphDiff* diff_;
  const ColoredNode* x_ = nullptr;
  const ColoredNode* y_ = nullptr;
};

// "net/conv/kernel" and "model/conv/kernel" differ in the scope: "net/" and "model/". Without a
// scope in common below, none.
bool ScopesOf(const GraphDiff::Pair& pair, GraphDiff::Pair* scopes) {
  size_t same = 0;
  while (same < std::min(pair.a.size(), pair.b.size()) &&
         pair.a[pair.a.size() - 1 - same] == pair.b[pair.b.size() - 1 - same])
    ++same;
  const size_t whole_a = pair.a.size() - same, whole_b = pair.b.size() - same;
  const auto starts_component = [](const std::string& name, size_t at) {
    return at == 0 || name[at - 1] == '/';
  };
  for (size_t cut = 0; cut <= same; ++cut) {
    const size_t a = whole_a + cut, b = whole_b + cut;
    if (a >= pair.a.size() || b >= pair.b.size()) return false;
    if (!starts_component(pair.a, a) || !starts_component(pair.b, b)) continue;
    *scopes = {pair.a.substr(0, a), pair.b.substr(0, b)};
    return true;
  }
  return false;
}

void FindScopes(GraphDiff* diff) {
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const GraphDiff::Pair& pair : diff->renamed) {
    GraphDiff::Pair scopes;
    if (ScopesOf(pair, &scopes)) ++counts[{scopes.a, scopes.b}];
  }
  for (const auto& [scopes, count] : counts)
    diff->scopes.push_back({scopes.first, scopes.second, count});
  std::stable_sort(
      diff->scopes.begin(), diff->scopes.end(),
      [](const GraphDiff::Scope& x, const GraphDiff::Scope& y) { return x.nodes > y.nodes; });
}

absl::StatusOr<bool> SameLibrary(const proto::GraphDef& a, const proto::GraphDef& b) {
  if (a.library().function_size() == 0 && b.library().function_size() == 0) return true;
  std::map<std::string, std::string> in_a, in_b;
  for (const auto& [def, functions] : {std::pair(&a, &in_a), std::pair(&b, &in_b)}) {
    for (const proto::FunctionDef& function : def->library().function()) {
      SLUICE_ASSIGN_OR_RETURN((*functions)[function.signature().name()],
                              SerializeMessage(function));
    }
  }
  return in_a == in_b;
}

}  // namespace

absl::StatusOr<GraphDiff> DiffGraphs(const proto::GraphDef& a, const proto::GraphDef& b,
                                     const OpRegistry& registry, const std::string& a_name,
                                     const std::string& b_name) {
  ColoredGraph in_a, in_b;
  SLUICE_RETURN_IF_ERROR(Annotate(in_a.Read(a, registry), a_name));
  SLUICE_RETURN_IF_ERROR(Annotate(in_b.Read(b, registry), b_name));
  GraphDiff diff;
  SLUICE_ASSIGN_OR_RETURN(const bool same_library, SameLibrary(a, b));
  diff.library_differs = !same_library;
  Matcher matcher(in_a, in_b);
  const std::vector<int>& to_b = matcher.Match();
  Comparer comparer(in_a, in_b, to_b, &diff);
  std::vector<bool> taken(in_b.nodes.size(), false);
  for (size_t i = 0; i < in_a.nodes.size(); ++i) {
    if (to_b[i] == kNone) {
      diff.only_a.emplace_back(in_a.nodes[i].name, in_a.nodes[i].op);
      continue;
    }
    taken[to_b[i]] = true;
    comparer.Compare(static_cast<int>(i));
  }
  for (size_t i = 0; i < in_b.nodes.size(); ++i) {
    if (!taken[i]) diff.only_b.emplace_back(in_b.nodes[i].name, in_b.nodes[i].op);
  }
  FindScopes(&diff);
  return diff;
}

}  // namespace sluice::tools
