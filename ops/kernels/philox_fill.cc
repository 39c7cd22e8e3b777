#include "ops/kernels/philox_fill.h"

#include <algorithm>
#include <bit>

#include "core/threads.h"

namespace sluice::kernels {
namespace {

constexpr int kLanes =
    32;  // blocks that are computed side by side: enough to hide the latency of multiplications

// Philox4x32-10 of the blocks first .. first + kLanes - 1 (core/random.cc has the plain form).
void Lanes(uint64_t key, uint64_t stream, uint64_t first, uint32_t* bits) {
  alignas(64) uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    c0[i] = static_cast<uint32_t>(first + i);
    c1[i] = static_cast<uint32_t>((first + i) >> 32);
    c2[i] = static_cast<uint32_t>(stream);
    c3[i] = static_cast<uint32_t>(stream >> 32);
  }
  auto k0 = static_cast<uint32_t>(key);
  auto k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
#pragma omp simd
    for (int i = 0; i < kLanes; ++i) {
      const uint64_t p0 = uint64_t{0xd2511f53} * c0[i];
      const uint64_t p1 = uint64_t{0xcd9e8d57} * c2[i];
      c0[i] = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<uint32_t>(p1);
      c2[i] = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<uint32_t>(p0);
    }
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  for (int i = 0; i < kLanes; ++i, bits += 4) {
    bits[0] = c0[i];
    bits[1] = c1[i];
    bits[2] = c2[i];
    bits[3] = c3[i];
  }
}

// UniformFloat of core/random.h, where the compiler can see it.
float Uniform(uint32_t bits) { return std::bit_cast<float>(0x3f800000 | (bits & 0x7fffff)) - 1.0f; }

}  // namespace

void PhiloxBits(uint64_t key, uint64_t stream, uint64_t first, int64_t blocks, uint32_t* bits) {
  int64_t i = 0;
  for (; i + kLanes <= blocks; i += kLanes) Lanes(key, stream, first + i, bits + 4 * i);
  if (i == blocks) return;
  uint32_t rest[4 * kLanes];
  Lanes(key, stream, first + i, rest);
  std::copy_n(rest, 4 * (blocks - i), bits + 4 * i);
}

void PhiloxUniform(uint64_t key, uint64_t stream, uint64_t first, int64_t n, float* out) {
  constexpr int64_t kNumbers = 4 * kLanes;  // of one call of Lanes
  const int64_t pieces = (n + kNumbers - 1) / kNumbers;
  ParallelFor(pieces, GrainFor(0.8 * kNumbers), [&](int64_t begin, int64_t end) {
    uint32_t bits[kNumbers];
    for (int64_t p = begin; p < end; ++p) {
      Lanes(key, stream, first + p * kLanes, bits);
      const int64_t count = std::min(kNumbers, n - p * kNumbers);
      float* const to = out + p * kNumbers;
      for (int64_t i = 0; i < count; ++i) to[i] = Uniform(bits[i]);
    }
  });
}

}  // namespace sluice::kernels
