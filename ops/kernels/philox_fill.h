// Many blocks of a Philox stream at once: what core/random.h defines one by one, in vector
// registers and in parallel.
#ifndef SLUICE_OPS_KERNELS_PHILOX_FILL_H_
#define SLUICE_OPS_KERNELS_PHILOX_FILL_H_

#include <cstdint>

namespace sluice::kernels {

// bits[4 * i + j] = Philox(key, stream)(first + i)[j] for 0 <= i < blocks, 0 <= j < 4. On the
// calling thread.
void PhiloxBits(uint64_t key, uint64_t stream, uint64_t first, int64_t blocks, uint32_t* bits);

// out[i] = UniformFloat(word i % 4 of block first + i / 4) for 0 <= i < n: uniform in [0, 1). In
// parallel.
void PhiloxUniform(uint64_t key, uint64_t stream, uint64_t first, int64_t n, float* out);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_PHILOX_FILL_H_
