#include "ops/kernels/conv.h"

#include "core/status.h"

namespace sluice::kernels {
namespace {

template <typename T>
std::unique_ptr<Conv> MakePlainConv(ConvPass pass, const ConvShape& shape,
                                    const ConvOptions& options) {
  return shape.depthwise ? MakeDepthwiseConv<T>(pass, shape, options)
                         : MakeGemmConv<T>(pass, shape, options);
}

// oneDNN is best at small windows over channels that have one filter each, where the images need
// no reordering; its gradients know no dilation. The loops of conv_depthwise.cc beat it elsewhere.
bool DnnlServes(ConvPass pass, const ConvShape& s) {
  if (!s.depthwise) return true;
  const bool dilated = s.dilation[1] > 1 || s.dilation[2] > 1;
  return s.multiplier() == 1 && !s.channels_first && s.kernel[1] <= 3 && s.kernel[2] <= 3 &&
         !(dilated && pass != ConvPass::kForward);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Conv>> MakeConv(DType dtype, ConvPass pass, const ConvShape& shape,
                                               const ConvOptions& options) {
  if (dtype == DType::kFloat && DnnlServes(pass, shape)) {
    absl::StatusOr<std::unique_ptr<Conv>> conv = MakeDnnlConv(pass, shape, options);
    if (conv.ok() || !absl::IsUnimplemented(conv.status())) return conv;
  }
  std::unique_ptr<Conv> conv;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(dtype, [&](auto tag) {
    conv = MakePlainConv<typename decltype(tag)::type>(pass, shape, options);
    return absl::OkStatus();
  })));
  return conv;
}

}  // namespace sluice::kernels
