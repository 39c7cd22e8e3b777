// A graph folded by scope: which boxes its picture has.
#ifndef SLUICE_TOOLS_SLUICE_DOT_TREE_H_
#define SLUICE_TOOLS_SLUICE_DOT_TREE_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "tools/sluice/dot_roles.h"

namespace sluice::tools {

// A part of the picture: ops in one box (an op with those that only follow it, such as the bias and
// the activation of a convolution), a scope, or a run of consecutive parts of a scope that has too
// many to show.
struct DotPart {
  enum Kind { kOps, kScope, kRun };
  Kind kind = kOps;
  std::string name;   // "net/conv1": of the scope, of the first op
  std::string label;  // relative to the part around it
  int parent = -1;
  int depth = 0;                   // of the root 0
  bool open = false;               // shown as a frame around its children; kOps never
  std::vector<int> children;       // in the order of the nodes; none of kOps
  std::vector<const Node*> nodes;  // all in it, in order
};

struct DotFolding {
  int depth = -1;                   // scopes open down to that depth; -1: as many as stay readable
  std::vector<std::string> expand;  // names of scopes that are open, and those around them
};

// Boxes that a picture has at most when nobody asks for more.
inline constexpr int kMostBoxes = 60;

class DotTree {
 public:
  DotTree(const Graph& graph, const DotRoles& roles);
  // Opens parts. NotFound for a scope that is not there.
  absl::Status Fold(const DotFolding& folding);

  const std::vector<DotPart>& parts() const { return parts_; }
  // The roots: first of the model, then of each group that is set aside, by name. They are no boxes
  // themselves, but groups that are not open.
  const std::vector<int>& roots() const { return roots_; }
  // Boxes in sight below a part, or itself.
  std::vector<int> Boxes(int part) const;

 private:
  int AddPart(DotPart part);
  using Scopes = std::map<std::pair<int, std::string>, int>;  // by the part around and label
  void Insert(const Node& node, int root, Scopes* scopes);
  void Simplify(int part);
  void FoldFollowers(int part);
  void CutIntoRuns(int part);
  void SetDepths(int part, int depth);
  bool Follows(const Node& node, const Node& before) const;
  void OpenByDepth(int part, int depth);
  bool HasWeights(int part) const;
  void OpenWhatIsReadable(size_t most_boxes, bool layers_only);
  void CollectBoxes(int part, std::vector<int>* boxes) const;

  const DotRoles& roles_;
  std::vector<int> readers_;  // by node: how many nodes of its group read it
  std::vector<DotPart> parts_;
  std::vector<int> roots_;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SLUICE_DOT_TREE_H_
