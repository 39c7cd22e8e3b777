// Convolution of volumes and planes and its two derivatives on raw memory, plain and depthwise.
//
//   y[n, i, j, o] = sum over u, v, c of  x[n, i*s - before + u*d, j*s - before + v*d, c] * w[u, v,
//   c, o]
//
// (a cross-correlation, x being 0 outside the image; stride s, dilation d and padding per axis; a
// volume has a third axis before these two). Depthwise: channel c has filters of its own,
// y[.., c*M + m] = sum over u, v of x[.., c] * w[u, v, c, m].
#ifndef SLUICE_OPS_KERNELS_CONV_H_
#define SLUICE_OPS_KERNELS_CONV_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/memory.h"
#include "ops/kernels/epilogue.h"

namespace sluice::kernels {

// Triples are depth, height, width; a plane is a volume of depth 1. Every size > 0; the output
// sizes belong to the rest (ops/window.h). Images are [batch, depth, height, width, channels], or
// [batch, channels, depth, height, width] when channels_first. Filters are [kernel depth, height,
// width, in_channels, out_channels], depthwise (planes only): [.., in_channels, out_channels /
// in_channels].
struct ConvShape {
  int64_t batch = 0, in_channels = 0, out_channels = 0;
  int64_t input[3] = {1, 1, 1}, kernel[3] = {1, 1, 1}, output[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
  int64_t before[3] = {0, 0, 0}, after[3] = {0, 0, 0};  // padding
  bool channels_first = false;
  bool depthwise = false;

  int64_t multiplier() const { return depthwise ? out_channels / in_channels : out_channels; }
  int64_t input_pixels() const { return input[0] * input[1] * input[2]; }
  int64_t output_pixels() const { return output[0] * output[1] * output[2]; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t filter_elements() const { return taps() * in_channels * multiplier(); }
};

enum class ConvPass {
  kForward,         // output from input and filter
  kBackwardInput,   // input's gradient from filter and output's gradient
  kBackwardFilter,  // filter's gradient from input and output's gradient
};

// What a pass reads and writes.
struct ConvTensors {
  // Two are read; the third, which the pass computes, is overwritten.
  void* input = nullptr;
  void* filter = nullptr;
  void* output = nullptr;
  void* scratch = nullptr;  // scratch_bytes(), 64-byte aligned; not kept between runs
  // Of the epilogue: [out_channels]; of the output's shape, and it may be the output itself.
  const void* bias = nullptr;
  const void* residual = nullptr;
  // Two runs with the same number that is not 0 have the same filter (Tensor::version()).
  uint64_t filter_version = 0;
};

// One pass over one shape, prepared. Not thread-safe: one runner at a time.
class Conv {
 public:
  virtual ~Conv() = default;
  virtual int64_t scratch_bytes() const = 0;
  virtual absl::Status Run(const ConvTensors& t) = 0;
};

struct ConvOptions {
  int threads = 1;
  // The filter's elements when they are the same in every run: packed once, here. (Not for
  // kBackwardFilter.)
  const void* constant_filter = nullptr;
  // The filter changes seldom: a packed copy is kept, and made anew when ConvTensors::
  // filter_version says so. (Not for kBackwardFilter.)
  bool stable_filter = false;
  // Of kForward. Inside oneDNN's kernels kRelu and kRelu6 make 0 of NaN: a pass of its own, as
  // after products, would cost a tenth of a pointwise convolution.
  Epilogue epilogue = {};
  // No algorithm that rounds otherwise than the sum of products does (Winograd).
  bool exact = false;
  std::shared_ptr<MemoryBudget> budget = MemoryBudget::Process();
};

// The fastest that serves `dtype` and `shape`: for float oneDNN, for double, what oneDNN declines
// and depthwise shapes that it is slow at the kernels below. Unimplemented for other dtypes.
absl::StatusOr<std::unique_ptr<Conv>> MakeConv(DType dtype, ConvPass pass, const ConvShape& shape,
                                               const ConvOptions& options);

// float through oneDNN: plain activations, filter in oneDNN's own layout (reordered in every Run
// unless it is kept). Unimplemented where oneDNN has nothing for the shape.
//
// `winograd`: 3x3 windows with a quarter to half of the products (Lavin and Gray 2015, tiles of 2x2
// or 4x4); sums are off by up to 1e-5 of the largest addend. Activations are reordered to oneDNN's
// layout and back.
absl::StatusOr<std::unique_ptr<Conv>> MakeDnnlConv(ConvPass pass, const ConvShape& shape,
                                                   const ConvOptions& options,
                                                   bool winograd = false);
// oneDNN's pays, and options.exact does not forbid it.
bool DnnlWinogradWins(ConvPass pass, const ConvShape& shape, const ConvOptions& options);
// The same of our own, channels last, not for kBackwardFilter: the filter is transformed in every
// run unless it is kept. `tile`: 2 or 4 (fewer products, a filter of 4 times the size; 1.8 times
// for 2). Unimplemented for other windows, or channels that are no multiples of 16.
absl::StatusOr<std::unique_ptr<Conv>> MakeWinogradConv(ConvPass pass, const ConvShape& shape,
                                                       const ConvOptions& options, int tile);
// The tile for which that pays; 0: none, or options.exact forbids it.
int WinogradTile(ConvPass pass, const ConvShape& shape, const ConvOptions& options);
// Patches of the image as rows of a matrix, times the filter (im2col). Not depthwise. One thread.
// float and double.
template <typename T>
std::unique_ptr<Conv> MakeGemmConv(ConvPass pass, const ConvShape& shape,
                                   const ConvOptions& options = {});
// Direct loops for depthwise shapes, in vector registers. Results do not depend on the number of
// threads. float and double.
template <typename T>
std::unique_ptr<Conv> MakeDepthwiseConv(ConvPass pass, const ConvShape& shape,
                                        const ConvOptions& options = {});

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_CONV_H_
