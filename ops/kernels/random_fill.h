// Arrays of random numbers from a Philox stream. Element i depends on the stream and on i alone.
// The numbers are TensorFlow's for the same Philox key and counter (its random_distributions.h
// defines them; logarithms, sines and cosines may differ in the last bits).
#ifndef SLUICE_OPS_KERNELS_RANDOM_FILL_H_
#define SLUICE_OPS_KERNELS_RANDOM_FILL_H_

#include <array>
#include <cstdint>

#include "core/random.h"

namespace sluice::kernels {

// Names a stream of core/random.h.
struct RandomStream {
  uint64_t key, stream;
};

// The stream of TensorFlow's stateless ops for a pair of seeds, scrambled so that every bit of both
// counts.
RandomStream StatelessStream(uint64_t seed0, uint64_t seed1);

// T: float, double, Half, BFloat16.
template <typename T>
void FillUniform(const RandomStream& stream, T* out, int64_t n);  // [0, 1)
template <typename T>
void FillNormal(const RandomStream& stream, T* out, int64_t n);
template <typename T>
void FillTruncatedNormal(const RandomStream& stream, T* out, int64_t n);  // |x| < 2
// [low, high); REQUIRES: low < high. T: int32_t, int64_t.
template <typename T>
void FillUniformInt(const RandomStream& stream, T low, T high, T* out, int64_t n);

// Two standard normal numbers from two (four) words of a block.
std::array<float, 2> BoxMuller(uint32_t a, uint32_t b);
std::array<double, 2> BoxMuller(uint32_t a, uint32_t b, uint32_t c, uint32_t d);

// Uniform and normal numbers one at a time, for samplers that reject: from block `first` of a
// stream on, each kind from blocks of its own, the second number of a block before the first
// (TensorFlow's order).
class NumberSource {
 public:
  NumberSource(const RandomStream& stream, uint64_t first)
      : random_(stream.key, stream.stream), next_(first) {}
  double Uniform();  // [0, 1)
  double Normal();

 private:
  Philox random_;
  uint64_t next_;
  int uniforms_left_ = 0, normals_left_ = 0;
  std::array<double, 2> uniforms_ = {}, normals_ = {};
};
// TensorFlow's samplers give every output so many blocks.
inline constexpr uint64_t kBlocksPerSample = 256;

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_RANDOM_FILL_H_
