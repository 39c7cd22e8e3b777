#include "ops/kernels/machine_limits.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "core/threads.h"
#include "dnnl.h"

namespace sluice::kernels {
namespace {

constexpr int64_t kMatrix = 768;           // 0.9 GFLOP
constexpr int64_t kElements = 10'000'000;  // two arrays of 40 MB
constexpr int64_t kBlock = int64_t{1} << 16;

// The least time of one call, of as many as fit into `seconds` and at least 3, after one that
// does not count.
double BestSeconds(double seconds, absl::FunctionRef<void()> run) {
  using Clock = std::chrono::steady_clock;
  run();
  double best = 1e9, sum = 0;
  for (int i = 0; i < 3 || sum < seconds; ++i) {
    const auto start = Clock::now();
    run();
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, took);
    sum += took;
  }
  return best;
}

double MeasureProduct(double seconds) {
  std::vector<float> a(kMatrix * kMatrix, 0.5f), b(a), c(a.size());
  const double best = BestSeconds(seconds, [&] {
    dnnl_sgemm('N', 'N', kMatrix, kMatrix, kMatrix, 1, a.data(), kMatrix, b.data(), kMatrix, 0,
               c.data(), kMatrix);
  });
  return 2.0 * kMatrix * kMatrix * kMatrix / best;
}

double MeasureCopy(double seconds) {
  std::vector<float> x(kElements, 0.5f), y(x);
  const double best = BestSeconds(seconds, [&] {
    const float* const from = x.data();
    float* const to = y.data();
    ParallelFor(kElements, kBlock, [=](int64_t begin, int64_t end) {
    // A sum, lest the compiler calls memcpy, which writes past the caches.
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) to[i] = from[i] + 1.0f;
    });
  });
  return 2.0 * sizeof(float) * kElements / best;
}

}  // namespace

MachineLimits MeasureMachineLimits(double seconds) {
  return {MeasureProduct(seconds), MeasureCopy(seconds)};
}

double LeastSeconds(const MachineLimits& limits, double flops, double bytes) {
  const double by_flops = limits.flops_per_second > 0 ? flops / limits.flops_per_second : 0;
  const double by_bytes = limits.bytes_per_second > 0 ? bytes / limits.bytes_per_second : 0;
  return std::max(by_flops, by_bytes);
}

}  // namespace sluice::kernels
