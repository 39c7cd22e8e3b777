// What a Saver adds to a graph, and the same found again in a graph that came from a file. Used by
// train/saver.h.
#ifndef SLUICE_TRAIN_SAVER_GRAPH_H_
#define SLUICE_TRAIN_SAVER_GRAPH_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/at.h"
#include "graph/graph.h"
#include "graph/variable.h"
#include "io/tensor_slice.h"

namespace sluice {
namespace proto {
class SaverDef;
}  // namespace proto

namespace train {

// The key under which a checkpoint holds Session::random_run(). TensorFlow ignores it.
inline constexpr char kRandomRunKey[] = "_sluice/random_run";

// A place in a checkpoint: a tensor, or a slice of one, as a part of a partitioned variable is
// saved under the whole's name (Variable.SaveSliceInfo).
struct SavedPlace {
  std::string key;
  std::optional<TensorSlice> slice = {};            // none: the whole tensor
  TensorShape full_shape = TensorShape::Unknown();  // of the tensor `key`

  std::string SliceSpec() const;  // its entry in shape_and_slices: "" or "10 4 0,5:0,4"
};

struct SaverGraph {
  struct Saved {
    SavedPlace place;
    Output tensor;  // what is written
    int shard = 0;
  };
  struct Restored {
    SavedPlace place;
    DType dtype = DType::kInvalid;
    Output tensor;    // what the graph's restore op gives: feeding it restores another value
    int target = 0;   // in `targets`: what assigns it
    Output variable;  // the handle that is assigned; empty when something else is done with it
  };
  Output filename, save, restore_all;  // as SaverDef names them
  int num_shards = 1;
  bool reshape = false;  // values are reshaped before they are assigned
  std::vector<Saved> saved;
  std::vector<Restored> restored;
  Outputs targets;  // operations; restore_all runs all of them

  bool empty() const { return saved.empty() && restored.empty(); }
};

// A variable to save.
struct SavedVariable {
  SavedPlace place;
  Variable variable;
};

// What to save, in the order of keys (rule SV-1): the variables of `by_key`, else `list`, else,
// when neither is given, GLOBAL_VARIABLES and the variables in SAVEABLE_OBJECTS (rule COL-5).
// Errors in the rule's words, but none for an empty result.
absl::StatusOr<std::vector<SavedVariable>> CollectSaved(
    const Graph& graph, const std::vector<Variable>& list,
    const std::map<std::string, Variable>& by_key);

struct SaverGraphOptions {
  std::string name = "save";
  std::string filename = "model";  // what save/Const is when it is not fed
  bool reshape = false;
  bool sharded = false;
};
// Adds what TensorFlow's Saver adds (rule SV-2), and `save/random_run`. Sharded: one SaveV2 for
// each device that the variables are on, in the order of the devices' names.
SaverGraph BuildSaverGraph(At at, const std::vector<SavedVariable>& variables,
                           const SaverGraphOptions& options);

// Finds a saver's graph by its SaverDef: one that TensorFlow of any 1.x release built, with
// SaveV2, SaveSlices or Save and with one or many of RestoreV2, RestoreSlice or Restore. `prefix`
// (a name scope without '/', or "") goes before the names in `def`. Keys and slices are those of
// the graph's constants, so renames are obeyed. InvalidArgument, naming node and reason, when the
// graph does not say what is saved or restored.
absl::StatusOr<SaverGraph> ReadSaverGraph(const Graph& graph, const proto::SaverDef& def,
                                          const std::string& prefix = "");

}  // namespace train
}  // namespace sluice

#endif  // SLUICE_TRAIN_SAVER_GRAPH_H_
