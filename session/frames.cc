#include "session/frames.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/op_spec.h"

namespace sluice {
namespace {

constexpr int kDeepestLoop = 64;

class FrameFinder {
 public:
  explicit FrameFinder(const LiveEdges& edges) : edges_(edges) {
    result_.frames.push_back({"", -1});
  }

  absl::StatusOr<Frames> Run(const std::vector<const Node*>& nodes) {
    for (const Node* node : nodes) {
      const absl::Status added = Add(*node);
      if (!added.ok()) return NodeError(*node, added);
    }
    for (const Node* node : nodes) {
      const absl::Status closed = CheckBackEdge(*node);
      if (!closed.ok()) return NodeError(*node, closed);
    }
    return std::move(result_);
  }

 private:
  absl::Status Add(const Node& node) {
    int from = -1;  // the frame that the inputs are in
    absl::Status status;
    ForEachEarlier(edges_, node, [&](const Node* producer) {
      const int frame = output_frame_.at(producer);
      if (from >= 0 && frame != from && status.ok()) status = DifferentFrames(from, frame);
      from = frame;
    });
    SLUICE_RETURN_IF_ERROR(status);
    if (from < 0) from = 0;
    const ControlFlow flow = node.spec().flow();
    if (from == 0 && (flow == ControlFlow::kExit || flow == ControlFlow::kNextIteration)) {
      return absl::InvalidArgumentError("stands outside of every loop: nothing enters its frame");
    }
    int its = from;
    if (flow == ControlFlow::kEnter) {
      SLUICE_ASSIGN_OR_RETURN(its, Entered(node, from));
    }
    result_.of.push_back(its);
    output_frame_[&node] = flow == ControlFlow::kExit ? result_.frames[from].parent : its;
    return absl::OkStatus();
  }

  absl::Status DifferentFrames(int a, int b) const {
    return absl::InvalidArgumentError(
        absl::StrCat("has inputs from different frames: ", Named(a), " and ", Named(b)));
  }

  std::string Named(int frame) const {
    if (frame == 0) return "outside of loops";
    return absl::StrCat("frame '", Printable(result_.frames[frame].name), "'");
  }

  absl::StatusOr<int> Entered(const Node& node, int parent) {
    const auto name = node.attr<std::string>("frame_name");
    const auto next = static_cast<int>(result_.frames.size());
    const auto [found, added] = entered_.try_emplace({parent, name}, next);
    if (added) {
      depth_.push_back(parent == 0 ? 1 : depth_[parent - 1] + 1);
      if (depth_.back() > kDeepestLoop) {
        return absl::InvalidArgumentError(
            absl::StrCat("loops are nested more than ", kDeepestLoop, " deep"));
      }
      result_.frames.push_back({name, parent});
    }
    return found->second;
  }

  // What comes around is in the frame of the Merge.
  absl::Status CheckBackEdge(const Node& node) const {
    if (node.spec().flow() != ControlFlow::kMerge) return absl::OkStatus();
    absl::Status status;
    edges_.ForEachProducer(node, [&](const Node* producer) {
      if (producer->spec().flow() != ControlFlow::kNextIteration) return;
      const int a = output_frame_.at(&node), b = output_frame_.at(producer);
      if (a != b && status.ok()) status = DifferentFrames(a, b);
    });
    return status;
  }

  const LiveEdges& edges_;
  Frames result_;
  std::vector<int> depth_;  // by frame, without the root
  absl::flat_hash_map<const Node*, int> output_frame_;
  absl::flat_hash_map<std::pair<int, std::string>, int> entered_;  // by parent and name
};

}  // namespace

absl::StatusOr<Frames> FindFrames(const std::vector<const Node*>& nodes, const LiveEdges& edges) {
  return FrameFinder(edges).Run(nodes);
}

}  // namespace sluice
