// half and bfloat16 to float and back, inline, so that loops over them can be vectorized. Same
// results as core/dtype.h.
#ifndef SLUICE_OPS_KERNELS_NARROW_FLOAT_H_
#define SLUICE_OPS_KERNELS_NARROW_FLOAT_H_

#include <bit>
#include <cstdint>

#include "core/dtype.h"

namespace sluice::kernels {

inline float Widen(BFloat16 x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

inline void NarrowTo(float x, BFloat16* to) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;  // ties to even
  const uint32_t quiet_nan = (bits >> 16) | 0x40u;
  to->bits = static_cast<uint16_t>(x == x ? rounded : quiet_nan);
}

#ifdef __FLT16_MAX__
inline float Widen(Half x) { return static_cast<float>(std::bit_cast<_Float16>(x.bits)); }
inline void NarrowTo(float x, Half* to) {
  to->bits = std::bit_cast<uint16_t>(static_cast<_Float16>(x));
}
#else
inline float Widen(Half x) { return static_cast<float>(x); }
inline void NarrowTo(float x, Half* to) { *to = Half(x); }
#endif

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_NARROW_FLOAT_H_
