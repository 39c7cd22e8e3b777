// The single ops that ops_benchmark.cc and its peer ops_torch.cc both run, by name: tensors of
// about 10^7 floats. The standard library only, so that the peer can include it.
#ifndef SLUICE_BENCHMARKS_OP_WORKLOADS_H_
#define SLUICE_BENCHMARKS_OP_WORKLOADS_H_

#include <cstdint>

namespace sluice::benchmarks {

constexpr int64_t kElements = 10'000'000;

// Matrices and images of about that many elements.
constexpr int64_t kRows = 4000, kColumns = 2500;
constexpr int64_t kBatch = 32, kSide = 56, kChannels = 100;  // [32, 56, 56, 100]

// Contractions of a few milliseconds each.
constexpr int64_t kMatMul = 1024;
constexpr int64_t kConvBatch = 8, kConvSide = 28, kConvChannels = 128;       // 3x3, SAME
constexpr int64_t kVolumeBatch = 2, kVolumeSide = 16, kVolumeChannels = 32;  // 3x3x3, SAME

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_OP_WORKLOADS_H_
