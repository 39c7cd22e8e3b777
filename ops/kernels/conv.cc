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

// Times of oneDNN's direct algorithm over Winograd's on one Zen 4 core (oneDNN 2.6.3; two cores are
// alike); 3x3 filters of c x c channels, images of ResNets. Winograd of oneDNN's, forward /
// gradient of the input / of the filter, its reorders of images included; our own
// (conv_winograd.cc), tiles of 4x4, forward, filter transformed in every run / kept. Tiles are 4x4
// pixels of all images.
//
//                    batch 1                       batch 8                      batch 16
//   c (pixels)  tiles  oneDNN      own      tiles  oneDNN       own      tiles  oneDNN    own
//   64 (56x56)   196 2.3/1.9/2.1 2.8/3.0     1568 1.8/1.9/1.6 2.6/2.6    3136 1.7/1.9   2.2/2.4
//   128 (28x28)   49 2.0/2.1/2.3 2.8/3.3      392 2.0/2.1/1.6 2.9/2.9     784 2.1/2.5   2.8/2.9
//   256 (14x14)   16 0.9/0.9/0.9 1.4/2.1      128 1.8/1.6/1.9 2.0/2.3     256 1.9/2.3   1.9/2.2
//   512 (7x7)      4 0.5/0.4/0.4 0.4/0.9       32 1.1/0.9/1.2 0.9/1.6      64 1.5/1.6   1.2/1.4
bool DnnlWinogradWins(ConvPass /*pass*/, const ConvShape& s, const ConvOptions& options) {
  if (options.exact || s.depthwise) return false;
  for (int i = 0; i < 3; ++i) {
    if (s.stride[i] != 1 || s.dilation[i] != 1 || s.kernel[i] != (i == 0 ? 1 : 3)) return false;
    if (s.before[i] > 1 || s.after[i] > 1) return false;
  }
  if (s.input[0] != 1 || s.in_channels < 64 || s.out_channels < 64 || s.in_channels % 16 != 0 ||
      s.out_channels % 16 != 0) {
    return false;
  }
  const int64_t tiles = s.batch * ((s.output[1] + 3) / 4) * ((s.output[2] + 3) / 4);
  return tiles >= 48;
}

absl::StatusOr<std::unique_ptr<Conv>> MakeConv(DType dtype, ConvPass pass, const ConvShape& shape,
                                               const ConvOptions& options) {
  if (dtype == DType::kFloat) {
    if (const int tile = WinogradTile(pass, shape, options)) {
      return MakeWinogradConv(pass, shape, options, tile);
    }
  }
  if (dtype == DType::kFloat && DnnlWinogradWins(pass, shape, options)) {
    absl::StatusOr<std::unique_ptr<Conv>> conv = MakeDnnlConv(pass, shape, options, true);
    if (conv.ok() || !absl::IsUnimplemented(conv.status())) return conv;
  }
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
