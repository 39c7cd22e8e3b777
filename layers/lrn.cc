#include "layers/lrn.h"

#include "core/status.h"
#include "ops/lrn.h"

namespace sluice::layers {

void LocalResponseNormalizationOptions::Fields(ConfigFields& f) {
  f("depth_radius", depth_radius);
  f("bias", bias);
  f("alpha", alpha);
  f("beta", beta);
  f("name", name);
}

LocalResponseNormalizationLayer::LocalResponseNormalizationLayer(
    LocalResponseNormalizationOptions options, LayerKind kind)
    : LayerOf(kind, "LocalResponseNormalization", std::move(options)) {
  input_spec_ = {{.ndim = 4}};
}

absl::Status LocalResponseNormalizationLayer::Build(At, const TensorShape&) {
  if (options_.depth_radius >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("depth_radius must be >= 0, got ", options_.depth_radius));
}

Output LocalResponseNormalizationLayer::Call(At at, const Output& input, const CallOptions&) {
  const LocalResponseNormalizationOptions& o = options_;
  return ops::LRN(at, input,
                  {.depth_radius = o.depth_radius,
                   .bias = static_cast<float>(o.bias),
                   .alpha = static_cast<float>(o.alpha),
                   .beta = static_cast<float>(o.beta)});
}

Output LocalResponseNormalization(At at, Output inputs, LocalResponseNormalizationOptions options) {
  return ApplyOnce<LocalResponseNormalizationLayer>(at, inputs, std::move(options));
}

}  // namespace sluice::layers
