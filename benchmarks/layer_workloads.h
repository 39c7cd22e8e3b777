// The layers that layers_benchmark.cc and its peer layers_torch.cc both run. The standard library
// only, so that the peer can include it.
#ifndef SLUICE_BENCHMARKS_LAYER_WORKLOADS_H_
#define SLUICE_BENCHMARKS_LAYER_WORKLOADS_H_

#include <string>
#include <vector>

namespace sluice::benchmarks {

enum class LayerKind { kLocal, kDepthwise, kSeparable };

// Square float images [batch, side, side, channels] and a window; all layers have a bias.
struct LayerWorkload {
  std::string name;
  LayerKind kind;
  int batch, side, channels;
  int filters;  // depthwise: as many as channels
  int stride = 1;
  int kernel = 3;

  bool same() const { return kind != LayerKind::kLocal; }  // padding: else VALID
  int out_side() const { return same() ? (side + stride - 1) / stride : side - kernel + 1; }
};

inline std::vector<LayerWorkload> LayerWorkloads() {
  constexpr LayerKind kLocal = LayerKind::kLocal, kDepthwise = LayerKind::kDepthwise,
                      kSeparable = LayerKind::kSeparable;
  return {{"local_32x32x3", kLocal, 32, 32, 3, 64},
          {"local_32x32x3_b1", kLocal, 1, 32, 3, 64},
          {"local_28x28x1", kLocal, 32, 28, 1, 32},
          {"depthwise_28x28x32", kDepthwise, 32, 28, 32, 32},
          {"depthwise_14x14x256", kDepthwise, 32, 14, 256, 256},
          {"depthwise_56x56x64", kDepthwise, 32, 56, 64, 64},
          {"depthwise_56x56x64_s2", kDepthwise, 32, 56, 64, 64, 2},
          {"depthwise_5x5_28x28x32", kDepthwise, 32, 28, 32, 32, 1, 5},
          {"separable_28x28x32", kSeparable, 32, 28, 32, 64},
          {"separable_14x14x256", kSeparable, 32, 14, 256, 256},
          {"separable_56x56x64", kSeparable, 32, 56, 64, 128},
          {"separable_56x56x64_s2", kSeparable, 32, 56, 64, 128, 2}};
}

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_LAYER_WORKLOADS_H_
