// What nodes of a frozen graph do to channels: the contractions that make them and the steps that
// multiply each by a number and add another.
#ifndef SLUICE_TRAIN_TRANSFORMS_CHANNELS_H_
#define SLUICE_TRAIN_TRANSFORMS_CHANNELS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "core/tensor.h"
#include "train/transforms_def.h"

namespace sluice::train {

// Where the channels of a tensor are.
struct Layout {
  int rank = 0;
  bool channels_first = false;  // dimension 1, else the last
};

// A product with constant weights, whose output channels are dimensions of the weights.
struct Contraction {
  int node = DefEditor::kNone;
  int weights = 0;        // which input
  std::vector<int> axes;  // of the weights; two for a depthwise convolution
  int64_t channels = 0;
  Layout layout;  // of the output
};
// nullopt for other nodes, for weights that are no constants, and for dtypes other than float and
// double.
std::optional<Contraction> ContractionAt(const DefEditor& def, int node);

// y = x * multiplier + addend, by channel.
struct ChannelStep {
  std::vector<double> multiplier, addend;
  bool multiplies = false;  // for certain more than an addition
  // What this and then `next` do.
  void Then(const ChannelStep& next);
};
// What `node` does to its data input `input`. nullopt when it is no such step.
std::optional<ChannelStep> ChannelStepAt(const DefEditor& def, int node, int input,
                                         int64_t channels, const Layout& layout);
// Does `node` leave channels what they are and only move the other dimensions? Then `layout`
// becomes that of its output.
bool PassesChannels(const DefEditor& def, int node, int input, Layout* layout);

// `weights` with each output channel, counted along `axes`, multiplied by its number, in double.
absl::StatusOr<Tensor> Scaled(const Tensor& weights, const std::vector<int>& axes,
                              const std::vector<double>& by);
// A vector. REQUIRES: float or double.
Tensor ChannelNumbers(DType dtype, const std::vector<double>& numbers);

}  // namespace sluice::train

#endif  // SLUICE_TRAIN_TRANSFORMS_CHANNELS_H_
