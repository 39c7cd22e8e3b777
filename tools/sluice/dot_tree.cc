#include "tools/sluice/dot_tree.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/status.h"
#include "layers/forward_graph.h"
#include "tools/sluice/dot_kinds.h"

namespace sluice::tools {
namespace {

constexpr size_t kMostScopes = 64;    // deeper ones stay part of the label
constexpr size_t kMostChildren = 45;  // of a scope, before they are cut into runs
constexpr size_t kRunLength = 10;     // where nothing tells where to cut
constexpr size_t kFewBoxes = 24;      // room for details of what is no layer
constexpr size_t kMostFollowers = 6;  // ops in one box

// May an op share the box of the op before it?
bool IsFollower(OpKind kind) {
  return kind == OpKind::kNormalization || kind == OpKind::kActivation ||
         kind == OpKind::kArithmetic || kind == OpKind::kShape;
}

// "net/block_3_1" and "net/block_3_2" are of the series "block".
std::string SeriesOf(const DotPart& part) {
  absl::string_view label = part.name;
  for (absl::string_view shorter = layers::BaseName(label); shorter != label;
       shorter = layers::BaseName(label))
    label = shorter;
  return std::string(label);
}

bool HasContraction(const DotPart& part) {
  return std::any_of(part.nodes.begin(), part.nodes.end(),
                     [](const Node* node) { return KindOf(*node) == OpKind::kContraction; });
}

}  // namespace

DotTree::DotTree(const Graph& graph, const DotRoles& roles)
    : roles_(roles), readers_(graph.num_nodes(), 0) {
  std::map<std::string, int> groups;
  Scopes scopes;
  groups[""] = AddPart({DotPart::kScope, "", ""});
  for (const Node* node : roles.order) {
    if (roles.held[node->id()]) continue;
    const std::string& group = roles.aside[node->id()];
    if (groups.count(group) == 0) groups[group] = AddPart({DotPart::kScope, group, group});
    Insert(*node, groups[group], &scopes);
    std::set<const Node*> read;
    for (int i = 0; i < node->num_inputs(); ++i)
      if (const Node* from = node->input_edge(i).node) read.insert(from);
    for (const Node* from : read)
      if (roles.aside[from->id()] == group) ++readers_[from->id()];
  }
  for (const auto& [group, root] : groups) {
    roots_.push_back(root);
    const std::string name = parts_[root].name;
    for (size_t i = 0; i < parts_[root].children.size(); ++i) Simplify(parts_[root].children[i]);
    FoldFollowers(root);
    CutIntoRuns(root);
    SetDepths(root, 0);
  }
  parts_[roots_[0]].open = true;
}

int DotTree::AddPart(DotPart part) {
  parts_.push_back(std::move(part));
  return static_cast<int>(parts_.size()) - 1;
}

// Finds or makes the scopes of a name, and puts the node below them.
void DotTree::Insert(const Node& node, int root, Scopes* scopes) {
  const absl::string_view name = node.name();
  int part = root;
  parts_[part].nodes.push_back(&node);
  size_t begin = 0;
  for (size_t depth = 0; depth < kMostScopes; ++depth) {
    const size_t slash = name.find('/', begin);
    if (slash == absl::string_view::npos || slash + 1 == name.size()) break;
    const absl::string_view label = name.substr(begin, slash - begin);
    const auto [scope, missing] = scopes->try_emplace({part, std::string(label)}, 0);
    if (missing) {
      scope->second =
          AddPart({DotPart::kScope, std::string(name.substr(0, slash)), std::string(label), part});
      parts_[part].children.push_back(scope->second);
    }
    part = scope->second;
    parts_[part].nodes.push_back(&node);
    begin = slash + 1;
  }
  const int leaf =
      AddPart({DotPart::kOps, std::string(name), std::string(name.substr(begin)), part});
  parts_[leaf].nodes.push_back(&node);
  parts_[part].children.push_back(leaf);
}

// Below first: a scope of one part is that part, under both names.
void DotTree::Simplify(int part) {
  for (size_t i = 0; i < parts_[part].children.size(); ++i) Simplify(parts_[part].children[i]);
  if (parts_[part].kind != DotPart::kScope) return;
  FoldFollowers(part);
  if (parts_[part].children.size() == 1) {
    const DotPart only = parts_[parts_[part].children[0]];
    DotPart& self = parts_[part];
    self.kind = only.kind;
    if (only.kind == DotPart::kScope) self.label = absl::StrCat(self.label, "/", only.label);
    self.children = only.children;
    for (const int child : self.children) parts_[child].parent = part;
    return;
  }
  CutIntoRuns(part);
}

// `node` does nothing but go on with what `before` made, for which nobody else waits.
bool DotTree::Follows(const Node& node, const Node& before) const {
  if (!IsFollower(KindOf(node)) || readers_[before.id()] != 1) return false;
  if (KindOf(before) == OpKind::kInput || KindOf(before) == OpKind::kUnknown) return false;
  bool reads = false;
  for (int i = 0; i < node.num_inputs(); ++i) {
    const Node* from = node.input_edge(i).node;
    if (from == nullptr || roles_.held[from->id()]) continue;
    if (from != &before) return false;
    reads = true;
  }
  return reads;
}

// Ops of one scope: those that follow another one go into its box.
void DotTree::FoldFollowers(int part) {
  std::map<const Node*, int> last;  // the last op of a box
  std::vector<int> kept;
  for (const int child : parts_[part].children) {
    DotPart& box = parts_[child];
    if (box.kind != DotPart::kOps || box.nodes.size() != 1) {
      kept.push_back(child);
      continue;
    }
    const Node* node = box.nodes[0];
    int into = -1;
    for (int i = 0; i < node->num_inputs() && into < 0; ++i) {
      const auto before = last.find(node->input_edge(i).node);
      if (before != last.end() && parts_[before->second].nodes.size() < kMostFollowers &&
          Follows(*node, *before->first))
        into = before->second;
    }
    if (into >= 0) {
      last.erase(parts_[into].nodes.back());
      parts_[into].nodes.push_back(node);
      last[node] = into;
    } else {
      last[node] = child;
      kept.push_back(child);
    }
  }
  parts_[part].children = std::move(kept);
}

// A part with too many children gets runs of them: each begins with a contraction, as a layer does,
// or they are equally long.
void DotTree::CutIntoRuns(int part) {
  std::vector<int> children = parts_[part].children;
  if (children.size() <= kMostChildren) return;
  // The node in the middle says where a scope stands: its first ones may be constants and loops.
  const auto place = [&](int child) {
    const std::vector<const Node*>& nodes = parts_[child].nodes;
    return roles_.position[nodes[nodes.size() / 2]->id()];
  };
  std::stable_sort(children.begin(), children.end(),
                   [&](int a, int b) { return place(a) < place(b); });
  std::vector<std::vector<int>> runs(1);
  for (const int child : children) {
    if (HasContraction(parts_[child]) && !runs.back().empty() &&
        std::any_of(runs.back().begin(), runs.back().end(),
                    [&](int c) { return HasContraction(parts_[c]); }))
      runs.emplace_back();
    runs.back().push_back(child);
  }
  if (runs.size() < 4) {
    runs.clear();
    for (size_t i = 0; i < children.size(); ++i) {
      if (i % kRunLength == 0) runs.emplace_back();
      runs.back().push_back(children[i]);
    }
  }
  const size_t together = (runs.size() + kMostChildren - 1) / kMostChildren;
  parts_[part].children.clear();
  for (size_t i = 0; i < runs.size(); i += together) {
    std::vector<int> members;
    for (size_t j = i; j < std::min(i + together, runs.size()); ++j)
      members.insert(members.end(), runs[j].begin(), runs[j].end());
    if (members.size() == 1) {
      parts_[part].children.push_back(members[0]);
      continue;
    }
    DotPart run{DotPart::kRun, parts_[members[0]].name,
                absl::StrCat(parts_[members[0]].label, " .. ", parts_[members.back()].label), part};
    run.children = members;
    for (const int member : members)
      run.nodes.insert(run.nodes.end(), parts_[member].nodes.begin(), parts_[member].nodes.end());
    const int made = AddPart(std::move(run));
    for (const int member : members) parts_[member].parent = made;
    parts_[part].children.push_back(made);
    if (members.size() < children.size()) CutIntoRuns(made);
  }
}

void DotTree::SetDepths(int part, int depth) {
  parts_[part].depth = depth;
  for (const int child : parts_[part].children) {
    parts_[child].parent = part;
    SetDepths(child, parts_[part].kind == DotPart::kRun ? depth : depth + 1);
  }
}

void DotTree::OpenByDepth(int part, int depth) {
  if (parts_[part].depth >= depth || parts_[part].children.empty()) return;
  parts_[part].open = true;
  for (const int child : parts_[part].children) OpenByDepth(child, depth);
}

bool DotTree::HasWeights(int part) const {
  return std::any_of(parts_[part].nodes.begin(), parts_[part].nodes.end(), [&](const Node* node) {
    const std::vector<const Node*>& weights = roles_.weights[node->id()];
    return std::any_of(weights.begin(), weights.end(),
                       [](const Node* weight) { return ParametersOf(*weight) > 0; });
  });
}

// The outermost first, the largest of those first; parts of one depth that differ by a number only
// together or not at all. `layers_only`: a part is opened for the layers in it, at least two.
void DotTree::OpenWhatIsReadable(size_t most_boxes, bool layers_only) {
  while (true) {
    const std::vector<int> boxes = Boxes(roots_[0]);
    struct Series {
      size_t nodes = 0, boxes = 0;
      std::vector<int> parts;
    };
    std::map<std::pair<int, std::string>, Series> all;
    for (const int box : boxes) {
      const DotPart& part = parts_[box];
      const auto with_weights = std::count_if(part.children.begin(), part.children.end(),
                                              [&](int child) { return HasWeights(child); });
      if (part.children.empty() || (layers_only && with_weights < 2)) continue;
      Series& series = all[{part.depth, SeriesOf(part)}];
      series.nodes += part.nodes.size();
      series.boxes += part.children.size();
      series.parts.push_back(box);
    }
    const Series* best = nullptr;
    int depth = 0;
    for (const auto& [key, series] : all) {
      if (boxes.size() - series.parts.size() + series.boxes > most_boxes) continue;
      if (best != nullptr && (key.first > depth || series.nodes <= best->nodes)) continue;
      best = &series;
      depth = key.first;
    }
    if (best == nullptr) return;
    for (const int part : best->parts) parts_[part].open = true;
  }
}

absl::Status DotTree::Fold(const DotFolding& folding) {
  for (const std::string& scope : folding.expand) {
    bool found = false;
    for (DotPart& part : parts_) {
      if (part.children.empty() || part.kind == DotPart::kRun || part.name != scope) continue;
      found = true;
      for (int p = static_cast<int>(&part - parts_.data()); p >= 0; p = parts_[p].parent)
        parts_[p].open = true;
    }
    if (!found)
      return absl::NotFoundError(
          absl::StrCat("no scope '", Printable(scope), "' that could be expanded"));
  }
  if (folding.depth >= 0) {
    OpenByDepth(roots_[0], std::max(folding.depth, 1));
  } else {
    OpenWhatIsReadable(kMostBoxes, true);
    OpenWhatIsReadable(kFewBoxes, false);
  }
  return absl::OkStatus();
}

void DotTree::CollectBoxes(int part, std::vector<int>* boxes) const {
  if (!parts_[part].open) {
    boxes->push_back(part);
    return;
  }
  for (const int child : parts_[part].children) CollectBoxes(child, boxes);
}

std::vector<int> DotTree::Boxes(int part) const {
  std::vector<int> boxes;
  CollectBoxes(part, &boxes);
  return boxes;
}

}  // namespace sluice::tools
