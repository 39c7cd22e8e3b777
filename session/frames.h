// Which loop each node of a run belongs to: TensorFlow 1's frames (rules CF-2 and CF-3).
//
// A frame is named by the frame of what enters it and the attr frame_name of the Enters. The root
// frame is number 0. Enter and Exit are work of the loop: an Enter's output and an Exit's input are
// in the frame that both belong to, the other side is in the frame around it.
#ifndef SLUICE_SESSION_FRAMES_H_
#define SLUICE_SESSION_FRAMES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/node.h"
#include "session/prune.h"

namespace sluice {

struct Frame {
  std::string name;
  int parent = -1;
};

struct Frames {
  std::vector<Frame> frames;  // outer before inner
  std::vector<int> of;        // by node: the frame whose work it is
};

// Calls f(producer) for every edge into `node` that is followed, but not for the edges from
// NextIteration to Merge, whose value belongs to the iteration before.
template <typename F>
void ForEachEarlier(const LiveEdges& edges, const Node& node, F f) {
  const bool merge = node.spec().flow() == ControlFlow::kMerge;
  edges.ForEachProducer(node, [&](const Node* producer) {
    if (merge && producer->spec().flow() == ControlFlow::kNextIteration) return;
    f(producer);
  });
}

// `nodes` stand in an order where every edge of ForEachEarlier() points forward. InvalidArgument,
// naming the node, for inputs from different frames, an Exit or NextIteration outside of any loop,
// and loops nested more than 64 deep.
absl::StatusOr<Frames> FindFrames(const std::vector<const Node*>& nodes, const LiveEdges& edges);

}  // namespace sluice

#endif  // SLUICE_SESSION_FRAMES_H_
