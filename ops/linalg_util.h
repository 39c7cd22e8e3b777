// What the files of linear algebra share: shapes of batches of matrices, loops over them, and
// products and diagonals that gradients need.
#ifndef SLUICE_OPS_LINALG_UTIL_H_
#define SLUICE_OPS_LINALG_UTIL_H_

#include <algorithm>
#include <complex>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "graph/at.h"
#include "graph/op_spec.h"
#include "graph/shape_context.h"
#include "ops/matmul.h"

namespace sluice::ops {

inline constexpr const char* kLinalgTypes = "T: {double, float, half, complex64, complex128}";
inline constexpr const char* kNoHalf = "TensorFlow has none for processors either";

// --- shapes ---

// Input i as [..., n, n]. InvalidArgument ~ "Dimensions must be equal, but are 2 and 3".
absl::StatusOr<TensorShape> SquareMatrices(const ShapeContext& c, int i);
// All dimensions but the last two; unknown when the rank is. REQUIRES: a rank of at least 2.
TensorShape BatchPart(const TensorShape& shape);
// batch + [rows, columns], batch + [size].
TensorShape MatricesOf(TensorShape batch, int64_t rows, int64_t columns);
TensorShape VectorsOf(TensorShape batch, int64_t size);
// The smaller of two dimensions; -1 when that cannot be told.
int64_t SmallerDim(int64_t a, int64_t b);
// The first output has input 0's shape, which is square.
absl::Status SquareShape(ShapeContext& c);

// --- kernels: computed in double ---

template <typename T>
using WideOf = std::conditional_t<std::is_floating_point_v<T>, double, std::complex<double>>;

// Matrix i of a tensor, as double.
template <typename T>
class MatrixReader {
 public:
  MatrixReader(const Tensor& tensor, int64_t i)
      : size_(tensor.dim(-1) * tensor.dim(-2)), from_(tensor.data<T>() + i * size_) {
    if constexpr (!std::is_same_v<T, WideOf<T>>) copy_.assign(from_, from_ + size_);
  }
  const WideOf<T>* data() const {
    if constexpr (std::is_same_v<T, WideOf<T>>) {
      return from_;
    } else {
      return copy_.data();
    }
  }

 private:
  int64_t size_;
  const T* from_;
  std::vector<WideOf<T>> copy_;
};

// Elements [i * size, (i + 1) * size) of a tensor, written as double; Store() rounds them.
template <typename T>
class ElementWriter {
 public:
  ElementWriter(Tensor& tensor, int64_t i, int64_t size)
      : size_(size), to_(tensor.mutable_data<T>() + i * size) {
    if constexpr (!std::is_same_v<T, WideOf<T>>) copy_.resize(size);
  }
  WideOf<T>* data() {
    if constexpr (std::is_same_v<T, WideOf<T>>) {
      return to_;
    } else {
      return copy_.data();
    }
  }
  void Store() {
    if constexpr (!std::is_same_v<T, WideOf<T>>) {
      std::transform(copy_.begin(), copy_.end(), to_,
                     [](const WideOf<T>& x) { return static_cast<T>(x); });
    }
  }

 private:
  int64_t size_;
  T* to_;
  std::vector<WideOf<T>> copy_;
};

// How many matrices a tensor of rank >= 2 holds.
int64_t CountMatrices(const TensorShape& shape);

// Calls f(i) for every i < count, in parallel when that costs (`cost` nanoseconds each).
// InvalidArgument with `message` when one returns false.
absl::Status ForEachMatrix(int64_t count, double cost, absl::string_view message,
                           absl::FunctionRef<bool(int64_t)> f);
// About the cost of work on [m, n] matrices that takes m n min(m, n) steps.
double CubicCost(int64_t m, int64_t n);

// --- gradients ---

Output Product(At at, Output x, Output y, const BatchMatMulOptions& options = {});
// The last two dimensions exchanged, and complex elements conjugated.
Output Adjoint(At at, const Output& x);
// Unit matrices like the square matrices x.
Output EyeLike(At at, const Output& x);
// x[..., begin:end].
Output Columns(At at, const Output& x, int64_t begin, int64_t end);

}  // namespace sluice::ops

#endif  // SLUICE_OPS_LINALG_UTIL_H_
