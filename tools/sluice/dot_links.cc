#include "tools/sluice/dot_links.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/sluice/dot_kinds.h"

namespace sluice::tools {
namespace {

constexpr size_t kManyReaders = 5;  // an input with more is named in them, without edges

// "float32 [2,3]" without the usual dtype.
std::string TensorText(const Node& node, int index) {
  const DType dtype = node.output_dtype(index);
  const TensorShape& shape = node.output_shape(index);
  const std::string size = shape.rank() > 0 ? ShapeText(shape) : "";
  if (dtype == DType::kFloat || dtype == DType::kInvalid) return size;
  return absl::StrCat(DTypeName(dtype), size.empty() ? "" : " ", size);
}

class Linker {
 public:
  Linker(const Graph& graph, const DotRoles& roles, const DotTree& tree)
      : roles_(roles), tree_(tree), place_(graph.num_nodes(), -1) {
    for (const int root : tree.roots()) {
      for (const int box : tree.Boxes(root)) {
        for (const Node* node : tree.parts()[box].nodes)
          place_[node->id()] = static_cast<int>(out_.boxes.size());
        out_.boxes.push_back(box);
      }
    }
  }
  DotLinks Find() {
    for (const Node* node : roles_.order) {
      if (place_[node->id()] < 0) continue;
      for (int i = 0; i < node->num_inputs(); ++i) {
        const Edge& edge = node->input_edge(i);
        if (edge.node != nullptr) Add(*edge.node, edge.index, *node);
      }
      for (const Node* before : node->control_inputs()) Add(*before, -1, *node);
    }
    NameInputs();
    return std::move(out_);
  }

 private:
  void Add(const Node& from, int index, const Node& to) {
    const int a = place_[from.id()], b = place_[to.id()];
    if (a < 0 || a == b) return;
    const std::string &group = roles_.aside[from.id()], &of = roles_.aside[to.id()];
    if (group.empty() != of.empty()) return;
    const auto [link, made] = out_.links.try_emplace({a, b});
    DotLink& l = link->second;
    if (made) l.control = true;
    l.aside = !group.empty();
    l.back = l.back || from.op() == "NextIteration" || from.op() == "RefNextIteration";
    if (index < 0) return;
    l.control = false;
    l.tensors.emplace(roles_.position[from.id()], index);
  }
  // Edges of an input that is read everywhere would cross the whole picture.
  void NameInputs() {
    std::map<int, std::vector<int>> readers;
    for (const auto& [ends, link] : out_.links) readers[ends.first].push_back(ends.second);
    for (const auto& [from, to] : readers) {
      const DotPart& part = tree_.parts()[out_.boxes[from]];
      if (to.size() <= kManyReaders || part.nodes.size() != 1 ||
          KindOf(*part.nodes[0]) != OpKind::kInput)
        continue;
      for (const int reader : to) {
        out_.links.erase({from, reader});
        out_.notes[reader].push_back(part.nodes[0]);
      }
    }
  }

  const DotRoles& roles_;
  const DotTree& tree_;
  std::vector<int> place_;  // by node: position of its box, -1 where it has none
  DotLinks out_;
};

}  // namespace

DotLinks FindDotLinks(const Graph& graph, const DotRoles& roles, const DotTree& tree) {
  return Linker(graph, roles, tree).Find();
}

std::string ShapeText(const TensorShape& shape) {
  if (!shape.rank_known()) return "?";
  if (shape.rank() == 0) return "scalar";
  std::string text;
  for (const int64_t size : shape.dims()) {
    absl::StrAppend(&text, text.empty() ? "" : "\u00d7");
    absl::StrAppend(&text, size < 0 ? "?" : absl::StrCat(size));
  }
  return text;
}

std::string LinkLabel(const DotLink& link, const DotRoles& roles) {
  std::set<std::string> texts;
  for (const auto& [position, index] : link.tensors)
    texts.insert(TensorText(*roles.order[position], index));
  if (texts.empty()) return "";
  if (link.tensors.size() == 1) return *texts.begin();
  if (texts.size() > 1 || texts.begin()->empty())
    return absl::StrCat(link.tensors.size(), " tensors");
  return absl::StrCat(link.tensors.size(), " of ", *texts.begin());
}

}  // namespace sluice::tools
