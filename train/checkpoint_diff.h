// What differs between two listings of tensors: a graph and a checkpoint, two checkpoints. Pure
// data: names, dtypes and shapes, whatever file or graph they come from.
#ifndef SLUICE_TRAIN_CHECKPOINT_DIFF_H_
#define SLUICE_TRAIN_CHECKPOINT_DIFF_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/tensor_shape.h"

namespace sluice::train {

// What a listing says of one tensor.
struct TensorFact {
  std::string name;  // with '/' between scopes: "net/conv1/kernel"
  DType dtype = DType::kInvalid;
  TensorShape shape;  // dimensions may be unknown

  std::string Describe() const;  // "float32[3,3]"
  friend bool operator==(const TensorFact&, const TensorFact&) = default;
};

// A guess at what was renamed: with it, `count` tensors that are missing would be found, with the
// right dtype and shape. Scopes: every name below "model/" of the checkpoint is one below "net/" of
// the graph; either may be "", the root. Leaves: every ".../weights" is ".../kernel".
struct RenameGuess {
  enum Kind { kScope, kLeaf };
  Kind kind = kScope;
  std::string from, to;  // as the checkpoint has it, as the graph wants it
  int64_t count = 0;

  std::string ToString() const;  // "'model/' -> 'net/'"
  friend bool operator==(const RenameGuess&, const RenameGuess&) = default;
};

// All lists are sorted by name.
struct CheckpointDiff {
  struct Pair {
    TensorFact wanted, held;
  };
  std::vector<TensorFact> same;
  std::vector<TensorFact> missing;   // wanted, not held
  std::vector<TensorFact> extra;     // held, not wanted
  std::vector<Pair> mismatched;      // of one name, but another dtype or shape
  std::vector<RenameGuess> guesses;  // the one that explains most first

  bool fits() const { return missing.empty() && mismatched.empty(); }
  bool equal() const { return fits() && extra.empty(); }
};

// Compares `wanted` (a graph's variables) with `held` (a checkpoint's tensors). A tensor fits when
// the dtypes are equal and one shape could be the other (TensorShape::CompatibleWith). Of tensors
// with one name in one list the first counts. Guesses, of at least two tensors each, are made for
// what is missing on the one side and extra on the other.
CheckpointDiff DiffTensors(std::vector<TensorFact> wanted, std::vector<TensorFact> held);

// What the two sides are called, and how much is written.
struct DiffTextOptions {
  std::string wanted = "the graph";
  std::string held = "the checkpoint";
  int groups = 12;    // at most so many scopes per list: deep ones are taken together
  int names = 6;      // of one scope that are written out
  int nearest = 5;    // missing names, of those that no guess explains, with their nearest names
  bool extra = true;  // write what is extra
};
// For people, in lines that end in '\n'; "" when both are equal:
//
//   missing in the checkpoint: 3 of 10
//     net/conv1/ (2): bias float32[8], kernel float32[3,3,1,8]
//     net/ (1): step int64[]
//   of another dtype or shape: 1
//     net/fc/kernel: the graph has float32[10,3], the checkpoint float32[10,4]
//   only in the checkpoint: 2
//     model/conv1/ (2): bias float32[8], kernel float32[3,3,1,8]
//   perhaps renamed: 'model/' -> 'net/' would find 2 of the 3 missing
//   net/step: the nearest names are 'net/steps'
std::string ToText(const CheckpointDiff& diff, const DiffTextOptions& options = {});

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_CHECKPOINT_DIFF_H_
