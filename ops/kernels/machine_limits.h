// What this machine can do now: the limits that a kernel's speed is held against.
#ifndef SLUICE_OPS_KERNELS_MACHINE_LIMITS_H_
#define SLUICE_OPS_KERNELS_MACHINE_LIMITS_H_

namespace sluice::kernels {

struct MachineLimits {
  double flops_per_second = 0;  // of a product of two large float matrices
  double bytes_per_second = 0;  // read and written by a copy of memory larger than the caches
};

// Measures both on the calling thread's budget of threads (core/threads.h), each for about
// `seconds`, and takes the best of the runs: other processes only ever make one slower. Takes about
// 90 MB of memory meanwhile.
MachineLimits MeasureMachineLimits(double seconds = 0.05);

// The least seconds that any kernel needs for so much arithmetic and memory traffic on a machine
// with these limits (the roofline model). Data in the caches may be faster.
double LeastSeconds(const MachineLimits& limits, double flops, double bytes);

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_MACHINE_LIMITS_H_
