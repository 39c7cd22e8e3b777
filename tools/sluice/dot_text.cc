#include "tools/sluice/dot_text.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/status.h"
#include "layers/forward_graph.h"
#include "tools/sluice/dot_kinds.h"
#include "tools/sluice/dot_links.h"

namespace sluice::tools {
namespace {

constexpr size_t kLineLength = 34;  // of labels
constexpr size_t kMostWeights = 2;  // shown in a box
constexpr size_t kMostOpTypes = 3;  // of a folded scope
constexpr size_t kMostNames = 12;   // in a tooltip

constexpr char kHead[] = R"(digraph sluice {
  graph [rankdir=TB, fontname="sans-serif", fontsize=12, nodesep=0.25, ranksep=0.32, bgcolor="white",
         tooltip=" ", compound=true, nslimit=4, nslimit1=4]
  node [shape=box, style="filled,rounded", fontname="sans-serif", fontsize=11, margin="0.12,0.06",
        height=0.3, color="#707070", fillcolor="#ffffff"]
  edge [fontname="sans-serif", fontsize=9, color="#505050", fontcolor="#505050", arrowsize=0.6,
        tooltip=" "]
)";

// The middle of a long text left out.
std::string Short(absl::string_view text, size_t most) {
  const std::string printable = Printable(text);
  if (printable.size() <= most) return printable;
  return absl::StrCat(printable.substr(0, most / 2 - 1), "..",
                      printable.substr(printable.size() - (most - most / 2 - 1)));
}

// Text of ours (it may have characters beyond ASCII) as Graphviz spells it inside quotes.
std::string Escaped(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
    if (c == '&') out += "amp;";
  }
  return out;
}

std::string Lines(const std::vector<std::string>& lines) {
  std::vector<std::string> escaped;
  for (const std::string& line : lines) escaped.push_back(Escaped(line));
  return absl::StrCat("\"", absl::StrJoin(escaped, "\\n"), "\"");
}

