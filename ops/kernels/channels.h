// Loops over a tensor seen as [outer, channels, inner], where channels is one of its dimensions.
#ifndef SLUICE_OPS_KERNELS_CHANNELS_H_
#define SLUICE_OPS_KERNELS_CHANNELS_H_

#include <cstdint>

namespace sluice::kernels {

struct ChannelShape {
  int64_t outer = 1, channels = 1, inner = 1;  // each may be 0
  int64_t elements() const { return outer * channels * inner; }
};

// y[i, c, j] = x[i, c, j] + bias[c]. y may be x. Integers wrap. In parallel.
// Number types: float, double, integers, std::complex.
template <typename T>
void AddPerChannel(const ChannelShape& s, const T* x, const T* bias, T* y);

// sum[c] = sum over i, j of x[i, c, j]: 0 when there is nothing to sum. In parallel; the order of
// additions depends on the shape only, not on the number of threads. `partial` is scratch for
// SumScratch(s) elements.
template <typename T>
void SumPerChannel(const ChannelShape& s, const T* x, T* sum, T* partial);
int64_t SumScratch(const ChannelShape& s);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_CHANNELS_H_
