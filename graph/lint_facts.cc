#include "graph/lint_facts.h"

#include <algorithm>
#include <set>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

// A deeper name is no gradient's.
constexpr int kMostScopes = 64;

bool IsHandle(DType dtype) { return IsRef(dtype) || BaseType(dtype) == DType::kResource; }

bool MakesHandle(const Node& node) {
  return node.spec().session_constant() && node.num_outputs() > 0 && IsHandle(node.output_dtype(0));
}

bool GivesHandle(const Node& node) {
  for (int i = 0; i < node.num_outputs(); ++i) {
    if (IsHandle(node.output_dtype(i))) return true;
  }
  return false;
}

// "gradients", "gradients_3".
bool IsGradientScope(absl::string_view component) {
  constexpr absl::string_view kScope = "gradients";
  if (!absl::StartsWith(component, kScope)) return false;
  return component.size() == kScope.size() || component[kScope.size()] == '_';
}

}  // namespace

LintFacts::LintFacts(const Graph& graph) : graph_(graph) {
  const int size = graph.num_nodes();
  nodes_.reserve(size);
  for (int id = 0; id < size; ++id) nodes_.push_back(graph.node(id));
  carries_.assign(nodes_.size(), -1);
  consumers_.resize(nodes_.size());
  used_.assign(nodes_.size(), false);
  FindVariables();
  FindHandles();
  FindUses();
}

void LintFacts::AddVariable(const Variable& variable, const std::string& name) {
  if (variable.handle().empty()) return;
  const Node* node = variable.handle().node();
  if (&node->graph() != &graph_ || carries_[node->id()] >= 0) return;
  carries_[node->id()] = static_cast<int>(handles_.size());
  HandleFacts facts;
  facts.node = node;
  facts.variable = variable;
  facts.name = name.empty() ? variable.op_name() : name;
  facts.location = variable.created_at();
  handles_.push_back(std::move(facts));
}

void LintFacts::FindVariables() {
  // First the table, which knows what the parts are parts of.
  for (const std::string& name : graph_.StoredVariableNames()) {
    const Variable* stored = graph_.FindVariable(name);
    if (stored == nullptr || !stored->is_partitioned()) continue;
    for (const Variable& part : stored->parts()) AddVariable(part, stored->op_name());
  }
  for (const std::string& name : graph_.StoredVariableNames()) {
    if (const Variable* stored = graph_.FindVariable(name)) AddVariable(*stored, "");
  }
  for (const std::string& key : graph_.CollectionKeys()) {
    const bool standard = key == keys::kGlobalVariables || key == keys::kLocalVariables;
    const bool trainable = key == keys::kTrainableVariables;
    for (const Variable& item : graph_.Variables(key)) {
      const std::vector<Variable> single = {item};
      for (const Variable& v : item.is_partitioned() ? item.parts() : single) {
        AddVariable(v, item.is_partitioned() ? item.op_name() : "");
        if (v.handle().empty() || v.handle().graph() != &graph_) continue;
        HandleFacts& facts = handles_[carries_[v.handle().node()->id()]];
        facts.standard |= standard;
        facts.trainable |= trainable;
      }
    }
  }
}

void LintFacts::FindHandles() {
  for (const Node* node : nodes_) {
    if (carries_[node->id()] >= 0 || !MakesHandle(*node)) continue;
    carries_[node->id()] = static_cast<int>(handles_.size());
    handles_.push_back({.node = node,
                        .variable = {},
                        .name = node->name(),
                        .location = node->location(),
                        .uses = {}});
  }
  std::sort(handles_.begin(), handles_.end(),
            [](const HandleFacts& a, const HandleFacts& b) { return a.node->id() < b.node->id(); });
  for (size_t i = 0; i < handles_.size(); ++i)
    carries_[handles_[i].node->id()] = static_cast<int>(i);
  // Producers come before consumers, but for the edges that close loops.
  for (const Node* node : nodes_) {
    if (carries_[node->id()] >= 0 || !GivesHandle(*node)) continue;
    for (int i = 0; i < node->num_inputs() && carries_[node->id()] < 0; ++i)
      carries_[node->id()] = HandleOn(node->input_edge(i));
  }
}

int LintFacts::HandleOn(const Edge& edge) const {
  if (edge.node == nullptr || carries_[edge.node->id()] < 0) return -1;
  const DType dtype = Output(edge.node, edge.index).dtype();
  // What an op gives that is not known here has no dtype.
  return IsHandle(dtype) || dtype == DType::kInvalid ? carries_[edge.node->id()] : -1;
}

void LintFacts::FindUses() {
  for (const Node* node : nodes_) {
    const OpSpec& spec = node->spec();
    for (const Node* control : node->control_inputs()) used_[control->id()] = true;
    for (int i = 0; i < node->num_inputs(); ++i) {
      const Edge& edge = node->input_edge(i);
      if (edge.node == nullptr) continue;
      used_[edge.node->id()] = true;
      consumers_[edge.node->id()].push_back(node);
      const int handle = HandleOn(edge);
      if (handle < 0) continue;
      // The value of a reference is read where the op does not take a reference.
      const bool as_handle = spec.opaque() || IsHandle(node->input_dtype(i));
      const bool writes = as_handle && (spec.opaque() || spec.writes_resources());
      const bool passes_on = as_handle && !writes && carries_[node->id()] == handle;
      if (passes_on) continue;
      const bool needs_value = !as_handle || !spec.allows_uninitialized_input();
      handles_[handle].uses.push_back({node, writes, needs_value});
    }
  }
}

bool LintFacts::IsGradient(const Node& node) {
  if (node.original_op() != nullptr) return true;
  const std::string& name = node.name();
  size_t start = 0;
  for (size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', start)) {
    if (IsGradientScope(absl::string_view(name).substr(start, slash - start))) return true;
    start = slash + 1;
  }
  return false;
}

// `name` is that of a gradient's scope without "_grad": "import/gradients_1/net/conv/Conv2D".
const Node* LintFacts::ForwardOp(const std::string& name) const {
  size_t start = 0;
  for (int depth = 0; depth < kMostScopes; ++depth) {
    const size_t slash = name.find('/', start);
    if (slash == std::string::npos) return nullptr;
    const absl::string_view component = absl::string_view(name).substr(start, slash - start);
    const absl::string_view rest = absl::string_view(name).substr(slash + 1);
    if (IsGradientScope(component) && start > 0) {
      const std::string beside = absl::StrCat(absl::string_view(name).substr(0, start), rest);
      if (const Node* found = graph_.FindNode(beside)) return found;
    }
    if (const Node* found = graph_.FindNode(rest)) return found;
    start = slash + 1;
  }
  return nullptr;
}

std::vector<bool> LintFacts::DifferentiatedBy(const std::vector<bool>& set) const {
  constexpr absl::string_view kSuffix = "_grad/";
  std::vector<bool> differentiated(nodes_.size(), false);
  absl::flat_hash_set<std::string> seen;
  for (const Node* node : nodes_) {
    if (!set[node->id()]) continue;
    if (node->original_op() != nullptr) {
      differentiated[node->original_op()->id()] = true;
      continue;
    }
    const std::string& name = node->name();
    size_t found = name.rfind(std::string(kSuffix));
    if (found == std::string::npos || !seen.insert(name.substr(0, found)).second) continue;
    const Node* forward = ForwardOp(name.substr(0, found));
    if (forward != nullptr) differentiated[forward->id()] = true;
  }
  return differentiated;
}

}  // namespace sluice
