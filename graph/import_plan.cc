#include "graph/import_plan.h"

#include <algorithm>
#include <climits>
#include <functional>
#include <queue>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status.h"
#include "graph/scope.h"
#include "proto/graph.pb.h"
#include "proto/types.pb.h"

namespace sluice {
namespace {

// Rule NS-1 for imports: TensorFlow 2 joins pieces with '>', and its internal nodes start with '_'.
bool IsImportableName(absl::string_view name) {
  for (absl::string_view piece : absl::StrSplit(name, '>')) {
    if (piece.empty()) return false;
    const std::string plain = piece[0] == '_' ? absl::StrCat("x", piece) : std::string(piece);
    if (!IsValidOpName(plain)) return false;
  }
  return true;
}

// Functions, which are called like ops, may have any printable name.
bool IsImportableOp(absl::string_view op) {
  return !op.empty() && op.size() <= kMaxNameLength &&
         std::all_of(op.begin(), op.end(), absl::ascii_isgraph);
}

absl::Status CheckVersions(const proto::VersionDef& versions) {
  if (versions.min_consumer() > kGraphDefProducer) {
    return absl::FailedPreconditionError(
        absl::StrCat("GraphDef min consumer version ", versions.min_consumer(),
                     " above current version ", kGraphDefProducer));
  }
  const auto& bad = versions.bad_consumers();
  if (std::find(bad.begin(), bad.end(), kGraphDefProducer) != bad.end()) {
    return absl::FailedPreconditionError(
        absl::StrCat("GraphDef disallows consumer version ", kGraphDefProducer));
  }
  return absl::OkStatus();
}

bool IsMerge(const proto::NodeDef& node) { return node.op() == "Merge" || node.op() == "RefMerge"; }
bool IsNextIteration(const proto::NodeDef& node) {
  return node.op() == "NextIteration" || node.op() == "RefNextIteration";
}
bool IsEnter(const proto::NodeDef& node) { return node.op() == "Enter" || node.op() == "RefEnter"; }

class Planner {
 public:
  Planner(const proto::GraphDef& def, const Graph& graph, const ImportOptions& options)
      : def_(def), graph_(graph), options_(options) {}

  absl::StatusOr<ImportPlan> Run() {
    SLUICE_RETURN_IF_ERROR(IndexNames());
    SLUICE_RETURN_IF_ERROR(IndexInputMap());
    SLUICE_RETURN_IF_ERROR(ReadInputs());
    SLUICE_RETURN_IF_ERROR(CheckInputMapUsed());
    SLUICE_RETURN_IF_ERROR(Sort());
    return std::move(plan_);
  }

 private:
  using Key = std::pair<absl::string_view, int>;

  absl::Status IndexNames();
  absl::Status IndexInputMap();
  absl::Status ReadInputs();
  absl::StatusOr<InputSource> FindSource(absl::string_view input);
  absl::Status CheckLoop(int node) const;
  absl::Status CheckInputMapUsed() const;
  absl::Status Sort();
  absl::Status DescribeCycle(const std::vector<int>& pending) const;

