// What one call becomes: its nodes while they are made, before a graph has them.
#ifndef SLUICE_GRAPH_LOWER_FUNCTIONS_EXPANSION_H_
#define SLUICE_GRAPH_LOWER_FUNCTIONS_EXPANSION_H_

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "graph/lower_functions_library.h"
#include "graph/op_spec.h"

namespace sluice {

// Output `index` of node `node` of the expansion.
struct FlatEdge {
  int node = 0;
  int index = 0;
};

struct FlatNode {
  std::string name, op, device;
  AttrMap attrs;
  std::vector<FlatEdge> inputs;
  std::vector<int> controls;
  std::vector<DType> types;  // of the outputs; kInvalid: not known
  // A call that was replaced and has several outputs: where each comes from now.
  std::vector<FlatEdge> results;
  const OpSpec* spec = nullptr;      // null: opaque, or a function
  const Function* called = nullptr;  // the op is this function
  int chain = -1;                    // the function whose body it is from, in the expansion's chain
};

// The nodes of one call in a graph. Node kOuter stands for what the call gets: its outputs are the
// call's data inputs, and waiting for it means waiting for the call's control inputs. Node kCall is
// the call; its controls are {kOuter}, or none.
class CallExpansion {
 public:
  static constexpr int kOuter = 0, kCall = 1;

  // `taken`: does the graph have a node of that name?
  CallExpansion(const FunctionLibrary& library, std::function<bool(const std::string&)> taken);

  // `call` replaced, and the calls in its body, and so on. Its inputs, which are set here, have
  // these dtypes (kInvalid: not known). `in_flow`: it may stand in a loop, or its inputs be dead.
  // Errors as LowerFunctions().
  absl::Status Run(FlatNode call, std::vector<DType> input_types, bool in_flow, int64_t most_nodes);

  const std::deque<FlatNode>& nodes() const { return nodes_; }
  // Where what reads `edge` finds it once calls are replaced.
  FlatEdge Resolved(FlatEdge edge) const;
  // `status`, saying which node of which function it is about.
  absl::Status NodeProblem(const FlatNode& node, const absl::Status& status) const;

 private:
  friend class BodyBuilder;
  friend class LoopBuilder;
  // What a function's body has become. `effects`: what those wait for who wait for the call.
  struct Body {
    std::vector<FlatEdge> results;
    std::vector<int> effects;
    int pivot = 0;  // of a branch: what is live when it is taken
  };
  // Puts a function in the place of node `call`: its nodes go below `scope`, and wait for `gate`.
  struct BodyRequest {
    int call = 0;
    FuncRef function;
    std::string scope;
    std::vector<FlatEdge> args;
    std::vector<int> gate;
    const std::vector<DType>& result_types;
  };
  struct Branch {
    FuncRef function;
    std::string scope;
    FlatEdge predicate;
    int side = 1;  // taken when the predicate is true (1), or false (0)
  };

  // What both sides of a Switch get. An argument of output kSwitched has one for each side.
  struct BranchInputs {
    int pivot = 0;
    std::vector<FlatEdge> args;
  };
  static constexpr int kSwitched = -1;

  void GateCall(int call);
  absl::Status Expand(int call);
  absl::Status ExpandFunction(int call);  // the op is a function
  absl::Status ExpandPartitionedCall(int call);
  absl::Status InlineCall(int call, FuncRef function);
  absl::Status ExpandIf(int call);
  absl::Status ExpandCase(int call);
  absl::Status ExpandBranches(int call, const std::vector<Branch>& branches);
  absl::Status ExpandWhile(int call);
  BranchInputs AddSwitches(int call, FlatEdge predicate);
  absl::StatusOr<Body> AddBranch(int call, const Branch& branch, const BranchInputs& inputs);
  FlatEdge CasePredicate(int call, int k, int branches);

  absl::StatusOr<Body> AddBody(const BodyRequest& request);
  absl::Status CheckRecursion(const Function& function, int chain) const;
  absl::StatusOr<FuncRef> FunctionAttr(int call, const char* attr) const;
  absl::StatusOr<FlatEdge> Predicate(int call, FlatEdge condition);
  // The call has become these; who waits for it waits for `effects`.
  void Finish(int call, const std::vector<FlatEdge>& results, const std::vector<int>& effects);

  int Add(FlatNode node);
  struct Helper {
    std::string name;  // below the call's
    const char* op = "";
    AttrMap attrs;
    std::vector<FlatEdge> inputs;
    std::vector<int> controls;
    std::vector<DType> types;
  };
  int AddHelper(int call, Helper helper);
  std::string NewName(absl::string_view name);
  DType TypeOf(FlatEdge edge) const;
  absl::Status CheckSize() const;

  struct ChainLink {
    const Function* function;
    int caller;  // index in chain_, -1: the graph
  };
  const FunctionLibrary& library_;
  const std::function<bool(const std::string&)> taken_;
  std::deque<FlatNode> nodes_;
  std::vector<int> calls_;  // to be replaced
  std::vector<ChainLink> chain_;
  absl::flat_hash_set<std::string> names_;
  absl::flat_hash_map<std::string, int> next_number_;  // for names that were taken
  int64_t most_nodes_ = 0;
  int64_t edges_ = 0, text_bytes_ = 0;
};

// Does the node call functions?
bool IsCall(const FlatNode& node);

}  // namespace sluice

#endif  // SLUICE_GRAPH_LOWER_FUNCTIONS_EXPANSION_H_
