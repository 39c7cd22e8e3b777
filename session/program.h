// A run's work as the compiler leaves it: values and the steps that make them, in order. No memory
// is assigned yet.
#ifndef SLUICE_SESSION_PROGRAM_H_
#define SLUICE_SESSION_PROGRAM_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/kernel.h"
#include "core/tensor.h"
#include "core/tensor_shape.h"
#include "graph/node.h"
#include "graph/plan_nodes.h"

namespace sluice {

// Where the tensor of a value lives.
enum class Home : uint8_t {
  kConstant,  // in the plan; the same in every run
  kFeed,      // the caller's
  kArena,     // planned memory: shape known, plain bytes
  kOwned,     // a tensor of the plan's own, made once: shape known, strings or resources
  kResult,    // the caller's result of a fetch: shape known, plain bytes
  kRuntime,   // set while running: snapshots of variables, shapes known late, aliases of those and
              // of feeds
};

// One tensor of a run. A reference (the output of VariableV2, Assign, ...) is held as its
// variable's resource handle.
struct Value {
  DType dtype = DType::kInvalid;  // of the tensor held: kResource for a reference
  Home home = Home::kRuntime;
  bool is_ref = false;
  TensorShape shape;  // as far as it is known before the run; of a reference: its variable's
  Tensor tensor;      // kConstant
  int root = -1;      // the value whose memory this one shares under another shape, -1: none
};

enum class StepKind : uint8_t {
  kKernel,  // the node's kernel
  kAlias,   // output = input under another shape
  kRead,    // output = the present value of the variable that the reference input names
  kFetch,   // result `fetch` = input
  kBranch,  // Switch: input 0, a bool, tells which of tokens {false, true} is dead
  kJoin,    // tokens {out, a, b, ...}: out is dead when one of the others is
  kMerge,   // outputs {value, index} = the first live input; tokens {out, one for each input}
  kLoop,    // runs loops[loop]
};

// Which work is dead (TensorFlow 1's Switch and Merge, rule CF-1) is told by tokens: bits of a run,
// set by kBranch, kJoin, kMerge and kLoop steps. kLive: never dead.
inline constexpr int kLive = -1;

struct ProgramStep {
  StepKind kind = StepKind::kKernel;
  const Node* node = nullptr;  // whose work this is; named in errors
  // The shape function and Prepare run again when shapes change from run to run.
  bool late = false;
  bool required = false;  // runs though nobody uses its outputs
  bool share = false;     // kFetch: the result is the fed tensor itself
  bool direct = false;    // kFetch: the value is computed in the result (Home::kResult)
  bool movable = false;   // kFetch: nobody uses the value afterwards
  int fetch = -1;         // kFetch: position in the results
  int alias_input = 0;    // kAlias: index in `inputs` of the one that is shared ...
  int alias_output = 0;   // ... and the node's output that it becomes
  // Values. A kernel's and a late alias' inputs are all of the node's.
  std::vector<int> inputs, outputs;
  int wave = -1;           // steps of one wave may run at the same time; -1: alone
  bool invariant = false;  // its outputs change only when variables change that it depends on
  KernelRun run;           // kKernel, not late: from prepare_steps
  int64_t scratch_bytes = 0;
  int guard = kLive;        // token: the step is skipped when it is dead; a dead fetch is an error
  std::vector<int> tokens;  // kBranch, kJoin, kMerge
  int loop = -1;            // kLoop
};

// The body of one frame, run once for each iteration, one after another. All its values are of
// Home::kRuntime or come from outside.
struct Loop {
  // A Merge that joins what enters with what comes around.
  struct Carried {
    const Node* merge = nullptr;
    int entered = -1, entered_token = kLive;  // before the first iteration
    int next = -1, next_token = kLive;        // after each
    int value = -1, index = -1, token = -1;   // what the Merge gives
    int entry = 0;                            // the number of the input that enters, 0 or 1
  };
  struct Exit {
    const Node* node = nullptr;
    int from = -1, from_token = kLive;
    int value = -1, token = -1;  // outside
  };
  std::vector<ProgramStep> steps;
  std::vector<Carried> carried;
  std::vector<Exit> exits;
  bool random = false;  // holds a random op: every iteration draws numbers of its own
};

struct Program {
  std::shared_ptr<const void> keeps;  // holds the graph of the nodes, where it is not the user's
  std::deque<Value> values;           // kernels may keep the addresses of constants
  std::vector<ProgramStep> steps;
  // The first `invariant_reads` steps read variables, the next `invariant_steps` compute what
  // depends on those (and constants) alone: the latter run only when a read gives another version
  // than before.
  int invariant_reads = 0, invariant_steps = 0;
  std::unique_ptr<PlanNodes> made = std::make_unique<PlanNodes>();  // nodes of rewritten work
  std::vector<std::pair<std::string, int>> rewrites;  // by name: how often each was applied
  int folded = 0;                                     // nodes computed while compiling
  std::vector<int> feeds;                             // value of each feed
  bool random = false;                                // holds a random op
  std::vector<Loop> loops;
  int num_tokens = 0;
};

}  // namespace sluice

#endif  // SLUICE_SESSION_PROGRAM_H_
