// What the tests of convolution layers share: cases in both data formats, with every number worked
// out by hand, and their values by the slow twin (conv_reference.h).
#ifndef SLUICE_TESTS_TESTING_CONV_LAYER_REFERENCE_H_
#define SLUICE_TESTS_TESTING_CONV_LAYER_REFERENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "layers/data_format.h"
#include "ops/padding.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/core/tensors.h"

namespace sluice {

// Of a layer over 1 to 3 spatial dimensions.
struct ConvLayerCase {
  std::string name;
  std::vector<int64_t> input, output;  // sizes
  std::vector<int64_t> kernel;
  std::vector<int64_t> before;  // padding before each size, by hand
  Padding padding = Padding::kValid;
  std::vector<int64_t> strides = {}, dilation = {};  // empty: all 1
  DataFormat format = DataFormat::kChannelsLast;

  int spatial() const { return static_cast<int>(kernel.size()); }
  std::vector<int64_t> Or1(const std::vector<int64_t>& v) const {
    return v.empty() ? std::vector<int64_t>(kernel.size(), 1) : v;
  }
  // A batch of 2 in the case's format.
  TensorShape Batch(const std::vector<int64_t>& sizes, int64_t channels) const {
    std::vector<int64_t> dims = {2};
    if (format == DataFormat::kChannelsFirst) dims.push_back(channels);
    dims.insert(dims.end(), sizes.begin(), sizes.end());
    if (format == DataFormat::kChannelsLast) dims.push_back(channels);
    return TensorShape(absl::Span<const int64_t>(dims));
  }
  // The same with nothing known but the channels.
  TensorShape UnknownBatch(int64_t channels) const {
    TensorShape shape = Batch(std::vector<int64_t>(kernel.size(), -1), channels);
    shape.set_dim(0, -1);
    return shape;
  }
  TensorShape Kernel(int64_t a, int64_t b) const {
    std::vector<int64_t> dims = kernel;
    dims.push_back(a);
    dims.push_back(b);
    return TensorShape(absl::Span<const int64_t>(dims));
  }
  // The convolution from `in` channels to `out` for the twin, which knows formats by two names.
  ConvCase Twin(int64_t in, int64_t out, bool depthwise = false) const {
    ConvCase c{.name = name,
               .input = Batch(input, in),
               .filter = Kernel(in, depthwise ? out / in : out),
               .output = Batch(output, out),
               .before = before};
    c.data_format = format == DataFormat::kChannelsFirst ? "NCHW" : "NHWC";
    c.strides = layers::WindowAttr(format, Or1(strides));
    c.dilations = layers::WindowAttr(format, Or1(dilation));
    return c;
  }
};

inline std::string NameOfCase(const ConvLayerCase& c) {
  return c.name + (c.format == DataFormat::kChannelsFirst ? "First" : "Last");
}
// Each case in both formats.
inline std::vector<ConvLayerCase> InBothFormats(const std::vector<ConvLayerCase>& cases) {
  std::vector<ConvLayerCase> all;
  for (const DataFormat format : {DataFormat::kChannelsLast, DataFormat::kChannelsFirst}) {
    for (ConvLayerCase c : cases) {
      c.format = format;
      all.push_back(c);
    }
  }
  return all;
}

// y + bias, per channel of the format.
inline Tensor PlusBias(const Tensor& y, const Tensor& bias, DataFormat format) {
  const bool first = format == DataFormat::kChannelsFirst;
  const TensorShape shape(y.shape());
  const ImageLayout layout(shape, first);
  std::vector<double> values = ToDoubles(y);
  const std::vector<double> b = ToDoubles(bias);
  for (int64_t n = 0; n < shape.dim(0); ++n)
    for (int64_t p = 0; p < layout.pixels; ++p)
      for (int64_t c = 0; c < layout.channels; ++c) values[layout.offset(n, p, c)] += b[c];
  return FromDoubles(y.dtype(), shape, values);
}

// A window for the options of a layer.
inline Int1 Window1(const std::vector<int64_t>& v) { return v[0]; }
inline Int2 Window2(const std::vector<int64_t>& v) { return {v[0], v[1]}; }
inline Int3 Window3(const std::vector<int64_t>& v) { return {v[0], v[1], v[2]}; }

// Sequences, images and volumes: odd sizes, even kernels, strides, dilation, every padding.
inline std::vector<ConvLayerCase> SequenceCases() {
  return InBothFormats({
      {.name = "Valid", .input = {7}, .output = {5}, .kernel = {3}, .before = {0}},
      {.name = "SameEvenKernel",
       .input = {7},
       .output = {7},
       .kernel = {2},
       .before = {0},
       .padding = Padding::kSame},
      {.name = "SameStride2",  // padding 3 * 2 + 3 - 7 = 2
       .input = {7},
       .output = {4},
       .kernel = {3},
       .before = {1},
       .padding = Padding::kSame,
       .strides = {2}},
      {.name = "Dilated",
       .input = {7},
       .output = {3},
       .kernel = {3},
       .before = {0},
       .dilation = {2}},
      {.name = "SameDilated",
       .input = {7},
       .output = {7},
       .kernel = {3},
       .before = {2},
       .padding = Padding::kSame,
       .dilation = {2}},
      {.name = "CausalDilated",
       .input = {7},
       .output = {7},
       .kernel = {3},
       .before = {4},
       .padding = Padding::kCausal,
       .dilation = {2}},
      {.name = "CausalStride2",
       .input = {7},
       .output = {4},
       .kernel = {3},
       .before = {2},
       .padding = Padding::kCausal,
       .strides = {2}},
  });
}
inline std::vector<ConvLayerCase> ImageCases() {
  return InBothFormats({
      {.name = "Valid", .input = {5, 7}, .output = {3, 6}, .kernel = {3, 2}, .before = {0, 0}},
      {.name = "SameStrides2And3",  // padding 2 * 2 + 3 - 5 = 2 and 2 * 3 + 2 - 7 = 1
       .input = {5, 7},
       .output = {3, 3},
       .kernel = {3, 2},
       .before = {1, 0},
       .padding = Padding::kSame,
       .strides = {2, 3}},
      {.name = "Dilated",
       .input = {5, 7},
       .output = {3, 5},
       .kernel = {2, 3},
       .before = {0, 0},
       .dilation = {2, 1}},
      {.name = "SameDilated",
       .input = {5, 7},
       .output = {5, 7},
       .kernel = {3, 3},
       .before = {2, 2},
       .padding = Padding::kSame,
       .dilation = {2, 2}},
  });
}
inline std::vector<ConvLayerCase> VolumeCases() {
  return InBothFormats({
      {.name = "Valid",
       .input = {3, 4, 5},
       .output = {2, 4, 3},
       .kernel = {2, 1, 3},
       .before = {0, 0, 0}},
      {.name = "SameStride2",  // padding 2 + 3 - 3 = 2, 2 + 3 - 4 = 1, 4 + 3 - 5 = 2
       .input = {3, 4, 5},
       .output = {2, 2, 3},
       .kernel = {3, 3, 3},
       .before = {1, 0, 1},
       .padding = Padding::kSame,
       .strides = {2, 2, 2}},
      {.name = "SameDilated",  // padding 1, 2, 1
       .input = {3, 4, 5},
       .output = {3, 4, 5},
       .kernel = {2, 2, 2},
       .before = {0, 1, 0},
       .padding = Padding::kSame,
       .dilation = {1, 2, 1}},
  });
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_CONV_LAYER_REFERENCE_H_
