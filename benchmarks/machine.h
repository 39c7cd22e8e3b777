// What the machine does in a plain loop, measured when asked for: other processes may be busy
// beside this one, so a share of a limit means something only when both were measured together.
#ifndef SLUICE_BENCHMARKS_MACHINE_H_
#define SLUICE_BENCHMARKS_MACHINE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "core/tensor.h"

namespace sluice::benchmarks {

// What an op is compared with.
enum class Limit {
  kCopy,  // bytes read and written by y[i] = x[i] + 1 on 10^7 floats
  kRead,  // bytes read by a sum of as many
  kSgemm  // oneDNN's, floating-point operations
};

// Bytes or operations per second, of as many threads as core/threads.h gives the caller. Holds the
// memory of its loops; makes it when a limit is first asked for.
class Machine {
 public:
  double PerSecond(Limit limit);

 private:
  static double Rate(double work, const std::function<void()>& run);
  void Copy();
  void Read();
  void Sgemm();

  Tensor x_, y_;
  std::vector<float> sums_;
  Tensor a_, b_, c_;
};

// Distinct floats between 0.25 and 1.25.
Tensor Floats(const TensorShape& shape);

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_MACHINE_H_
