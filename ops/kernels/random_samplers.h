// Numbers drawn from distributions that need rejection. Every sample takes its random numbers from
// blocks of its own, so that it does not depend on the others, whatever the threads.
#ifndef SLUICE_OPS_KERNELS_RANDOM_SAMPLERS_H_
#define SLUICE_OPS_KERNELS_RANDOM_SAMPLERS_H_

#include "ops/kernels/random_fill.h"

namespace sluice::kernels {

// Marsaglia and Tsang, "A simple method for generating gamma variables" (2000); for alpha < 1,
// Gamma(alpha + 1) u^(1/alpha). As TensorFlow: NaN for a negative or NaN alpha.
class GammaSampler {
 public:
  explicit GammaSampler(double alpha);
  double operator()(NumberSource& numbers) const;

 private:
  double alpha_, d_, c_;
};

// Knuth's products of uniform numbers below rate 10, else Hoermann's transformed rejection ("The
// transformed rejection method for generating Poisson random variables", 1993). Rates below 0 count
// as 0. Numbers above `most` are drawn again. REQUIRES: the rate is not NaN and <= most.
class PoissonSampler {
 public:
  PoissonSampler(double rate, double most);
  double operator()(NumberSource& numbers) const;

 private:
  double Knuth(NumberSource& numbers) const;
  double Transformed(NumberSource& numbers) const;

  double rate_, most_;
  double log_rate_ = 0, b_ = 0, a_ = 0, inv_alpha_ = 0;
};

// A normal distribution cut to [low, high]: rejection from the normal, the uniform or the
// exponential distribution, whichever suits the bounds (Robert, "Simulation of truncated normal
// variables", 1995).
class TruncatedNormalSampler {
 public:
  // False for a deviation that is not positive, bounds that are not low < high, and where neither
  // bound is finite.
  static bool Valid(double stddev, double low, double high);
  // REQUIRES: Valid(stddev, low, high).
  TruncatedNormalSampler(double mean, double stddev, double low, double high);
  // False when 1000 numbers in a row were rejected.
  bool operator()(NumberSource& numbers, double* sample) const;

 private:
  enum class Method { kNormal, kUniform, kExponential };
  bool Try(NumberSource& numbers, double* z) const;

  double mean_, stddev_;  // the deviation is negative where the bounds were exchanged
  double low_, high_;     // in deviations from the mean
  Method method_;
};

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_RANDOM_SAMPLERS_H_
