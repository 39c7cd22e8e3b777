// What the tests of all pools share: cases as data and the slow twin, plain loops over windows of
// planes or volumes.
#ifndef SLUICE_TESTS_TESTING_POOL_REFERENCE_H_
#define SLUICE_TESTS_TESTING_POOL_REFERENCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/op_test.h"

namespace sluice {

struct PoolCase {
  std::string name;
  TensorShape input, output;
  std::vector<int64_t> ksize, strides;
  std::vector<int64_t> before = {0, 0, 0};  // padding before each spatial axis, by hand
  std::string padding = "VALID";
  std::string data_format = "";  // empty: channels last

  bool channels_first() const { return data_format == "NCHW" || data_format == "NCDHW"; }
};

// The op with the case's attributes.
inline OpTest PoolOp(const char* op, const PoolCase& c, const char* file = __builtin_FILE(),
                     int line = __builtin_LINE()) {
  OpTest test(op, file, line);
  test.Attr("ksize", c.ksize).Attr("strides", c.strides).Attr("padding", c.padding);
  if (!c.data_format.empty()) test.Attr("data_format", c.data_format);
  return test;
}

// Calls visit(offset of an output element, offsets of its window's cells in row-major order).
inline void ForEachWindow(const PoolCase& c,
                          const std::function<void(int64_t, const std::vector<int64_t>&)>& visit) {
  const ImageLayout in(c.input, c.channels_first()), out(c.output, c.channels_first());
  const int first = c.channels_first() ? 2 : 1;
  const std::vector<int64_t> window(c.ksize.begin() + first,
                                    c.ksize.begin() + first + in.dims.size());
  int64_t taps = 1;
  for (const int64_t size : window) taps *= size;
  for (int64_t p = 0; p < out.pixels; ++p) {
    const std::vector<int64_t> o = Coordinates(p, out.dims);
    std::vector<int64_t> pixels;
    for (int64_t tap = 0; tap < taps; ++tap) {
      const std::vector<int64_t> u = Coordinates(tap, window);
      int64_t pixel = 0;
      bool inside = true;
      for (size_t i = 0; i < o.size(); ++i) {
        const int64_t x = o[i] * c.strides[first + i] - c.before[i] + u[i];
        inside = inside && x >= 0 && x < in.dims[i];
        pixel = pixel * in.dims[i] + x;
      }
      if (inside) pixels.push_back(pixel);
    }
    for (int64_t n = 0; n < c.output.dim(0); ++n)
      for (int64_t k = 0; k < out.channels; ++k) {
        std::vector<int64_t> cells;
        for (const int64_t pixel : pixels) cells.push_back(in.offset(n, pixel, k));
        visit(out.offset(n, p, k), cells);
      }
  }
}

inline int64_t FirstMaximum(const std::vector<double>& x, const std::vector<int64_t>& cells) {
  int64_t best = cells[0];
  for (const int64_t cell : cells) best = x[cell] > x[best] ? cell : best;
  return best;
}

// Values with many ties.
inline Tensor Ties(DType dtype, const TensorShape& shape, uint64_t seed) {
  return FromDoubles(dtype, shape, ToDoubles(RandomTensor(DType::kInt32, shape, seed, 0, 3)));
}

inline Tensor PooledMaxima(const PoolCase& c, const Tensor& x) {
  std::vector<double> y(c.output.num_elements());
  const std::vector<double> values = ToDoubles(x);
  ForEachWindow(c,
                [&](int64_t o, const auto& cells) { y[o] = values[FirstMaximum(values, cells)]; });
  return FromDoubles(x.dtype(), c.output, y);
}

// Each element of dy at the first maximum of its window.
inline Tensor AtFirstMaxima(const PoolCase& c, const Tensor& x, const Tensor& dy) {
  std::vector<double> dx(c.input.num_elements(), 0.0);
  const std::vector<double> values = ToDoubles(x), g = ToDoubles(dy);
  ForEachWindow(c, [&](int64_t o, const auto& cells) { dx[FirstMaximum(values, cells)] += g[o]; });
  return FromDoubles(dy.dtype(), c.input, dx);
}

// What `grads` holds at the first maximum of each window.
inline Tensor OfFirstMaxima(const PoolCase& c, const Tensor& x, const Tensor& grads) {
  std::vector<double> y(c.output.num_elements());
  const std::vector<double> values = ToDoubles(x), g = ToDoubles(grads);
  ForEachWindow(c, [&](int64_t o, const auto& cells) { y[o] = g[FirstMaximum(values, cells)]; });
  return FromDoubles(grads.dtype(), c.output, y);
}

inline Tensor PooledMeans(const PoolCase& c, const Tensor& x) {
  std::vector<double> y(c.output.num_elements(), 0.0);
  const std::vector<double> values = ToDoubles(x);
  ForEachWindow(c, [&](int64_t o, const auto& cells) {
    for (const int64_t cell : cells) y[o] += values[cell] / static_cast<double>(cells.size());
  });
  return FromDoubles(x.dtype(), c.output, y);
}

inline Tensor SpreadOverWindows(const PoolCase& c, const Tensor& dy) {
  std::vector<double> dx(c.input.num_elements(), 0.0);
  const std::vector<double> g = ToDoubles(dy);
  ForEachWindow(c, [&](int64_t o, const auto& cells) {
    for (const int64_t cell : cells) dx[cell] += g[o] / static_cast<double>(cells.size());
  });
  return FromDoubles(dy.dtype(), c.input, dx);
}

inline const std::vector<DType> kAllFloatDTypes = {DType::kFloat, DType::kDouble, DType::kHalf,
                                                   DType::kBfloat16};
// What pools of maxima take.
inline const std::vector<DType> kPoolDTypes = {
    DType::kFloat, DType::kDouble, DType::kHalf,  DType::kBfloat16, DType::kInt8,
    DType::kInt16, DType::kInt32,  DType::kInt64, DType::kUint8,    DType::kUint16};

// int32 tensor of a list of sizes.
inline Tensor SizesTensor(const std::vector<int64_t>& sizes) {
  return SizesTensor(TensorShape(absl::Span<const int64_t>(sizes)));
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_POOL_REFERENCE_H_
