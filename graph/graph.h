// Graph: nodes, names, variables, collections and the first error.
#ifndef SLUICE_GRAPH_GRAPH_H_
#define SLUICE_GRAPH_GRAPH_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/node_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/collections.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "graph/output.h"
#include "graph/variable.h"

namespace sluice {

class At;
class ImportedForms;
struct LintFinding;

// Limits of one graph.
inline constexpr int64_t kMaxNodes = 10'000'000;
inline constexpr size_t kMaxNameLength = 64 * 1024;

enum class OnError {
  kKeep,
  kAbort
};  // kAbort logs the first building error and stops the program: for debugging and examples

struct GraphOptions {
  OnError on_error = OnError::kKeep;
};

// Everything that AddNode needs; attributes are checked and completed there.
struct NodeRequest {
  std::string op = {};
  std::string name = {};  // final: unique and valid
  std::vector<Edge> inputs = {};
  std::vector<Node*> control_inputs = {};
  AttrMap attrs = {};
  std::string device = {};
  std::string location = {};
  Node* original_op = nullptr;
  bool allow_unknown_op = false;  // imports: an op that the registry lacks becomes opaque
  int unknown_op_outputs = 1;     // how many outputs it then has
  bool opaque = false;            // imports: taken for such an op, though the registry has it
};

// A graph only grows. Thread-safe: building and running may overlap; two threads that build at once
// get correct but unordered names.
class Graph {
 public:
  explicit Graph(const OpRegistry& registry, GraphOptions options = {});
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  const OpRegistry& registry() const { return registry_; }

  // The first building error, or OK. Session, Gradients and every export refuse a failed graph with
  // it.
  absl::Status status() const;
  bool ok() const { return status().ok(); }
  void SetError(const absl::Status& error);  // kept when it is the first

  // --- nodes ---
  int num_nodes() const;
  Node* node(int id) const;                      // by creation order
  Node* FindNode(absl::string_view name) const;  // null when absent
  // Rule NS-10. "op:0" -> that tensor. InvalidArgument / NotFound in the rule's words, with the
  // nearest names.
  absl::StatusOr<Output> FindTensor(absl::string_view name) const;
  absl::StatusOr<Output> FindOperation(absl::string_view name) const;
  // Tensor or operation: "op:0" or "op".
  absl::StatusOr<Output> FindElement(absl::string_view name) const;

  // Checks and adds a node. The one way in: At::Node and the GraphDef import both come here.
  absl::StatusOr<Node*> AddNode(NodeRequest request);
  // Closes a loop: input i of `node` (a Merge) becomes `from`. For imports only.
  absl::Status SetBackEdge(Node* node, int i, Edge from);
  // More became known of a shape. InvalidArgument when it contradicts what is known.
  // (Tensor.set_shape)
  absl::Status SetShape(const Output& tensor, const TensorShape& shape);
  // The value of `tensor` when it is the same in every run and small (constants, shapes, and what
  // is computed from them), else nullopt.
  std::optional<Tensor> ConstantValue(const Output& tensor) const;

  // The state behind Scope::Root(), one per graph (it counts opened variable scopes).
  const std::shared_ptr<const ScopeState>& root_state() const { return root_state_; }

  // --- names (rules NS-3 to NS-7) ---
  // `name` made unique, ignoring case, and marked as used when `mark`.
  std::string UniqueName(absl::string_view name, bool mark = true);

  // 1, 2, 3, ... per series: layers without a name are numbered by their class (rule L-2).
  int NextNumber(absl::string_view series);

  // No node, collection item or variable can be added any more (rule NS-11).
  void Finalize();
  bool finalized() const;

  // --- variables and collections ---
  // The table of get_variable: by full name. Null when absent.
  const Variable* FindVariable(const std::string& name) const;
  void StoreVariable(const std::string& name, const Variable& variable);
  std::vector<std::string> StoredVariableNames() const;  // sorted
  // Keeps other threads from changing the graph: for look-ups whose answer decides what is added.
  [[nodiscard]] std::unique_lock<std::recursive_mutex> Hold() const;

  void AddToCollection(absl::string_view key, CollectionItem item);
  // The same for several keys; a key given twice counts once (rule COL-2).
  void AddToCollections(const std::vector<std::string>& collection_keys,
                        const CollectionItem& item);
  // A copy; empty when absent. With `scope`: the items that have a name which starts with a match
  // of that regular expression (RE2 syntax, rule COL-3). A malformed one is the graph's error.
  // TensorFlow's live list (get_collection_ref) does not exist: add, clear, or set.
  std::vector<CollectionItem> GetCollection(absl::string_view key,
                                            absl::string_view scope = "") const;
  // The items below a variable scope (rule VS-32).
  std::vector<CollectionItem> GetCollection(absl::string_view key, const Scope& scope) const;
  void ClearCollection(absl::string_view key);
  void SetCollection(absl::string_view key, std::vector<CollectionItem> items);
  std::vector<std::string> CollectionKeys() const;  // sorted

