#include <algorithm>
#include <type_traits>

#include "Eigen/Core"
#include "ops/kernels/conv.h"

namespace sluice::kernels {
namespace {

template <typename T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Row p of the patch matrix holds what the filter sees at output pixel p of one image: [kernel
// depth, height, width, channels], zeros outside the image.
template <typename T>
class GemmConv : public Conv {
 public:
  GemmConv(ConvPass pass, const ConvShape& shape, const ConvOptions& options)
      : pass_(pass), s_(shape), epilogue_(options.epilogue) {
    constexpr int64_t kPatchBytes = 1 << 20;
    columns_ = s_.taps() * s_.in_channels;
    pixels_ = s_.output_pixels();
    const int64_t row_bytes = columns_ * static_cast<int64_t>(sizeof(T));
    rows_ = std::clamp<int64_t>(kPatchBytes / row_bytes, 1, pixels_);
    pixel_stride_ = s_.channels_first ? 1 : s_.in_channels;
    channel_stride_ = s_.channels_first ? s_.input_pixels() : 1;
  }

  int64_t scratch_bytes() const override {
    const int64_t sums = !epilogue_.empty() ? s_.out_channels : 0;  // of the rows at hand
    return rows_ * (columns_ + sums) * static_cast<int64_t>(sizeof(T));
  }

  absl::Status Run(const ConvTensors& t) override {
    T* x = static_cast<T*>(t.input);
    T* w = static_cast<T*>(t.filter);
    const int64_t image = s_.input_pixels() * s_.in_channels;
    if (pass_ == ConvPass::kBackwardInput) std::fill_n(x, s_.batch * image, T(0));
    if (pass_ == ConvPass::kBackwardFilter) std::fill_n(w, s_.filter_elements(), T(0));
    for (int64_t n = 0; n < s_.batch; ++n) {
      const int64_t image_y = n * pixels_ * s_.out_channels;
      T* y = static_cast<T*>(t.output) + image_y;
      const T* residual = static_cast<const T*>(t.residual);
      if (residual != nullptr) residual += image_y;
      for (int64_t first = 0; first < pixels_; first += rows_) {
        const int64_t rows = std::min(rows_, pixels_ - first);
        T* const patches = static_cast<T*>(t.scratch);
        if (!epilogue_.empty()) {
          CopyPatches(x + n * image, first, rows, patches);
          FinishRows(w, static_cast<const T*>(t.bias), residual, y, first, rows, patches);
        } else {
          RunRows(x + n * image, w, y, first, rows, patches);
        }
      }
    }
    return absl::OkStatus();
  }

 private:
  // Output pixels [first, first + rows) of one image, as a matrix [pixels, channels], which is
  // stored by columns when channels come first.
  template <typename U, typename F>
  void WithOutput(U* y, int64_t first, int64_t rows, F f) const {
    constexpr int kRowMajor = Eigen::RowMajor, kColMajor = Eigen::ColMajor, kAny = Eigen::Dynamic;
    using Stride = Eigen::OuterStride<>;
    if (s_.channels_first) {
      using M = Eigen::Matrix<T, kAny, kAny, kColMajor>;
      using Const = std::conditional_t<std::is_const_v<U>, const M, M>;
      f(Eigen::Map<Const, 0, Stride>(y + first, rows, s_.out_channels, Stride(pixels_)));
    } else {
      using M = Eigen::Matrix<T, kAny, kAny, kRowMajor>;
      using Const = std::conditional_t<std::is_const_v<U>, const M, M>;
      f(Eigen::Map<Const>(y + first * s_.out_channels, rows, s_.out_channels));
    }
  }

  // The forward pass from the patches of these pixels on, with the epilogue.
  void FinishRows(T* w, const T* bias, const T* residual, T* y, int64_t first, int64_t rows,
                  T* scratch) const {
    Eigen::Map<Matrix<T>> patches(scratch, rows, columns_);
    Eigen::Map<Matrix<T>> filter(w, columns_, s_.out_channels);
    Eigen::Map<Matrix<T>> sums(scratch + rows_ * columns_, rows, s_.out_channels);
    sums.noalias() = patches * filter;
    if (epilogue_.bias) {
      sums.rowwise() += Eigen::Map<const Eigen::Matrix<T, 1, Eigen::Dynamic>>(bias, sums.cols());
    }
    if (epilogue_.residual) WithOutput(residual, first, rows, [&](auto r) { sums += r; });
    const Epilogue function{.function = epilogue_.function, .alpha = epilogue_.alpha};
    Finish<T>(function, {.c = sums.data(), .rows = 1, .columns = sums.size()});
    WithOutput(y, first, rows, [&](auto out) { out = sums; });
  }

  void RunRows(T* x, T* w, T* y, int64_t first, int64_t rows, T* scratch) const {
    Eigen::Map<Matrix<T>> patches(scratch, rows, columns_);
    Eigen::Map<Matrix<T>> filter(w, columns_, s_.out_channels);
    if (pass_ != ConvPass::kBackwardInput) CopyPatches(x, first, rows, scratch);
    WithOutput(y, first, rows, [&](auto out) {
      if (pass_ == ConvPass::kForward) out.noalias() = patches * filter;
      if (pass_ == ConvPass::kBackwardFilter) filter.noalias() += patches.transpose() * out;
      if (pass_ == ConvPass::kBackwardInput) patches.noalias() = out * filter.transpose();
    });
    if (pass_ == ConvPass::kBackwardInput) AddPatches(x, first, rows, scratch);
  }

  // f(pixel, patch): an input pixel's offset (-1 outside) and its place in the patch matrix, for
  // all taps of rows [first, first + rows).
  template <typename F>
  void ForEachTap(int64_t first, int64_t rows, T* patch, F f) const {
    const int64_t width = s_.output[2], height = s_.output[1];
    for (int64_t p = first; p < first + rows; ++p) {
      const int64_t at[3] = {p / (width * height), p / width % height, p % width};
      int64_t origin[3];
      for (int i = 0; i < 3; ++i) origin[i] = at[i] * s_.stride[i] - s_.before[i];
      for (int64_t u = 0; u < s_.kernel[0]; ++u) {
        const int64_t iz = origin[0] + u * s_.dilation[0];
        for (int64_t v = 0; v < s_.kernel[1]; ++v) {
          const int64_t iy = origin[1] + v * s_.dilation[1];
          const bool row_inside = iz >= 0 && iz < s_.input[0] && iy >= 0 && iy < s_.input[1];
          const int64_t row = (iz * s_.input[1] + iy) * s_.input[2];
          for (int64_t w = 0; w < s_.kernel[2]; ++w, patch += s_.in_channels) {
            const int64_t ix = origin[2] + w * s_.dilation[2];
            const bool inside = row_inside && ix >= 0 && ix < s_.input[2];
            f(inside ? (row + ix) * pixel_stride_ : -1, patch);
          }
        }
      }
    }
  }

  void CopyPatches(const T* x, int64_t first, int64_t rows, T* scratch) const {
    ForEachTap(first, rows, scratch, [&](int64_t pixel, T* patch) {
      for (int64_t c = 0; c < s_.in_channels; ++c) {
        patch[c] = pixel < 0 ? T(0) : x[pixel + c * channel_stride_];
      }
    });
  }

  void AddPatches(T* x, int64_t first, int64_t rows, T* scratch) const {
    ForEachTap(first, rows, scratch, [&](int64_t pixel, T* patch) {
      if (pixel < 0) return;
      for (int64_t c = 0; c < s_.in_channels; ++c) x[pixel + c * channel_stride_] += patch[c];
    });
  }

  const ConvPass pass_;
  const ConvShape s_;
  const Epilogue epilogue_;
  int64_t columns_, pixels_, rows_;  // of the patch matrix; rows_ of pixels_ at a time
  int64_t pixel_stride_, channel_stride_;
};

}  // namespace

template <typename T>
std::unique_ptr<Conv> MakeGemmConv(ConvPass pass, const ConvShape& shape,
                                   const ConvOptions& options) {
  return std::make_unique<GemmConv<T>>(pass, shape, options);
}
template std::unique_ptr<Conv> MakeGemmConv<float>(ConvPass, const ConvShape&, const ConvOptions&);
template std::unique_ptr<Conv> MakeGemmConv<double>(ConvPass, const ConvShape&, const ConvOptions&);

}  // namespace sluice::kernels
