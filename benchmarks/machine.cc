#include "benchmarks/machine.h"

#include <numeric>

#include "benchmarks/op_workloads.h"
#include "benchmarks/timing.h"
#include "core/threads.h"
#include "dnnl.h"

namespace sluice::benchmarks {
namespace {

constexpr int64_t kMatrix = 1024, kBlock = 1 << 16;

}  // namespace

Tensor Floats(const TensorShape& shape) {
  Tensor t = Tensor::Make(DType::kFloat, shape).value();
  float* const x = t.mutable_data<float>();
  for (int64_t i = 0; i < t.num_elements(); ++i) {
    x[i] = static_cast<float>((i * 2654435761u) >> 8 & 0xffff) * 0x1p-16f + 0.25f;
  }
  return t;
}

double Machine::PerSecond(Limit limit) {
  constexpr double kBytes = 4.0 * kElements;
  switch (limit) {
    case Limit::kCopy:
      return Rate(2 * kBytes, [this] { Copy(); });
    case Limit::kRead:
      return Rate(kBytes, [this] { Read(); });
    case Limit::kSgemm:
      break;
  }
  return Rate(2.0 * kMatrix * kMatrix * kMatrix, [this] { Sgemm(); });
}

double Machine::Rate(double work, const std::function<void()>& run) {
  return work / (Measure(run, 0.1).p10 * 1e-3);
}

void Machine::Copy() {
  if (x_.empty_handle()) x_ = Floats({kElements});
  if (y_.empty_handle()) y_ = Floats({kElements});
  const float* const from = x_.data<float>();
  float* const to = y_.mutable_data<float>();
  ParallelFor(kElements, kBlock, [=](int64_t begin, int64_t end) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) to[i] = from[i] + 1.0f;
  });
}

void Machine::Read() {
  if (x_.empty_handle()) x_ = Floats({kElements});
  sums_.resize(kElements / kBlock);
  const float* const from = x_.data<float>();
  ParallelFor(static_cast<int64_t>(sums_.size()), 1, [=, this](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      float lanes[64] = {};
      for (int64_t i = b * kBlock; i < (b + 1) * kBlock; i += 64) {
#pragma omp simd
        for (int k = 0; k < 64; ++k) lanes[k] += from[i + k];
      }
      sums_[b] = std::accumulate(lanes, lanes + 64, 0.0f);
    }
  });
}

void Machine::Sgemm() {
  if (a_.empty_handle()) {
    a_ = Floats({kMatrix, kMatrix});
    b_ = Floats({kMatrix, kMatrix});
    c_ = Floats({kMatrix, kMatrix});
  }
  dnnl_sgemm('N', 'N', kMatrix, kMatrix, kMatrix, 1, a_.data<float>(), kMatrix, b_.data<float>(),
             kMatrix, 0, c_.mutable_data<float>(), kMatrix);
}

}  // namespace sluice::benchmarks