  // The items of a collection that are variables, and those that are tensors or operations; `scope`
  // as above.
  std::vector<Variable> Variables(absl::string_view collection, absl::string_view scope = "") const;
  Outputs OutputsIn(absl::string_view collection, absl::string_view scope = "") const;

  // The standard collections (tf.global_variables(scope), ...).
  std::vector<Variable> GlobalVariables(absl::string_view scope = "") const {
    return Variables(keys::kGlobalVariables, scope);
  }
  std::vector<Variable> TrainableVariables(absl::string_view scope = "") const {
    return Variables(keys::kTrainableVariables, scope);
  }
  std::vector<Variable> LocalVariables(absl::string_view scope = "") const {
    return Variables(keys::kLocalVariables, scope);
  }
  std::vector<Variable> ModelVariables(absl::string_view scope = "") const {
    return Variables(keys::kModelVariables, scope);
  }
  std::vector<Variable> MetricVariables(absl::string_view scope = "") const {
    return Variables(keys::kMetricVariables, scope);
  }
  std::vector<Variable> MovingAverageVariables(absl::string_view scope = "") const {
    return Variables(keys::kMovingAverageVariables, scope);
  }
  Outputs UpdateOps(absl::string_view scope = "") const {
    return OutputsIn(keys::kUpdateOps, scope);
  }
  Outputs RegularizationLosses(absl::string_view scope = "") const {
    return OutputsIn(keys::kRegularizationLosses, scope);
  }
  Outputs Losses(absl::string_view scope = "") const { return OutputsIn(keys::kLosses, scope); }
  Outputs Summaries(absl::string_view scope = "") const {
    return OutputsIn(keys::kSummaries, scope);
  }
  Outputs TrainOps(absl::string_view scope = "") const { return OutputsIn(keys::kTrainOp, scope); }

  // What is probably a mistake in this graph (graph/lint.h), for a program that runs `fetches`.
  std::vector<LintFinding> Lint(const Outputs& fetches = {}) const;

  // --- functions ---
  // TensorFlow's FunctionDefLibrary, serialized; empty when there is none. A session puts the nodes
  // of a function in the place of its calls.
  std::string function_library() const;
  void SetFunctionLibrary(std::string serialized);

  // --- imports ---
  // What files said beyond what nodes keep. For import and export only, under Hold().
  ImportedForms& imported_forms() { return *imported_forms_; }
  const ImportedForms& imported_forms() const { return *imported_forms_; }

  // --- random seeds (rule IN-9): tf.set_random_seed ---
  void SetSeed(std::optional<int64_t> seed) { seed_ = seed; }
  // The (seed, seed2) attributes of a random op built now with that op seed.
  std::pair<int64_t, int64_t> OpSeeds(std::optional<int64_t> op_seed) const;

  // Makes a series of AddNode() all or nothing. For imports.
  class Transaction;

 private:
  absl::Status CheckInputs(const OpSpec& spec, const NodeRequest& request,
                           const std::vector<DType>& wanted) const;
  static absl::Status FinalizedError();
  std::vector<std::string> NodeNames() const;
  absl::Status InferShapes(Node* node) const;
  void FindConstants(Node* node) const;

  const OpRegistry& registry_;
  const GraphOptions options_;
  mutable std::recursive_mutex mutex_;
  mutable absl::Status status_;
  std::deque<std::unique_ptr<Node>> nodes_;
  absl::flat_hash_map<absl::string_view, Node*> by_name_;  // views of the nodes' names
  absl::node_hash_set<std::string> texts_;                 // devices and locations of nodes
  absl::flat_hash_map<std::string, int> used_names_;       // lower-cased (rule NS-3)
  absl::flat_hash_map<std::string, int> numbers_;          // of NextNumber()
  bool finalized_ = false;
  std::map<std::string, std::vector<CollectionItem>> collections_;
  std::map<std::string, Variable> variables_;
  std::string function_library_;
  std::optional<int64_t> seed_;
  std::shared_ptr<const ScopeState> root_state_;
  std::unique_ptr<ImportedForms> imported_forms_;  // never null
};

// Keeps the graph for the thread that made it. Without Commit(), its end undoes what AddNode()
// added meanwhile, names included, as if nothing had happened; nobody may hold these nodes then.
class Graph::Transaction {
 public:
  explicit Transaction(Graph* graph);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void Commit() { committed_ = true; }

 private:
  Graph* const graph_;
  const std::unique_lock<std::recursive_mutex> lock_;
  const size_t num_nodes_;
  absl::flat_hash_map<std::string, int> used_names_;
  std::string function_library_;
  std::optional<std::string> graph_rest_;
  bool committed_ = false;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_GRAPH_H_
