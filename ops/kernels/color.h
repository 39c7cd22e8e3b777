// Colours of images: changes of contrast, hue and saturation; RGB and HSV.
#ifndef SLUICE_OPS_KERNELS_COLOR_H_
#define SLUICE_OPS_KERNELS_COLOR_H_

#include <cstdint>

namespace sluice::kernels {

// images of height x width = `pixels` pixels: y = (x - mean) * factor + mean, with the mean of each
// image and channel. In parallel.
void AdjustContrast(int64_t images, int64_t pixels, int64_t channels, float factor, const float* x,
                    float* y);

// Of `pixels` pixels of three channels, in parallel. Hue turns by `delta`, in turns.
void AdjustHue(int64_t pixels, float delta, const float* x, float* y);
// The saturation times `scale`, kept in [0, 1].
void AdjustSaturation(int64_t pixels, float scale, const float* x, float* y);

// Hue (in turns), saturation, value. float, double.
template <typename T>
void RgbToHsv(int64_t pixels, const T* x, T* y);
template <typename T>
void HsvToRgb(int64_t pixels, const T* x, T* y);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_COLOR_H_
