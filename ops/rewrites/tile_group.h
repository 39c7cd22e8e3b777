// A set of elementwise works of one shape that can run as one chain, grown backwards from its last
// work. For fuse_elementwise.cc.
#ifndef SLUICE_OPS_REWRITES_TILE_GROUP_H_
#define SLUICE_OPS_REWRITES_TILE_GROUP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "core/kernel.h"
#include "graph/rewrite.h"
#include "ops/kernels/tile_program.h"

namespace sluice::ops {

// The function of a work that may be a step of a chain: one to three inputs of float, double and
// bool, one output. nullopt: it may not.
std::optional<TileKernel> TileKernelOf(const PlanEditor& plan, int work);

// A sum of all elements of a value, over its leading or over its trailing dimensions.
struct TileFold {
  int value = PlanEditor::kNone;  // that is summed
  kernels::TileOutput form = kernels::TileOutput::kSum;
  int64_t columns = 0;  // kColumnSums, kRowSums: of the value seen as a matrix
  bool mean = false;
};
// What a work sums, when it is a sum that a chain can end in.
std::optional<TileFold> TileFoldOf(const PlanEditor& plan, int work);

class TileGroup {
 public:
  // REQUIRES: TileKernelOf(plan, last). `columns` > 0 when the chain's sums ask for it.
  TileGroup(const PlanEditor& plan, int last, int64_t columns = 0);

  // `work`, not itself of the group, goes with it: its reading of a value is no need outside.
  void AddReader(int work) { reader_ = work; }
  // Takes in what makes the group's inputs, as far as limits allow. A work whose value is needed
  // outside as well is taken in only with `shared`: its value is written out. Nothing is ever
  // computed twice.
  void Grow(bool shared);

  bool ok() const { return ok_; }  // false: the last work itself does not fit a chain
  int size() const { return static_cast<int>(members_.size()); }
  bool Contains(int work) const { return index_.contains(work); }
  // Names of the works' ops, in the order in which they run.
  std::string Text() const;

  // The chain, without sums. `inputs`: its input values; `outputs`: the values that it writes,
  // beginning with the last work's if `with_last` or if somebody outside needs it. The value that
  // is summed comes out as `last_value`, a value number of the chain.
  struct Chain {
    kernels::TileSteps steps;
    std::vector<int> inputs, outputs;
    int last_value = 0;
    bool overwritable = true;  // inputs of an output's size are read element by element
  };
  Chain Build(bool with_last) const;

 private:
  struct Member {
    int work;
    TileKernel kernel;
  };
  // How an outside value is read, for `columns` (0: not yet decided, then set).
  std::optional<kernels::TileInput> FormOf(int value, int64_t* columns) const;
  bool TryAdd(int work, bool shared);
  bool NeededOutside(int value) const;
  std::vector<int> InOrder() const;      // indices of members_, makers before readers
  int MemberThatMakes(int value) const;  // -1: none
  int64_t BytesOf(int value) const;

  const PlanEditor& plan_;
  TensorShape shape_;
  int64_t columns_ = 0;  // 0: no input repeats along rows or columns
  bool ok_ = true;
  bool invariant_ = false;
  int reader_ = PlanEditor::kNone;
  std::vector<Member> members_;          // the last work first
  absl::flat_hash_map<int, int> index_;  // of a work in members_
  std::vector<int> outside_;             // values that members read and none of them makes
  int written_ = 0;                      // members whose values are needed outside, at most
};

}  // namespace sluice::ops

#endif  // SLUICE_OPS_REWRITES_TILE_GROUP_H_
