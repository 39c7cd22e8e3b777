#include "ops/rewrites/conv_pattern.h"

#include <cstdint>

#include "graph/node.h"
#include "ops/conv_common.h"
#include "ops/fused_conv2d.h"

namespace sluice::ops {

bool ConvPattern::channels_first() const {
  return GetAttr<std::string>(attrs, "data_format") == "NCHW";
}

std::optional<ConvPattern> ConvAt(const PlanEditor& plan, int work) {
  ConvPattern conv{.work = work};
  conv.depthwise = plan.Is(work, "DepthwiseConv2dNative") || plan.Is(work, kFusedDepthwise);
  const bool fused = plan.Is(work, kFusedConv2D) || plan.Is(work, kFusedDepthwise);
  if (!fused && !conv.depthwise && !plan.Is(work, "Conv2D")) return std::nullopt;
  const Node& node = plan.node(work);
  const DType dtype = node.output_dtype(0);
  if (dtype != DType::kFloat && dtype != DType::kDouble) return std::nullopt;
  for (const int v : plan.inputs(work)) {
    if (plan.shape(v).num_elements() == 0) return std::nullopt;
    conv.inputs.push_back(v);
  }
  conv.attrs = ConvAttrs(node);
  if (fused) {
    conv.fused_ops = node.attr<std::vector<std::string>>("fused_ops");
    conv.attrs["leakyrelu_alpha"] = node.attr<float>("leakyrelu_alpha");
  }
  // TensorFlow's groups, which no kernel computes, stay as they are.
  const TensorShape &input = plan.shape(conv.inputs[0]), &filter = plan.shape(conv.inputs[1]);
  if (input.dim(conv.channels_first() ? 1 : 3) != filter.dim(2)) return std::nullopt;
  return conv;
}

std::optional<ConvPattern> ConvBefore(const PlanEditor& plan, int value) {
  if (!plan.ReadOnce(value)) return std::nullopt;
  return ConvAt(plan, plan.producer(value));
}

PlanEditor::Work FusedWork(const ConvPattern& conv, int output) {
  PlanEditor::Work work{.op = conv.depthwise ? kFusedDepthwise : kFusedConv2D,
                        .attrs = conv.attrs,
                        .inputs = conv.inputs,
                        .outputs = {output}};
  work.attrs["fused_ops"] = conv.fused_ops;
  work.attrs["num_args"] = static_cast<int64_t>(conv.inputs.size()) - 2;
  return work;
}

}  // namespace sluice::ops