  const proto::GraphDef& def_;
  const Graph& graph_;
  const ImportOptions& options_;
  ImportPlan plan_;
  absl::flat_hash_map<Key, const std::pair<const std::string, Output>*> input_map_;
  absl::flat_hash_set<Key> input_map_used_;
};

absl::Status Planner::IndexNames() {
  plan_.positions.reserve(def_.node_size());
  for (int i = 0; i < def_.node_size(); ++i) {
    const proto::NodeDef& node = def_.node(i);
    if (!IsImportableName(node.name())) {
      return absl::InvalidArgumentError(
          absl::StrCat(DescribeNode(node), ": Node name contains invalid characters"));
    }
    if (node.name().size() > kMaxNameLength) {
      return absl::InvalidArgumentError(
          absl::StrCat(DescribeNode(node), ": the name must have at most ", kMaxNameLength,
                       " characters, got ", node.name().size()));
    }
    if (!IsImportableOp(node.op())) {
      return absl::InvalidArgumentError(
          absl::StrCat(DescribeNode(node), ": the op must have a name of printable characters"));
    }
    if (!plan_.positions.emplace(node.name(), i).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("Node '", Printable(node.name()), "' is not unique"));
    }
  }
  return absl::OkStatus();
}

absl::Status Planner::IndexInputMap() {
  for (const auto& entry : options_.input_map) {
    const auto& [key, value] = entry;
    SLUICE_ASSIGN_OR_RETURN(const TensorRef ref, ParseTensorRef(key));
    if (value.empty() || value.graph() != &graph_) {
      return absl::InvalidArgumentError(absl::StrCat("input_map: the value for '", Printable(key),
                                                     "' (", value.name(),
                                                     ") is not an element of this graph"));
    }
    if (value.is_operation() != (ref.index == Output::kOperation)) {
      return absl::InvalidArgumentError(
          absl::StrCat("input_map: '", Printable(key), "' -> '", value.name(),
                       "' is between control edge and non-control edge"));
    }
    if (!input_map_.emplace(Key(ref.node, ref.index), &entry).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("input_map: '", Printable(key), "' is mapped twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<InputSource> Planner::FindSource(absl::string_view input) {
  SLUICE_ASSIGN_OR_RETURN(const TensorRef ref, ParseTensorRef(input));
  InputSource source{.index = ref.index};
  const auto mapped = input_map_.find(Key(ref.node, ref.index));
  if (mapped != input_map_.end()) {
    input_map_used_.insert(mapped->first);
    source.replacement = &mapped->second->second;
    return source;
  }
  const auto found = plan_.positions.find(ref.node);
  if (found == plan_.positions.end()) {
    return absl::InvalidArgumentError(absl::StrCat("Unknown input node '", Printable(input), "'"));
  }
  source.node = found->second;
  return source;
}

absl::Status Planner::ReadInputs() {
  plan_.outputs_used.assign(def_.node_size(), 0);
  plan_.first_input.reserve(def_.node_size() + 1);
  for (int i = 0; i < def_.node_size(); ++i) {
    const proto::NodeDef& node = def_.node(i);
    plan_.first_input.push_back(plan_.inputs.size());
    bool control_seen = false;
    for (const std::string& input : node.input()) {
      absl::StatusOr<InputSource> source = FindSource(input);
      if (!source.ok()) return Annotate(source.status(), DescribeNode(node));
      const bool control = source->index == Output::kOperation;
      if (control_seen && !control) {
        return absl::InvalidArgumentError(
            absl::StrCat(DescribeNode(node),
                         ": Control dependencies must come after regular dependencies, got '",
                         Printable(input), "' after one"));
      }
      control_seen |= control;
      if (source->node >= 0 && !control) {
        source->back_edge = IsMerge(node) && IsNextIteration(def_.node(source->node));
        int& used = plan_.outputs_used[source->node];
        used = std::max(used, source->index + 1);
      }
      plan_.inputs.push_back(*source);
    }
  }
  plan_.first_input.push_back(plan_.inputs.size());
  for (int i = 0; i < def_.node_size(); ++i) SLUICE_RETURN_IF_ERROR(CheckLoop(i));
  return absl::OkStatus();
}

// A Merge that closes a loop joins what enters the loop with what comes around.
absl::Status Planner::CheckLoop(int node) const {
  int back_edges = 0;
  int entries = 0;
  for (const InputSource& source : plan_.InputsOf(node)) {
    if (source.index == Output::kOperation) continue;
    back_edges += source.back_edge;
    entries +=
        source.replacement != nullptr || (source.node >= 0 && IsEnter(def_.node(source.node)));
  }
  if (back_edges == 0 || (back_edges == 1 && entries == 1)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      DescribeNode(def_.node(node)), ": a loop must merge one Enter with one NextIteration, got ",
      entries, " and ", back_edges));
}

absl::Status Planner::CheckInputMapUsed() const {
  std::vector<std::string> missing;
  for (const auto& [key, value] : options_.input_map) {
    const absl::StatusOr<TensorRef> ref = ParseTensorRef(key);
    if (input_map_used_.contains(Key(ref->node, ref->index))) continue;
    // An output that exists but that no node takes may be mapped; how many there are is the
    // schema's matter.
    if (!plan_.positions.contains(ref->node) || ref->index > 0) missing.push_back(Printable(key));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Attempted to map inputs that were not found in graph_def: [",
                   absl::StrJoin(missing, ", "), "]"));
}

absl::Status Planner::Sort() {
  const int n = def_.node_size();
  std::vector<int> pending(n, 0);                // inputs whose producer is not in the order yet
  std::vector<size_t> first_consumer(n + 1, 0);  // consumers of node i: a range of `consumers`
  const auto for_each_edge = [&](const auto& edge) {
    for (int i = 0; i < n; ++i) {
      for (const InputSource& source : plan_.InputsOf(i)) {
        if (source.node >= 0 && !source.back_edge) edge(source.node, i);
      }
    }
  };
  for_each_edge([&](int from, int to) {
    ++first_consumer[from + 1];
    ++pending[to];
  });
  for (int i = 0; i < n; ++i) first_consumer[i + 1] += first_consumer[i];
  std::vector<int> consumers(first_consumer[n]);
  std::vector<size_t> next(first_consumer.begin(), first_consumer.end() - 1);
  for_each_edge([&](int from, int to) { consumers[next[from]++] = to; });

  std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
  for (int i = 0; i < n; ++i) {
    if (pending[i] == 0) ready.push(i);
  }
  plan_.order.reserve(n);
  while (!ready.empty()) {
    const int node = ready.top();
    ready.pop();
    plan_.order.push_back(node);
    for (size_t k = first_consumer[node]; k < first_consumer[node + 1]; ++k) {
      if (--pending[consumers[k]] == 0) ready.push(consumers[k]);
    }
  }
  return static_cast<int>(plan_.order.size()) == n ? absl::OkStatus() : DescribeCycle(pending);
}

// Some node waits for a node that waits, and so on: walking that way must come around.
absl::Status Planner::DescribeCycle(const std::vector<int>& pending) const {
  const auto waits_for = [&](int node) {
    for (const InputSource& source : plan_.InputsOf(node)) {
      if (source.node >= 0 && !source.back_edge && pending[source.node] > 0) return source.node;
    }
    return node;
  };
  int node = static_cast<int>(
      std::find_if(pending.begin(), pending.end(), [](int p) { return p > 0; }) - pending.begin());
  std::vector<bool> seen(pending.size(), false);
  for (; !seen[node]; node = waits_for(node)) seen[node] = true;
  const int start = node;
  int length = 0;
  do {
    node = waits_for(node);
    ++length;
  } while (node != start);
  return absl::InvalidArgumentError(absl::StrCat(length, " nodes in a cycle: one is ",
                                                 DescribeNode(def_.node(start)),
                                                 "; only NextIteration -> Merge may close one"));
}

// Rule IG-1. Names of the graph are taken; so are the names of the GraphDef, for others than their
// nodes.
void ChooseNames(const proto::GraphDef& def, const Graph& graph, ImportPlan* plan) {
  absl::flat_hash_set<std::string> chosen;
  plan->names.reserve(def.node_size());
  for (const proto::NodeDef& node : def.node()) {
    std::string name =
        plan->prefix.empty() ? node.name() : absl::StrCat(plan->prefix, "/", node.name());
    if (plan->prefix.empty() && graph.FindNode(name) != nullptr) {
      for (int k = 1; graph.FindNode(name) != nullptr || plan->positions.contains(name) ||
                      chosen.contains(name);
           ++k) {
        name = absl::StrCat(node.name(), "_", k);
      }
      chosen.insert(name);
    }
    plan->names.push_back(std::move(name));
  }
}

}  // namespace

absl::StatusOr<TensorRef> ParseTensorRef(absl::string_view text) {
  TensorRef ref;
  if (absl::StartsWith(text, "^")) {
    ref.node = text.substr(1);
    ref.index = Output::kOperation;
    return ref;
  }
  const size_t colon = text.rfind(':');
  ref.node = text.substr(0, colon);
  if (colon == absl::string_view::npos) return ref;
  const absl::string_view digits = text.substr(colon + 1);
  const bool number = !digits.empty() &&
                      std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) &&
                      (digits[0] != '0' || digits.size() == 1);
  if (!number) {
    return absl::InvalidArgumentError(absl::StrCat(
        "an input must be \"node\", \"node:number\" or \"^node\", got '", Printable(text), "'"));
  }
  if (!absl::SimpleAtoi(digits, &ref.index) || ref.index == INT_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("the output number of '", Printable(text), "' is too large"));
  }
  return ref;
}