std::string CountText(int64_t n) {
  if (n < 10'000) return absl::StrCat(n);
  if (n < 1'000'000) return absl::StrFormat("%.1fK", static_cast<double>(n) / 1e3);
  if (n < 1'000'000'000) return absl::StrFormat("%.1fM", static_cast<double>(n) / 1e6);
  return absl::StrFormat("%.1fG", static_cast<double>(n) / 1e9);
}

class Writer {
 public:
  Writer(const Graph& graph, const DotRoles& roles, const DotTree& tree)
      : graph_(graph), roles_(roles), tree_(tree), links_(FindDotLinks(graph, roles, tree)) {
    for (size_t i = 0; i < links_.boxes.size(); ++i) place_[links_.boxes[i]] = static_cast<int>(i);
  }
  std::string Write() {
    text_ = kHead;
    WritePart(tree_.roots()[0], "  ");
    WriteAside();
    WriteLinks();
    WriteLegend();
    return absl::StrCat(text_, "}\n");
  }

 private:
  static OpKind Weightiest(const DotPart& part) {
    OpKind kind = OpKind::kUnknown;
    for (const Node* node : part.nodes) kind = std::min(kind, KindOf(*node));
    return kind;
  }
  std::vector<const Node*> WeightsOf(const DotPart& part) const {
    std::vector<const Node*> weights;
    std::set<const Node*> seen;
    for (const Node* node : part.nodes)
      for (const Node* weight : roles_.weights[node->id()])
        if (ParametersOf(*weight) > 0 && seen.insert(weight).second) weights.push_back(weight);
    return weights;
  }
  static int64_t Parameters(const std::vector<const Node*>& weights) {
    int64_t total = 0;
    for (const Node* weight : weights) total += ParametersOf(*weight);
    return total;
  }

  // "Conv2D + BiasAdd + Relu", in lines.
  static void AddOps(const DotPart& part, std::vector<std::string>* lines) {
    std::string line;
    for (const Node* node : part.nodes) {
      const std::string op = Short(node->op(), kLineLength - 3);
      if (!line.empty() && line.size() + op.size() + 3 > kLineLength) {
        lines->push_back(std::exchange(line, ""));
      }
      absl::StrAppend(&line, line.empty() && node == part.nodes[0] ? "" : "+ ", op, " ");
    }
    line.pop_back();
    lines->push_back(line);
  }
  void AddWeights(const DotPart& part, std::vector<std::string>* lines) const {
    const std::vector<const Node*> weights = WeightsOf(part);
    for (size_t i = 0; i < std::min(weights.size(), kMostWeights); ++i) {
      const std::string& name = weights[i]->name();
      lines->push_back(absl::StrCat(Short(name.substr(name.rfind('/') + 1), 18), "  ",
                                    ShapeText(WeightShape(*weights[i]))));
    }
    if (weights.size() > kMostWeights)
      lines->push_back(absl::StrCat("and ", weights.size() - kMostWeights, " more"));
  }
  // "27 ops, 1.2M parameters", and the weightiest op types.
  void AddContents(const DotPart& part, std::vector<std::string>* lines) const {
    const bool aside = !roles_.aside[part.nodes[0]->id()].empty();
    const int64_t parameters = aside ? 0 : Parameters(WeightsOf(part));
    lines->push_back(absl::StrCat(part.nodes.size(), part.nodes.size() == 1 ? " op" : " ops",
                                  parameters > 0 ? ", " + CountText(parameters) + " params" : ""));
    if (aside) return;
    std::map<std::string, std::pair<OpKind, int>> types;
    for (const Node* node : part.nodes) {
      auto& type = types.try_emplace(node->op(), KindOf(*node), 0).first->second;
      ++type.second;
    }
    std::vector<std::tuple<OpKind, int, std::string>> sorted;
    for (const auto& [op, type] : types) sorted.emplace_back(type.first, -type.second, op);
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::string> shown;
    for (size_t i = 0; i < std::min(sorted.size(), kMostOpTypes); ++i) {
      const auto& [kind, negative, op] = sorted[i];
      shown.push_back(absl::StrCat(-negative > 1 ? absl::StrCat(-negative, " ") : "",
                                   Short(op, kLineLength / 2)));
    }
    std::string line;
    for (const std::string& type : shown) {
      if (!line.empty() && line.size() + type.size() + 2 > kLineLength)
        lines->push_back(std::exchange(line, ""));
      absl::StrAppend(&line, line.empty() ? "" : ", ", type);
    }
    lines->push_back(line);
  }
  std::string Tooltip(const DotPart& part) const {
    std::vector<std::string> lines = {Printable(part.name)};
    const size_t more =
        part.kind == DotPart::kOps && part.nodes.size() == 1 ? 0 : part.nodes.size();
    for (size_t i = 0; i < std::min(more, kMostNames); ++i)
      lines.push_back(absl::StrCat(Printable(part.nodes[i]->name()), " (",
                                   Printable(part.nodes[i]->op()), ")"));
    if (more == 0) lines.push_back(Printable(part.nodes[0]->op()));
    if (more > kMostNames) lines.push_back(absl::StrCat("and ", more - kMostNames, " more"));
    return Lines(lines);
  }

  void WriteBox(int part_index, const std::string& indent) {
    const DotPart& part = tree_.parts()[part_index];
    const int place = place_.at(part_index);
    const bool folded = !part.children.empty();
    std::vector<std::string> lines = {Short(part.label, kLineLength)};
    if (folded) {
      AddContents(part, &lines);
    } else {
      AddOps(part, &lines);
      const absl::string_view base = layers::BaseName(part.label);
      if (part.nodes.size() == 1 && absl::EqualsIgnoreCase(base, part.nodes[0]->op()))
        lines.resize(1);
      AddWeights(part, &lines);
    }
    const auto notes = links_.notes.find(place);
    if (notes != links_.notes.end())
      for (const Node* input : notes->second)
        lines.push_back(absl::StrCat("reads ", Short(input->name(), kLineLength - 6)));
    const bool aside = !roles_.aside[part.nodes[0]->id()].empty();
    const OpKind kind = Weightiest(part);
    absl::StrAppend(&text_, indent, "n", place, " [label=", Lines(lines), ", fillcolor=\"",
                    aside ? "#f4f4f4" : KindColour(kind), "\"", folded ? ", peripheries=2" : "",
                    aside || kind == OpKind::kUnknown ? ", style=\"filled,rounded,dashed\"" : "",
                    kind == OpKind::kInput && !folded ? ", shape=ellipse" : "",
                    ", tooltip=", Tooltip(part), "]\n");
    if (!aside) kinds_.insert(kind);
    folded_ = folded_ || folded;
  }
  void WritePart(int part_index, const std::string& indent) {
    const DotPart& part = tree_.parts()[part_index];
    if (!part.open) {
      WriteBox(part_index, indent);
      return;
    }
    const bool frame = part.depth > 0 || !part.name.empty();
    if (frame) {
      absl::StrAppend(
          &text_, indent, "subgraph cluster_", part_index, " {\n", indent, "  label=",
          Lines({absl::StrCat(Short(part.label, kLineLength), "  (", part.nodes.size(), ")")}),
          "; tooltip=", Lines({Printable(part.name)}),
          "; style=\"rounded,filled\"; color=\"#b0b0b0\"; fillcolor=\"",
          part.depth % 2 == 1 ? "#f7f9fc" : "#eef2f8", "\"; fontsize=11\n");
    }
    for (const int child : part.children) WritePart(child, frame ? indent + "  " : indent);
    if (frame) absl::StrAppend(&text_, indent, "}\n");
  }
  void WriteAside() {
    if (tree_.roots().size() == 1) return;
    absl::StrAppend(&text_,
                    "  subgraph cluster_aside {\n    label=\"set aside\"; "
                    "style=\"rounded,dashed\"; color=\"#b0b0b0\"; fontsize=11\n");
    for (size_t i = 1; i < tree_.roots().size(); ++i) WritePart(tree_.roots()[i], "    ");
    absl::StrAppend(&text_, "  }\n");
  }
  void WriteLinks() {
    for (const auto& [ends, link] : links_.links) {
      const std::string label = LinkLabel(link, roles_);
      absl::StrAppend(&text_, "  n", ends.first, " -> n", ends.second, " [");
      if (!label.empty() && !link.aside)
        absl::StrAppend(&text_, "label=", Lines({" " + label}), ", ");
      if (link.control) absl::StrAppend(&text_, "style=dotted, ");
      if (link.back) absl::StrAppend(&text_, "style=dashed, constraint=false, ");
      const double width = std::min(3.0, 0.9 + 0.3 * static_cast<double>(link.tensors.size()));
      absl::StrAppendFormat(&text_, "penwidth=%.1f]\n", link.control ? 1.0 : width);
      control_ = control_ || link.control;
      back_ = back_ || link.back;
    }
  }
  // Words of ours only, so that markup is safe here.
  void WriteLegend() {
    std::string rows;
    const auto row = [&](absl::string_view words, absl::string_view colour) {
      absl::StrAppend(&rows, "<tr><td align=\"left\" bgcolor=\"", colour, "\">", words,
                      "</td></tr>");
    };
    int64_t parameters = 0;
    DotPart all;
    for (const Node* node : roles_.order)
      if (!roles_.held[node->id()] && roles_.aside[node->id()].empty()) all.nodes.push_back(node);
    parameters = Parameters(WeightsOf(all));
    row(absl::StrCat(graph_.num_nodes(), " nodes, ", all.nodes.size(), " ops of the model"),
        "#ffffff");
    if (parameters > 0) row(CountText(parameters) + " parameters", "#ffffff");
    for (const OpKind kind : kinds_) row(KindName(kind), KindColour(kind));
    if (folded_) row("double border: more inside", "#ffffff");
    if (control_) row("dotted: control only", "#ffffff");
    if (back_) row("dashed: closes a loop", "#ffffff");
    absl::StrAppend(&text_,
                    "  legend [shape=plain, style=\"\", fontsize=9, tooltip=\"legend\", "
                    "label=<<table border=\"0\" cellborder=\"1\" cellspacing=\"0\" "
                    "color=\"#b0b0b0\">",
                    rows, "</table>>]\n");
  }

  const Graph& graph_;
  const DotRoles& roles_;
  const DotTree& tree_;
  const DotLinks links_;
  std::map<int, int> place_;  // of a box in links_.boxes
  std::set<OpKind> kinds_;
  bool folded_ = false, control_ = false, back_ = false;
  std::string text_;
};

}  // namespace

std::string DotQuoted(absl::string_view text) { return Lines({Printable(text)}); }

std::string DotText(const Graph& graph, const DotRoles& roles, const DotTree& tree) {
  return Writer(graph, roles, tree).Write();
}

}  // namespace sluice::tools
