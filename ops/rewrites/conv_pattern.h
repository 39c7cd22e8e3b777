// What the rewrites around convolutions share: recognising one, fused already or not.
#ifndef SLUICE_OPS_REWRITES_CONV_PATTERN_H_
#define SLUICE_OPS_REWRITES_CONV_PATTERN_H_

#include <optional>
#include <string>
#include <vector>

#include "core/attr_value.h"
#include "graph/rewrite.h"

namespace sluice::ops {

// A Conv2D, DepthwiseConv2dNative or one of their fused forms (ops/fused_conv2d.h) of float or
// double.
struct ConvPattern {
  int work = PlanEditor::kNone;
  bool depthwise = false;
  AttrMap attrs;                       // of the fused form
  std::vector<std::string> fused_ops;  // what follows the convolution already
  std::vector<int> inputs;             // of the fused form: input, filter, args

  bool channels_first() const;
  bool has_bias() const { return !fused_ops.empty() && fused_ops[0] == "BiasAdd"; }
  bool only_bias() const { return fused_ops.size() == 1 && has_bias(); }
  bool plain() const { return fused_ops.empty(); }
};

// The pattern at `work`; nullopt for other works, kNone among them, and images without elements.
std::optional<ConvPattern> ConvAt(const PlanEditor& plan, int work);
// The pattern that makes `value` when nobody else reads it.
std::optional<ConvPattern> ConvBefore(const PlanEditor& plan, int value);

// The fused form of `conv` as a work that makes `output`.
PlanEditor::Work FusedWork(const ConvPattern& conv, int output);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_REWRITES_CONV_PATTERN_H_