std::string DescribeNode(const proto::NodeDef& node) {
  return absl::StrCat("node '", Printable(node.name()), "' (", Printable(node.op()), ")");
}

absl::StatusOr<ImportPlan> PlanImport(const proto::GraphDef& def, Graph* graph,
                                      const ImportOptions& options) {
  SLUICE_RETURN_IF_ERROR(graph->status());
  if (graph->finalized()) {
    return absl::FailedPreconditionError("Graph is finalized and cannot be modified.");
  }
  SLUICE_RETURN_IF_ERROR(CheckVersions(def.versions()));
  if (def.node_size() + int64_t{graph->num_nodes()} > kMaxNodes) {
    return absl::ResourceExhaustedError(absl::StrCat("a graph must have at most ", kMaxNodes,
                                                     " nodes, got ", graph->num_nodes(), " and ",
                                                     def.node_size(), " more"));
  }
  SLUICE_ASSIGN_OR_RETURN(ImportPlan plan, Planner(def, *graph, options).Run());
  if (absl::EndsWith(options.prefix, "/")) {  // this scope, as it is (rule NS-6)
    plan.prefix = options.prefix.substr(0, options.prefix.size() - 1);
  } else if (!options.prefix.empty()) {
    plan.prefix = graph->UniqueName(options.prefix, /*mark=*/false);
  }
  if (!options.prefix.empty() && !IsValidScopeName(plan.prefix, /*at_root=*/true)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Printable(options.prefix), "' is not a valid scope name"));
  }
  ChooseNames(def, *graph, &plan);
  return plan;
}

}  // namespace sluice
