// Arrays of random numbers from a Philox stream. Element i depends on the stream and on i alone.
#ifndef SLUICE_OPS_KERNELS_RANDOM_FILL_H_
#define SLUICE_OPS_KERNELS_RANDOM_FILL_H_

#include <cstdint>

namespace sluice::kernels {

// Names a stream of core/random.h.
struct RandomStream {
  uint64_t key, stream;
};

// T: float, double.
template <typename T>
void FillUniform(const RandomStream& stream, T* out, int64_t n);  // [0, 1)
template <typename T>
void FillNormal(const RandomStream& stream, T* out, int64_t n);
template <typename T>
void FillTruncatedNormal(const RandomStream& stream, T* out, int64_t n);
// T: int32_t, int64_t; [low, high). REQUIRES: low < high.
template <typename T>
void FillUniformInt(const RandomStream& stream, T low, T high, T* out, int64_t n);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_RANDOM_FILL_H_
