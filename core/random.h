// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011).
#ifndef SLUICE_CORE_RANDOM_H_
#define SLUICE_CORE_RANDOM_H_

#include <array>
#include <cstdint>

namespace sluice {

// A stream is a key (64 bits) and a 128-bit counter; block i of a stream is a pure function of
// both, so any part of it can be computed by any thread.
class Philox {
 public:
  using Block = std::array<uint32_t, 4>;
  // `key` and the upper 64 bits of the counter name the stream; the lower 64 count its blocks.
  Philox(uint64_t key, uint64_t stream) : key_(key), stream_(stream) {}
  // The 4 numbers of block `index`.
  Block operator()(uint64_t index) const;

 private:
  uint64_t key_;
  uint64_t stream_;
};

// Uniform in [0, 1): 23 (24 for double: 52) random bits.
float UniformFloat(uint32_t bits);
double UniformDouble(uint32_t high, uint32_t low);
// Two independent standard normal numbers from two uniform ones (Box-Muller).
std::array<float, 2> NormalFloats(uint32_t a, uint32_t b);
std::array<double, 2> NormalDoubles(uint32_t a, uint32_t b, uint32_t c, uint32_t d);
// Mixes two seeds to a key (SplitMix64's finalizer): different pairs give unrelated streams.
uint64_t MixSeeds(uint64_t a, uint64_t b);

}  // namespace sluice

#endif  // SLUICE_CORE_RANDOM_H_
