// The slow twin of two-dimensional convolutions: seven loops, in double, as the formula in
// ops/kernels/conv.h reads.
#ifndef SLUICE_TESTS_TESTING_CONV_REFERENCE_H_
#define SLUICE_TESTS_TESTING_CONV_REFERENCE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/attr_value.h"
#include "core/tensor.h"
#include "tests/testing/core/tensors.h"

namespace sluice {

struct ConvCase {
  std::string name;
  TensorShape input;  // in data_format's order
  TensorShape filter;
  TensorShape output;                    // worked out by hand
  std::vector<int64_t> before = {0, 0};  // padding at the top and left, by hand
  std::string padding = "VALID";
  std::vector<int64_t> strides = {1, 1, 1, 1}, dilations = {1, 1, 1, 1};
  std::string data_format = "NHWC";
  std::vector<int64_t> explicit_paddings = {};

  AttrMap Attrs() const {
    AttrMap attrs{{"strides", strides},
                  {"padding", padding},
                  {"data_format", data_format},
                  {"dilations", dilations}};
    if (!explicit_paddings.empty()) attrs["explicit_paddings"] = explicit_paddings;
    return attrs;
  }
};

inline std::string CaseName(const ConvCase& c) { return c.name; }

// Calls visit(offset in input, offset in filter, offset in output) for every product of the
// convolution.
inline void ForEachProduct(const ConvCase& c, bool depthwise,
                           const std::function<void(int64_t, int64_t, int64_t)>& visit) {
  const bool first = c.data_format == "NCHW";
  const auto offset = [first](const TensorShape& s, int64_t n, int64_t y, int64_t x, int64_t k) {
    return first ? ((n * s.dim(1) + k) * s.dim(2) + y) * s.dim(3) + x
                 : ((n * s.dim(1) + y) * s.dim(2) + x) * s.dim(3) + k;
  };
  const int h = first ? 2 : 1, w = h + 1;
  const int64_t cin = c.filter.dim(2), last = c.filter.dim(3);
  for (int64_t n = 0; n < c.output.dim(0); ++n)
    for (int64_t i = 0; i < c.output.dim(h); ++i)
      for (int64_t j = 0; j < c.output.dim(w); ++j)
        for (int64_t u = 0; u < c.filter.dim(0); ++u)
          for (int64_t v = 0; v < c.filter.dim(1); ++v) {
            const int64_t y = i * c.strides[h] - c.before[0] + u * c.dilations[h];
            const int64_t x = j * c.strides[w] - c.before[1] + v * c.dilations[w];
            if (y < 0 || y >= c.input.dim(h) || x < 0 || x >= c.input.dim(w)) continue;
            for (int64_t k = 0; k < cin; ++k)
              for (int64_t o = 0; o < last; ++o)
                visit(offset(c.input, n, y, x, k), ((u * c.filter.dim(1) + v) * cin + k) * last + o,
                      offset(c.output, n, i, j, depthwise ? k * last + o : o));
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

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_CONV_REFERENCE_H_
