// What ops cost: ready-made functions for OpSpec::Flops(). Two operations per multiply-add, as
// TensorFlow's profiler counts them (tensorflow/python/profiler/internal/flops_registry.py), which
// tells of most forward ops; the others count what their formula has, roughly: no minor term is
// worth a term here.
//
// A tensor's place among an op's tensors: i >= 0 is input i, -1 - i output i (kOutput is the
// first). Where a shape that a function looks at is not known, the cost is 0.
#ifndef SLUICE_OPS_FLOPS_H_
#define SLUICE_OPS_FLOPS_H_

#include <initializer_list>

#include "absl/types/span.h"
#include "core/attr_value.h"
#include "core/tensor_shape.h"
#include "graph/op_spec.h"

namespace sluice::ops {

inline constexpr int kOutput = -1;

// Elements of a tensor; 0 unless its shape is known.
double ElementsOf(const TensorShape& shape);

// `each` for every element of a tensor: of functions element by element, Softmax, ...
FlopsFn FlopsPerElement(double each, int tensor = kOutput);

// A sum, product, ... of input 0's elements over some dimensions, and `divisions` for each result:
// 1 for a mean.
FlopsFn ReductionFlops(double divisions);

// output 0 is the sum of all inputs.
double SumOfAllFlops(const AttrMap& attrs, absl::Span<const TensorShape> inputs,
                     absl::Span<const TensorShape> outputs);

// A convolution y of a filter [spatial..., in, out], and just so its gradients, for which the same
// numbers are multiplied: every element of y, whether it is made or given, is a sum over the
// filter's taps and its input channels. `filter` and `y`: where these tensors, or the gradients
// with their shapes, are.
FlopsFn ConvolutionFlops(int filter, int y);
// The same for filters [height, width, in, multiplier]: every channel by itself.
FlopsFn DepthwiseFlops(int filter, int y);

// A matrix product a b, or a stack of them, of which input 0 is a: 2 m k n. `transpose`: the bool
// attr that says that a is [..., k, m].
FlopsFn ProductFlops(const char* transpose);

// Windows as the attr ksize says: `each` for every element of the window of every element of `y`,
// and `more` for each of these.
FlopsFn PoolingFlops(int y, double each = 1, double more = 0);

// A step of a recurrent cell, or many: each row of a tensor [..., k] meets every element of the
// `weights`, `products` times; `each` for every element of `state`.
FlopsFn RecurrentFlops(int rows, std::initializer_list<int> weights, double products, int state,
                       double each);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_FLOPS_H_
