// A grey image as a PNG file's bytes.
#ifndef SLUICE_EXAMPLES_FASHION_MNIST_PNG_H_
#define SLUICE_EXAMPLES_FASHION_MNIST_PNG_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace sluice::examples {

// 8-bit greyscale, rows from the top, 0 black (PNG specification, third edition). REQUIRES:
// pixels.size() == width * height.
std::string EncodeGreyPng(absl::Span<const uint8_t> pixels, int width, int height);

}  // namespace sluice::examples

#endif  // SLUICE_EXAMPLES_FASHION_MNIST_PNG_H_
