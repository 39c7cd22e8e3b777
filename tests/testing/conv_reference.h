// What the tests of all convolutions share: cases as data, the slow twin (plain loops, in double,
// as the formula in ops/kernels/conv.h reads), and the checks of a case.
#ifndef SLUICE_TESTS_TESTING_CONV_REFERENCE_H_
#define SLUICE_TESTS_TESTING_CONV_REFERENCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/attr_value.h"
#include "core/tensor.h"
#include "gtest/gtest.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/op_test.h"

namespace sluice {

struct ConvCase {
  std::string name;
  TensorShape input;  // in data_format's order; of rank 4 or 5
  TensorShape filter;
  TensorShape output;                       // worked out by hand
  std::vector<int64_t> before = {0, 0, 0};  // padding before each spatial axis, by hand
  std::string padding = "VALID";
  std::vector<int64_t> strides = {}, dilations = {};  // empty: all 1
  std::string data_format = "";                       // empty: channels last
  std::vector<int64_t> explicit_paddings = {};

  int spatial() const { return input.rank() - 2; }
  bool channels_first() const { return data_format == "NCHW" || data_format == "NCDHW"; }
  AttrMap Attrs() const {
    AttrMap attrs{{"strides", Or1(strides)}, {"padding", padding}, {"dilations", Or1(dilations)}};
    if (!data_format.empty()) attrs["data_format"] = data_format;
    if (!explicit_paddings.empty()) attrs["explicit_paddings"] = explicit_paddings;
    return attrs;
  }
  std::vector<int64_t> Or1(const std::vector<int64_t>& steps) const {
    return steps.empty() ? std::vector<int64_t>(input.rank(), 1) : steps;
  }
};

// Position p of an array with these dimensions as coordinates.
inline std::vector<int64_t> Coordinates(int64_t p, const std::vector<int64_t>& dims) {
  std::vector<int64_t> at(dims.size());
  for (size_t i = dims.size(); i-- > 0; p /= dims[i]) at[i] = p % dims[i];
  return at;
}

// A batch of images: its spatial dimensions, and where an element is.
struct ImageLayout {
  ImageLayout(const TensorShape& shape, bool channels_first) : first(channels_first) {
    channels = shape.dim(first ? 1 : -1);
    for (int i = first ? 2 : 1; i < shape.rank() - (first ? 0 : 1); ++i) {
      dims.push_back(shape.dim(i));
      pixels *= shape.dim(i);
    }
  }
  int64_t offset(int64_t n, int64_t pixel, int64_t channel) const {
    return first ? (n * channels + channel) * pixels + pixel
                 : (n * pixels + pixel) * channels + channel;
  }
  bool first;
  std::vector<int64_t> dims;
  int64_t pixels = 1, channels;
};

// Calls visit(offset in input, offset in filter, offset in output) for every product of the
// convolution.
inline void ForEachProduct(const ConvCase& c, bool depthwise,
                           const std::function<void(int64_t, int64_t, int64_t)>& visit) {
  const ImageLayout in(c.input, c.channels_first()), out(c.output, c.channels_first());
  const std::vector<int64_t> strides = c.Or1(c.strides), dilations = c.Or1(c.dilations);
  const int first = c.channels_first() ? 2 : 1, spatial = c.spatial();
  std::vector<int64_t> kernel(c.filter.dims().begin(), c.filter.dims().begin() + spatial);
  int64_t taps = 1;
  for (const int64_t size : kernel) taps *= size;
  const int64_t cin = c.filter.dim(spatial), last = c.filter.dim(spatial + 1);
  for (int64_t p = 0; p < out.pixels; ++p)
    for (int64_t tap = 0; tap < taps; ++tap) {
      const std::vector<int64_t> o = Coordinates(p, out.dims), u = Coordinates(tap, kernel);
      int64_t pixel = 0;
      bool inside = true;
      for (int i = 0; i < spatial; ++i) {
        const int64_t x = o[i] * strides[first + i] - c.before[i] + u[i] * dilations[first + i];
        inside = inside && x >= 0 && x < in.dims[i];
        pixel = pixel * in.dims[i] + x;
      }
      if (!inside) continue;
      for (int64_t n = 0; n < c.output.dim(0); ++n)
        for (int64_t k = 0; k < cin; ++k)
          for (int64_t m = 0; m < last; ++m)
            visit(in.offset(n, pixel, k), (tap * cin + k) * last + m,
                  out.offset(n, p, depthwise ? k * last + m : m));
    }
}

// The tensor of `shape` that sums, over all products, a[i] * b[j] into element k; roles 0 input, 1
// filter, 2 output.
inline Tensor SumOfProducts(const ConvCase& c, bool depthwise, int role, const Tensor& a,
                            const Tensor& b, const TensorShape& shape) {
  const std::vector<double> av = ToDoubles(a), bv = ToDoubles(b);
  std::vector<double> sum(shape.num_elements(), 0.0);
  ForEachProduct(c, depthwise, [&](int64_t in, int64_t filter, int64_t out) {
    if (role == 2) sum[out] += av[in] * bv[filter];
    if (role == 1) sum[filter] += av[in] * bv[out];
    if (role == 0) sum[in] += av[filter] * bv[out];
  });
  return FromDoubles(a.dtype(), shape, sum);
}

// The three ops of one kind of convolution.
struct ConvOps {
  const char *forward, *backprop_input, *backprop_filter;
  bool depthwise = false;
};

// The op with the case's attributes.
inline OpTest ConvOp(const char* op, const ConvCase& c, const char* file = __builtin_FILE(),
                     int line = __builtin_LINE()) {
  OpTest test(op, file, line);
  for (const auto& [key, value] : c.Attrs()) test.Attr(key, value);
  return test;
}

inline Tensor SizesTensor(const TensorShape& shape) {
  return Tensor::Of<int32_t>({shape.rank()},
                             std::vector<int32_t>(shape.dims().begin(), shape.dims().end()));
}

// Sums of up to some hundred products; half and bfloat16 are rounded once, at the end.
inline Tolerance ConvTolerance(DType dtype) {
  if (dtype == DType::kHalf) return {2e-3, 2e-3};
  if (dtype == DType::kBfloat16) return {1e-2, 1e-2};
  return {1e-4, 1e-5};
}

inline const std::vector<DType> kConvDTypes = {DType::kFloat, DType::kDouble, DType::kHalf,
                                               DType::kBfloat16};

// The three passes of a case against the slow twin, for every dtype.
inline void ExpectMatchesNaiveLoops(const ConvOps& ops, const ConvCase& c) {
  for (const DType dtype : kConvDTypes) {
    const Tensor x = RandomTensor(dtype, c.input, 1), w = RandomTensor(dtype, c.filter, 2),
                 dy = RandomTensor(dtype, c.output, 3);
    const Tolerance tolerance = ConvTolerance(dtype);
    ConvOp(ops.forward, c)
        .Input(x)
        .Input(w)
        .Expect(SumOfProducts(c, ops.depthwise, 2, x, w, c.output), tolerance);
    ConvOp(ops.backprop_input, c)
        .Input(SizesTensor(c.input))
        .Input(w)
        .Input(dy)
        .Expect(SumOfProducts(c, ops.depthwise, 0, w, dy, c.input), tolerance);
    ConvOp(ops.backprop_filter, c)
        .Input(x)
        .Input(SizesTensor(c.filter))
        .Input(dy)
        .Expect(SumOfProducts(c, ops.depthwise, 1, x, dy, c.filter), tolerance);
  }
}

// The gradients of all three ops, where the case is small.
inline void ExpectNumericGradients(const ConvOps& ops, const ConvCase& c) {
  if (c.input.num_elements() + c.filter.num_elements() > 500) GTEST_SKIP() << "too many elements";
  const Tensor x = RandomTensor(DType::kDouble, c.input, 7),
               w = RandomTensor(DType::kDouble, c.filter, 8),
               dy = RandomTensor(DType::kDouble, c.output, 9);
  ConvOp(ops.forward, c).Input(x).Input(w).CheckGradient();
  ConvOp(ops.backprop_input, c).Input(SizesTensor(c.input)).Input(w).Input(dy).CheckGradient();
  ConvOp(ops.backprop_filter, c).Input(x).Input(SizesTensor(c.filter)).Input(dy).CheckGradient();
}

// Without images there is nothing to compute, but every result has its shape: `input` and `output`
// have an empty batch.
inline void ExpectServesEmptyBatch(const ConvOps& ops, const ConvCase& c) {
  for (const DType dtype : kConvDTypes) {
    const Tensor none = Tensor::Zeros(dtype, c.input), w = RandomTensor(dtype, c.filter);
    const Tensor dy = Tensor::Zeros(dtype, c.output);
    ConvOp(ops.forward, c).Input(none).Input(w).Expect(dy);
    ConvOp(ops.backprop_input, c).Input(SizesTensor(c.input)).Input(w).Input(dy).Expect(none);
    ConvOp(ops.backprop_filter, c)
        .Input(none)
        .Input(SizesTensor(c.filter))
        .Input(dy)
        .Expect(Tensor::Zeros(dtype, c.filter));
  }
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_CONV_REFERENCE_H_
