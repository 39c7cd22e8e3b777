// Which output channels of a convolution or matrix product nobody would miss.
#ifndef SLUICE_TRAIN_CHANNEL_FLOW_H_
#define SLUICE_TRAIN_CHANNEL_FLOW_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "train/frozen_model.h"

namespace sluice::pruning {

// Follows the channels of one producer (Conv2D or MatMul, whose filter is a constant of its own) to
// where they end: at the input channels of other convolutions and matrix products. A channel can go
// when, at every end, either the weights on it are all zero, or it has there one and the same known
// value at every place, and what that adds can be put into the bias behind (or is 0). Known values
// come from filters that are all zero and are carried through biases, arithmetic with constants,
// activations, pooling, batch normalization and depthwise convolutions; padding with zeros (SAME)
// ends them unless they are 0. Whatever else reads a channel, the graph's outputs among them, keeps
// it. At least one channel stays.
class ChannelFlow {
 public:
  ChannelFlow(const FrozenModel& model, const Node& producer)
      : model_(model), producer_(producer) {}

  // What to cut so that all channels that can go are gone; none when no channel can.
  std::optional<Cuts> Find();

 private:
  struct Channel {
    int64_t entry;   // its place along the axis
    int64_t origin;  // the producer's channel that it comes from
    bool known;      // it is `value` everywhere
    double value = 0;
  };
  // Channels on their way through one tensor.
  struct Flow {
    Output tensor;
    int axis;      // of the channels
    int64_t size;  // channels there are now, those that stay included
    std::vector<Channel> channels;
  };

  // One attempt to remove these channels of the producer: fills cuts_ and rejected_. False when
  // none can go.
  bool Trace(const std::vector<Channel>& channels, int64_t size);
  bool Follow(Flow flow);
  // Where the flow goes on behind this reader, if it does. False: none of the channels can go.
  bool Pass(const Flow& flow, const FrozenModel::Reader& reader);
  bool PassUnary(const Flow& flow, const Node& node);
  bool PassBias(const Flow& flow, const Node& node);
  bool PassArithmetic(const Flow& flow, const FrozenModel::Reader& reader);
  bool PassBatchNorm(const Flow& flow, const Node& node);
  bool PassPool(const Flow& flow, const Node& node);
  bool PassReduction(const Flow& flow, const Node& node);
  bool PassFlatten(const Flow& flow, const Node& node);
  bool PassSqueeze(const Flow& flow, const Node& node);
  bool PassShape(const Node& node) const;
  bool PassDepthwise(const Flow& flow, const Node& node);
  bool EndInConv(const Flow& flow, const Node& node);
  bool EndInMatMul(const Flow& flow, const Node& node);

  // The channels end at the entries along `axis` of `filter`; those of `out_axis` are what `node`
  // makes of them. `constant_places`: every output place sees all of the filter.
  bool End(const Flow& flow, const Node& node, const Node* filter, int axis, int out_axis,
           bool constant_places);
  // The constant that is added to every output channel of `node`, if it has one; else null.
  const Node* BiasBehind(const Node& node, int64_t channels) const;
  void CutEntries(const Node* constant, int axis, const Flow& flow);
  // Values of the known channels through an op of one input, or of two with a constant per channel.
  std::optional<std::vector<Channel>> Evaluate(const Flow& flow, const Node& node,
                                               const std::vector<double>* other,
                                               bool other_first) const;

  const FrozenModel& model_;
  const Node& producer_;
  Cuts cuts_;
  absl::flat_hash_set<int64_t> rejected_;  // by origin
  std::vector<Flow> open_;
};

}  // namespace sluice::pruning

#endif  // SLUICE_TRAIN_CHANNEL_FLOW_H_
