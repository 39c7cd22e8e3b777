// absorb_pad: zeros that a Pad puts around images become the explicit padding of the convolution
// that alone reads them.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/node.h"
#include "graph/rewrite.h"
#include "ops/rewrites/conv_pattern.h"

namespace sluice::ops {
namespace {

constexpr int kNone = PlanEditor::kNone;

// The 8 numbers of a Pad that adds zeros, empty when they are not known or not zeros.
std::vector<int64_t> ZerosAround(const PlanEditor& plan, int pad) {
  if (plan.shape(plan.inputs(pad)[0]).rank() != 4) return {};
  const Tensor* paddings = plan.constant(plan.inputs(pad)[1]);
  if (paddings == nullptr) return {};
  if (plan.Is(pad, "PadV2")) {
    const Tensor* value = plan.constant(plan.inputs(pad)[2]);
    if (value == nullptr || value->dtype() != DType::kFloat || value->scalar<float>() != 0) {
      return {};
    }
  }
  auto numbers = paddings->ToInt64s();
  if (!numbers.ok()) return {};
  for (const int64_t n : *numbers) {
    if (n < 0) return {};
  }
  return *std::move(numbers);
}

bool Apply(PlanEditor& plan, int work) {
  std::optional<ConvPattern> conv = ConvAt(plan, work);
  if (!conv) return false;
  const std::string padding = GetAttr<std::string>(conv->attrs, "padding");
  if (padding == "SAME") return false;
  const int padded = conv->inputs[0], pad = plan.producer(padded);
  if (!plan.Is(pad, "Pad") && !plan.Is(pad, "PadV2")) return false;
  if (!plan.ReadOnce(padded)) return false;
  std::vector<int64_t> paddings = ZerosAround(plan, pad);
  const int channels = conv->channels_first() ? 1 : 3;
  if (paddings.empty() || paddings[0] + paddings[1] != 0 ||
      paddings[2 * channels] + paddings[2 * channels + 1] != 0) {
    return false;
  }
  if (padding == "EXPLICIT") {
    const auto own = GetAttr<std::vector<int64_t>>(conv->attrs, "explicit_paddings");
    for (size_t i = 0; i < own.size(); ++i) paddings[i] += own[i];
  }
  conv->attrs["padding"] = std::string("EXPLICIT");
  conv->attrs["explicit_paddings"] = std::move(paddings);
  conv->inputs[0] = plan.inputs(pad)[0];
  if (plan.shape(conv->inputs[0]).num_elements() == 0) return false;
  return plan.Replace(work, FusedWork(*conv, plan.outputs(work)[0])) != kNone;
}

}  // namespace

Rewrite AbsorbPadRewrite() {
  return {.name = "absorb_pad",
          .description = "zeros around images as padding of the convolution",
          .ops = {"Conv2D", "DepthwiseConv2dNative"},
          .apply = Apply};
}

}  // namespace sluice::ops
