// Reductions of arrays over some of their dimensions.
#ifndef SLUICE_OPS_KERNELS_REDUCE_H_
#define SLUICE_OPS_KERNELS_REDUCE_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "core/dtype.h"
#include "core/tensor_shape.h"

namespace sluice::kernels {

enum class ReduceFunction {
  kSum,             // integers wrap
  kMean,            // of integers: rounded towards zero; of nothing: NaN, 0 for integers
  kProd,            // of nothing: 1
  kMax,             // NaN where there is one; of nothing: -infinity, the lowest integer
  kMin,             // NaN where there is one; of nothing: +infinity, the highest integer
  kHalfSumSquares,  // sum of squares / 2, of floating types
  kEuclideanNorm,   // square root of the sum of squares, of floating types
  kAll,             // of bools; of nothing: true
  kAny,             // of bools; of nothing: false
};

// One reduction of arrays of one shape. Floating sums are taken in float over at most a few hundred
// elements per lane and in double above that, so their error does not grow with the array. Results
// do not depend on the number of threads.
class Reduction {
 public:
  Reduction() = default;
  // REQUIRES: Supports(function, dtype); `axes` are distinct and in [0, rank); the shape is fully
  // defined.
  Reduction(ReduceFunction function, DType dtype, const TensorShape& shape,
            absl::Span<const int64_t> axes);
  static bool Supports(ReduceFunction function, DType dtype);

  // Memory that Run needs; aligned for any element.
  int64_t scratch_bytes() const { return scratch_bytes_; }
  // `to` is apart from `from`, or the same where there are as many results as elements.
  void Run(const void* from, void* to, void* scratch) const;

  // The walk over the array, for the loops in reduce.cc. Neighbouring dimensions that are both kept
  // or both reduced are one.
  struct Loop {
    int64_t size = 1;
    int64_t step = 0;  // elements
  };
  struct Plan {
    absl::InlinedVector<Loop, 4> kept, reduced;  // outer loops, outermost first
    int64_t inner = 1;                           // size of the innermost dimension
    bool inner_reduced = false;
    int64_t kept_count = 1, reduced_count = 1;  // products of the outer loops
    int64_t items = 1;                          // elements behind one result
    int64_t results = 1;
    int64_t chunks =
        1;  // parts that the reduced elements are cut into, each with partial results of its own
  };

 private:
  using RunFn = void (*)(const Plan& plan, const void* from, void* to, void* scratch);
  struct Kernel {
    RunFn run = nullptr;
    int64_t total_bytes = 0;  // of one partial result
  };
  template <template <typename> class F, typename... Ts>
  static Kernel Pick(DType dtype);
  static Kernel Find(ReduceFunction function, DType dtype);

  Plan plan_;
  RunFn run_ = nullptr;
  int64_t copied_bytes_ = 0;  // > 0: the results are the elements as they are
  int64_t scratch_bytes_ = 0;
};

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_REDUCE_H_
