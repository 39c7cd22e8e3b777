#include "ops/kernels/random_samplers.h"

#include <cmath>
#include <limits>
#include <utility>

namespace sluice::kernels {

GammaSampler::GammaSampler(double alpha)
    : alpha_(alpha), d_(alpha + (alpha < 1 ? 2.0 : -1.0) / 3), c_(1.0 / 3 / std::sqrt(d_)) {}

double GammaSampler::operator()(NumberSource& numbers) const {
  if (alpha_ == 1) return -std::log(1 - numbers.Uniform());
  if (!(alpha_ >= 0)) return std::numeric_limits<double>::quiet_NaN();
  while (true) {
    const double x = numbers.Normal();
    double v = 1 + c_ * x;
    if (v <= 0) continue;
    v = v * v * v;
    const double u = numbers.Uniform();
    // The first condition spares most of the logarithms.
    if (u < 1 - 0.0331 * (x * x) * (x * x) ||
        std::log(u) < 0.5 * x * x + d_ * (1 - v + std::log(v))) {
      return alpha_ < 1 ? d_ * v * std::pow(numbers.Uniform(), 1 / alpha_) : d_ * v;
    }
  }
}

PoissonSampler::PoissonSampler(double rate, double most) : rate_(rate), most_(most) {
  if (rate < 10) return;
  log_rate_ = std::log(rate);
  b_ = 0.931 + 2.53 * std::sqrt(rate);
  a_ = -0.059 + 0.02483 * b_;
  inv_alpha_ = 1.1239 + 1.1328 / (b_ - 3.4);
}

double PoissonSampler::operator()(NumberSource& numbers) const {
  return rate_ < 10 ? Knuth(numbers) : Transformed(numbers);
}

double PoissonSampler::Knuth(NumberSource& numbers) const {
  const double limit = std::exp(-rate_);
  double product = numbers.Uniform();
  double count = 0;
  for (; product > limit; ++count) product *= numbers.Uniform();
  return count;
}

double PoissonSampler::Transformed(NumberSource& numbers) const {
  while (true) {
    const double u = numbers.Uniform() - 0.5;
    const double v = numbers.Uniform();
    const double shifted = 0.5 - std::abs(u);
    const double k = std::floor((2 * a_ / shifted + b_) * u + rate_ + 0.43);
    if (k > most_) continue;
    // A rectangle under the curve.
    if (shifted >= 0.07 && v <= 0.9277 - 3.6224 / (b_ - 2)) return k;
    if (k < 0 || (shifted < 0.013 && v > shifted)) continue;
    const double s = std::log(v * inv_alpha_ / (a_ / (shifted * shifted) + b_));
    if (s <= -rate_ + k * log_rate_ - std::lgamma(k + 1)) return k;
  }
}

bool TruncatedNormalSampler::Valid(double stddev, double low, double high) {
  return stddev > 0 && low < high && (std::isfinite(low) || std::isfinite(high));
}

TruncatedNormalSampler::TruncatedNormalSampler(double mean, double stddev, double low, double high)
    : mean_(mean), stddev_(stddev) {
  constexpr double kEnoughInside = 1.3;  // deviations; measured by TensorFlow's authors
  // One finite bound becomes the lower one; bounds on one side of the mean become positive.
  if ((std::isinf(low) && low < 0) || high < mean) {
    std::swap(low, high);
    stddev_ = -stddev;
  }
  low_ = (low - mean) / stddev_;
  high_ = (high - mean) / stddev_;
  const double root = std::sqrt(low_ * low_ + 4);
  const double cutoff = 2 * std::exp(0.5 + low_ * (low_ - root) / 4) / (low_ + root);
  const bool around_mean =
      (low_ < -kEnoughInside && high_ >= 0) || (high_ > kEnoughInside && low_ <= 0);
  method_ = around_mean             ? Method::kNormal
            : high_ - low_ < cutoff ? Method::kUniform
                                    : Method::kExponential;
}

bool TruncatedNormalSampler::Try(NumberSource& numbers, double* z) const {
  if (method_ == Method::kNormal) {
    *z = numbers.Normal();
    return *z >= low_ && *z <= high_;
  }
  const double first = numbers.Uniform(), second = numbers.Uniform();
  if (method_ == Method::kUniform) {
    *z = first * (high_ - low_) + low_;
    const double most = low_ < 0 ? 0 : low_ * low_;
    return second <= std::exp((most - *z * *z) / 2);
  }
  const double alpha = (low_ + std::sqrt(low_ * low_ + 4)) / 2;
  *z = -std::log(1 - first) / alpha + low_;
  const double x = alpha - *z;
  return second <= std::exp(-x * x / 2) && *z < high_;
}

bool TruncatedNormalSampler::operator()(NumberSource& numbers, double* sample) const {
  constexpr int kTries = 1000;
  for (int i = 0; i < kTries; ++i) {
    double z;
    if (Try(numbers, &z)) {
      *sample = z * stddev_ + mean_;
      return true;
    }
  }
  return false;
}

}  // namespace sluice::kernels
