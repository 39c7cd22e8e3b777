// numpy's broadcasting of a function of two numbers.
#ifndef SLUICE_OPS_KERNELS_BROADCAST_H_
#define SLUICE_OPS_KERNELS_BROADCAST_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "core/dtype.h"
#include "core/tensor_shape.h"
#include "ops/kernels/binary_math.h"

namespace sluice::kernels {

// A function and two shapes, with the walk over them worked out: neighbouring dimensions that
// behave alike are merged, so that equal shapes, a scalar, a trailing vector, a column and a row
// come down to one or two loops.
class BroadcastBinary {
 public:
  BroadcastBinary() = default;
  // REQUIRES: the kernel has loops; both shapes are fully defined and fit each other. `input` and
  // `output` are the elements' types.
  BroadcastBinary(const BinaryKernel& kernel, DType input, DType output, const TensorShape& x,
                  const TensorShape& y);

  // z = f(x, y), in parallel where that pays. z may be x or y when that one has the result's shape
  // and element size. False when a checked function met a pair without a value.
  bool Run(const void* x, const void* y, void* z) const;

 private:
  // Dimensions that behave alike. A step is in elements: 0 where the operand is repeated.
  struct Loop {
    int64_t size = 1;
    int64_t step_x = 0, step_y = 0;
  };
  class Walk;

  bool RunFlat(const char* x, const char* y, char* z) const;
  bool RunRows(const char* x, const char* y, char* z, int64_t begin, int64_t end) const;
  bool RunShortRows(const char* x, const char* y, char* z, int64_t begin, int64_t end) const;
  void Expand(bool of_y, const Walk& from, const char* data, int64_t rows, char* to) const;

  BinaryKernel kernel_;
  BinaryRun inner_run_ = nullptr;
  Loop inner_;
  absl::InlinedVector<Loop, 6> outer_;        // outermost first
  int64_t rows_ = 0;                          // product of the outer loops
  int64_t input_size_ = 0, output_size_ = 0;  // bytes of an element
  bool short_rows_ = false;
};

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_BROADCAST_H_
