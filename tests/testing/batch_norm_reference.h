// Slow twins of batch normalization.
#ifndef SLUICE_TESTS_TESTING_BATCH_NORM_REFERENCE_H_
#define SLUICE_TESTS_TESTING_BATCH_NORM_REFERENCE_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "ops/kernels/channels.h"

namespace sluice {

using kernels::ChannelShape;

// Straight from the formulas, in double.
struct Moments {
  std::vector<double> mean, variance;
};

template <typename F>
void ForEach(const ChannelShape& s, F f) {
  for (int64_t i = 0; i < s.elements(); ++i) f(i, i / s.inner % s.channels);
}

inline Moments NaiveMoments(const ChannelShape& s, const std::vector<double>& x) {
  Moments m{std::vector<double>(s.channels), std::vector<double>(s.channels)};
  const double n = static_cast<double>(s.outer * s.inner);
  ForEach(s, [&](int64_t i, int64_t c) { m.mean[c] += x[i] / n; });
  ForEach(s, [&](int64_t i, int64_t c) {
    m.variance[c] += (x[i] - m.mean[c]) * (x[i] - m.mean[c]) / n;
  });
  return m;
}

inline std::vector<double> NaiveNormalize(const ChannelShape& s, const std::vector<double>& x,
                                          const Moments& m, const std::vector<double>& scale,
                                          const std::vector<double>& offset, double epsilon) {
  std::vector<double> y(x.size());
  ForEach(s, [&](int64_t i, int64_t c) {
    y[i] = (x[i] - m.mean[c]) / std::sqrt(m.variance[c] + epsilon) * scale[c] + offset[c];
  });
  return y;
}

struct NaiveResult {
  std::vector<double> dx, dscale, doffset;
};

inline NaiveResult NaiveGradients(const ChannelShape& s, bool training,
                                  const std::vector<double>& dy, const std::vector<double>& x,
                                  const Moments& m, const std::vector<double>& scale,
                                  double epsilon) {
  NaiveResult d{std::vector<double>(x.size()), std::vector<double>(s.channels),
                std::vector<double>(s.channels)};
  const double n = static_cast<double>(s.outer * s.inner);
  const auto h = [&](int64_t i, int64_t c) {
    return (x[i] - m.mean[c]) / std::sqrt(m.variance[c] + epsilon);
  };
  ForEach(s, [&](int64_t i, int64_t c) {
    d.doffset[c] += dy[i];
    d.dscale[c] += dy[i] * h(i, c);
  });
  ForEach(s, [&](int64_t i, int64_t c) {
    const double inner = training ? dy[i] - d.doffset[c] / n - h(i, c) * d.dscale[c] / n : dy[i];
    d.dx[i] = inner * scale[c] / std::sqrt(m.variance[c] + epsilon);
  });
  return d;
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_BATCH_NORM_REFERENCE_H_
