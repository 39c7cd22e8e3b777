#include <algorithm>

#include "core/threads.h"
#include "ops/kernels/conv.h"

namespace sluice::kernels {
namespace {

// How one image tensor is walked.
struct Strides {
  int64_t image, row, pixel, channel;
};

Strides StridesOf(const int64_t size[3], int64_t channels, bool channels_first) {
  const int64_t pixels = size[1] * size[2];
  if (channels_first) return {pixels * channels, size[2], 1, pixels};
  return {pixels * channels, size[2] * channels, channels, 1};
}

// Every thread owns whole rows of what it writes (whole taps of the filter), so results do not
// depend on their number.
template <typename T>
class DepthwiseConv : public Conv {
 public:
  DepthwiseConv(ConvPass pass, const ConvShape& shape)
      : pass_(pass),
        s_(shape),
        m_(shape.multiplier()),
        x_(StridesOf(shape.input, shape.in_channels, shape.channels_first)),
        y_(StridesOf(shape.output, shape.out_channels, shape.channels_first)) {}

  int64_t scratch_bytes() const override { return 0; }

  absl::Status Run(void* input, void* filter, void* output, void*) override {
    T* x = static_cast<T*>(input);
    T* w = static_cast<T*>(filter);
    T* y = static_cast<T*>(output);
    const int64_t taps = s_.taps();
    const double row_cost = 0.5 * static_cast<double>(s_.output[2] * s_.out_channels * taps);
    switch (pass_) {
      case ConvPass::kForward:
        ParallelFor(s_.batch * s_.output[1], GrainFor(row_cost), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) OutputRow(x, w, y, i);
        });
        break;
      case ConvPass::kBackwardInput:
        ParallelFor(s_.batch * s_.input[1], GrainFor(row_cost), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) InputRow(x, w, y, i);
        });
        break;
      case ConvPass::kBackwardFilter:
        ParallelFor(taps, 1, [&](int64_t begin, int64_t end) {
          for (int64_t tap = begin; tap < end; ++tap) FilterTap(x, w, y, tap);
        });
        break;
    }
    return absl::OkStatus();
  }

 private:
  // f(input pixel's offset in its row, output pixel's offset in its row) for tap column v.
  template <typename F>
  void ForEachPixel(int64_t v, F f) const {
    for (int64_t ox = 0; ox < s_.output[2]; ++ox) {
      const int64_t ix = ox * s_.stride[2] - s_.before[2] + v * s_.dilation[2];
      if (ix >= 0 && ix < s_.input[2]) f(ix * x_.pixel, ox * y_.pixel);
    }
  }

  // f(c, o): input channel's and output channel's offsets and the filter's position for all
  // channels of a pixel.
  template <typename F>
  void ForEachChannel(F f) const {
    if (m_ == 1 && x_.channel == 1) {
      for (int64_t c = 0; c < s_.in_channels; ++c) f(c, c, c);
      return;
    }
    for (int64_t c = 0, o = 0; c < s_.in_channels; ++c) {
      for (int64_t m = 0; m < m_; ++m, ++o) f(c * x_.channel, o * y_.channel, o);
    }
  }

  int64_t InputRowOf(int64_t oy, int64_t u) const {  // -1 outside
    const int64_t iy = oy * s_.stride[1] - s_.before[1] + u * s_.dilation[1];
    return iy >= 0 && iy < s_.input[1] ? iy : -1;
  }

  void Clear(T* image, const Strides& strides, int64_t width, int64_t channels) const {
    for (int64_t j = 0; j < width; ++j) {
      for (int64_t c = 0; c < channels; ++c) image[j * strides.pixel + c * strides.channel] = T(0);
    }
  }

  void OutputRow(const T* input, const T* filter, T* output, int64_t i) const {
    const int64_t n = i / s_.output[1], oy = i % s_.output[1];
    T* const y = output + n * y_.image + oy * y_.row;
    Clear(y, y_, s_.output[2], s_.out_channels);
    for (int64_t u = 0; u < s_.kernel[1]; ++u) {
      const int64_t iy = InputRowOf(oy, u);
      if (iy < 0) continue;
      const T* const x = input + n * x_.image + iy * x_.row;
      for (int64_t v = 0; v < s_.kernel[2]; ++v) {
        const T* const w = filter + (u * s_.kernel[2] + v) * s_.out_channels;
        ForEachPixel(v, [&](int64_t xp, int64_t yp) {
          const T* const xs = x + xp;
          T* const ys = y + yp;
          ForEachChannel([&](int64_t c, int64_t o, int64_t k) { ys[o] += xs[c] * w[k]; });
        });
      }
    }
  }

  void InputRow(T* input, const T* filter, const T* output, int64_t i) const {
    const int64_t n = i / s_.input[1], iy = i % s_.input[1];
    T* const x = input + n * x_.image + iy * x_.row;
    Clear(x, x_, s_.input[2], s_.in_channels);
    for (int64_t u = 0; u < s_.kernel[1]; ++u) {
      const int64_t top = iy + s_.before[1] - u * s_.dilation[1];
      if (top < 0 || top % s_.stride[1] != 0 || top / s_.stride[1] >= s_.output[1]) continue;
      const T* const y = output + n * y_.image + top / s_.stride[1] * y_.row;
      for (int64_t v = 0; v < s_.kernel[2]; ++v) {
        const T* const w = filter + (u * s_.kernel[2] + v) * s_.out_channels;
        ForEachPixel(v, [&](int64_t xp, int64_t yp) {
          T* const xs = x + xp;
          const T* const ys = y + yp;
          ForEachChannel([&](int64_t c, int64_t o, int64_t k) { xs[c] += ys[o] * w[k]; });
        });
      }
    }
  }

  void FilterTap(const T* input, T* filter, const T* output, int64_t tap) const {
    const int64_t u = tap / s_.kernel[2], v = tap % s_.kernel[2];
    T* const w = filter + tap * s_.out_channels;
    std::fill_n(w, s_.out_channels, T(0));
    for (int64_t i = 0; i < s_.batch * s_.output[1]; ++i) {
      const int64_t n = i / s_.output[1], oy = i % s_.output[1];
      const int64_t iy = InputRowOf(oy, u);
      if (iy < 0) continue;
      const T* const x = input + n * x_.image + iy * x_.row;
      const T* const y = output + n * y_.image + oy * y_.row;
      ForEachPixel(v, [&](int64_t xp, int64_t yp) {
        const T* const xs = x + xp;
        const T* const ys = y + yp;
        ForEachChannel([&](int64_t c, int64_t o, int64_t k) { w[k] += xs[c] * ys[o]; });
      });
    }
  }

  const ConvPass pass_;
  const ConvShape s_;
  const int64_t m_;
  const Strides x_, y_;
};

}  // namespace

template <typename T>
std::unique_ptr<Conv> MakeDepthwiseConv(ConvPass pass, const ConvShape& shape) {
  return std::make_unique<DepthwiseConv<T>>(pass, shape);
}
template std::unique_ptr<Conv> MakeDepthwiseConv<float>(ConvPass, const ConvShape&);
template std::unique_ptr<Conv> MakeDepthwiseConv<double>(ConvPass, const ConvShape&);

}  // namespace sluice::kernels
