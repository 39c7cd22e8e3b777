// Statistics of samples, for tests of random ops. The seeds of such tests are fixed: a test that
// passes once passes always.
#ifndef SLUICE_TESTS_TESTING_STATISTICS_H_
#define SLUICE_TESTS_TESTING_STATISTICS_H_

#include <algorithm>
#include <cmath>
#include <vector>

namespace sluice {

struct Statistics {
  double mean = 0, variance = 0, low = 0, high = 0;
};

// REQUIRES: not empty.
inline Statistics StatisticsOf(const std::vector<double>& values) {
  Statistics s;
  s.low = *std::min_element(values.begin(), values.end());
  s.high = *std::max_element(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  for (const double x : values) s.mean += x / n;
  for (const double x : values) s.variance += (x - s.mean) * (x - s.mean) / n;
  return s;
}

// Pearson's statistic of counts against expected counts. It exceeds k + 4 sqrt(2 k), k being one
// less than the number of cells, about once in 10^4 times when the expectation is right.
inline double ChiSquare(const std::vector<double>& counts, const std::vector<double>& expected) {
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    sum += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  return sum;
}
inline double ChiSquareBound(size_t cells) {
  const auto k = static_cast<double>(cells - 1);
  return k + 4 * std::sqrt(2 * k);
}

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_STATISTICS_H_
