#include "tools/sluice/graph_colors.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/later_attrs.h"
#include "graph/op_spec.h"
#include "graph/proto_io.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "train/transforms_def.h"

namespace sluice::tools {
namespace {

constexpr uint64_t kBack = 0xBAC;  // stands for what leads back in a loop

uint64_t Mix(uint64_t a, uint64_t b) {  // the finalizer of splitmix64, over both
  uint64_t x = a * 0x9E3779B97F4A7C15u + b + 0xD1B54A32D192ED03u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}
uint64_t Mix(uint64_t a, const std::string& text) {  // FNV-1a
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return Mix(a, hash);
}

bool IsDefault(const OpSpec* spec, const std::string& op, const std::string& name,
               const AttrValue& value) {
  if (IsLaterDefault(op, name, value)) return true;
  const AttrSpec* attr = spec == nullptr ? nullptr : spec->FindAttr(name);
  return attr != nullptr && attr->default_value.has_value() &&
         WritesSame(value, *attr->default_value);
}

// As text that is equal for equal values, however a tensor was written.
absl::StatusOr<std::string> AttrText(const proto::AttrValue& value,
                                     const absl::StatusOr<AttrValue>& read) {
  if (!read.ok()) return SerializeMessage(value);
  proto::AttrValue normal;
  if (!ToProto(*read, &normal).ok()) return SerializeMessage(value);
  return SerializeMessage(normal);
}

absl::Status ReadAttrs(const proto::NodeDef& def, const OpRegistry& registry, ColoredNode* node) {
  const OpSpec* spec = registry.Find(def.op());
  for (const auto& [name, value] : def.attr()) {
    if (absl::StartsWith(name, "_")) continue;
    const absl::StatusOr<AttrValue> read = AttrFromProto(value);
    if (read.ok() && IsDefault(spec, def.op(), name, *read)) continue;
    SLUICE_ASSIGN_OR_RETURN(node->attrs[name], AttrText(value, read));
  }
  node->own = Mix(0, def.op());
  for (const auto& [name, text] : node->attrs) node->own = Mix(Mix(node->own, name), text);
  return absl::OkStatus();
}

// The nodes of a graph whose edges `next` lists, `degree[i]` leading to i, those before their
// followers; what lies in or behind a cycle comes at the end.
template <typename Next>
std::vector<int> Sorted(std::vector<int> degree, const Next& next) {
  std::vector<int> order;
  std::vector<bool> done(degree.size(), false);
  for (size_t i = 0; i < degree.size(); ++i) {
    if (degree[i] == 0) order.push_back(static_cast<int>(i));
  }
  for (size_t k = 0; k < order.size(); ++k) {
    done[order[k]] = true;
    next(order[k], [&](int to) {
      if (--degree[to] == 0) order.push_back(to);
    });
  }
  for (size_t i = 0; i < degree.size(); ++i) {
    if (!done[i]) order.push_back(static_cast<int>(i));
  }
  return order;
}

uint64_t MixAll(uint64_t seed, std::vector<uint64_t> parts) {
  std::sort(parts.begin(), parts.end());
  for (const uint64_t part : parts) seed = Mix(seed, part);
  return seed;
}

}  // namespace

absl::Status ColoredGraph::Read(const proto::GraphDef& def, const OpRegistry& registry) {
  nodes.resize(def.node_size());
  for (int i = 0; i < def.node_size(); ++i) {
    nodes[i].name = def.node(i).name();
    nodes[i].op = def.node(i).op();
    SLUICE_RETURN_IF_ERROR(ReadAttrs(def.node(i), registry, &nodes[i]));
    if (!by_name.emplace(nodes[i].name, i).second)
      return absl::InvalidArgumentError(
          absl::StrCat("Node '", Printable(nodes[i].name), "' is not unique"));
  }
  SLUICE_RETURN_IF_ERROR(Link(def));
  ColorForward();
  ColorBackward();
  return absl::OkStatus();
}

absl::Status ColoredGraph::Link(const proto::GraphDef& def) {
  for (int i = 0; i < def.node_size(); ++i) {
    for (const std::string& text : def.node(i).input()) {
      const train::InputName input = train::ParseInputName(text);
      const auto found = by_name.find(input.node);
      if (found == by_name.end())
        return absl::InvalidArgumentError(absl::StrCat(
            "Node '", Printable(nodes[i].name), "': Unknown input node '", Printable(text), "'"));
      const int at = static_cast<int>(nodes[i].inputs.size());
      nodes[i].inputs.push_back({found->second, input.control ? -1 : input.index});
      nodes[found->second].readers.push_back({i, input.control ? -1 : at});
      if (!input.control) nodes[i].data_inputs = at + 1;
    }
  }
  return absl::OkStatus();
}

bool ColoredGraph::LeadsBack(int from, int to) const {
  return (nodes[to].op == "Merge" || nodes[to].op == "RefMerge") &&
         (nodes[from].op == "NextIteration" || nodes[from].op == "RefNextIteration");
}

// From the sources on.
void ColoredGraph::ColorForward() {
  std::vector<int> degree(nodes.size(), 0);
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const ColoredNode::Input& input : nodes[i].inputs)
      degree[i] += !LeadsBack(input.node, static_cast<int>(i));
  }
  for (const int i : Sorted(degree, [&](int from, const auto&visit) {
         for (const ColoredNode::Reader& reader : nodes[from].readers)
           if (!LeadsBack(from, reader.node)) visit(reader.node);
       })) {
    uint64_t hash = nodes[i].own;
    std::vector<uint64_t> control;
    for (const ColoredNode::Input& input : nodes[i].inputs) {
      const uint64_t from = LeadsBack(input.node, i) ? kBack : nodes[input.node].from;
      if (input.index < 0) {
        control.push_back(from);
      } else {
        hash = Mix(Mix(hash, from), static_cast<uint64_t>(input.index));
      }
    }
    nodes[i].from = MixAll(hash, std::move(control));
  }
}

// From those on that nobody reads.
void ColoredGraph::ColorBackward() {
  std::vector<int> degree(nodes.size(), 0);
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const ColoredNode::Reader& reader : nodes[i].readers)
      degree[i] += !LeadsBack(static_cast<int>(i), reader.node);
  }
  for (const int i : Sorted(degree, [&](int to, const auto&visit) {
         for (const ColoredNode::Input& input : nodes[to].inputs)
           if (!LeadsBack(input.node, to)) visit(input.node);
       })) {
    std::vector<uint64_t> to, whole;
    for (const ColoredNode::Reader& reader : nodes[i].readers) {
      const ColoredNode& by = nodes[reader.node];
      const bool back = LeadsBack(i, reader.node);
      const uint64_t place = reader.input < 0
                                 ? 1
                                 : Mix(static_cast<uint64_t>(reader.input),
                                       static_cast<uint64_t>(by.inputs[reader.input].index));
      to.push_back(Mix(place, back ? kBack : by.to));
      whole.push_back(Mix(place, back ? kBack : by.whole));
    }
    nodes[i].to = MixAll(nodes[i].own, std::move(to));
    nodes[i].whole = MixAll(nodes[i].from, std::move(whole));
  }
}

}  // namespace sluice::tools
