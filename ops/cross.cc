// Cross: product[k] = a[k + 1] b[k + 2] - a[k + 2] b[k + 1], indices modulo 3.
#include "ops/cross.h"

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/accumulate.h"
#include "ops/kernels/narrow_float.h"

namespace sluice::ops {
namespace {

absl::Status CrossShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape a, c.WithRankAtLeast(0, 1));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape b, c.WithRankAtLeast(1, 1));
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, a.MergeWith(b));
  if (shape.rank_known()) {
    if (shape.dim(-1) >= 0 && shape.dim(-1) != 3) {
      return absl::InvalidArgumentError(
          absl::StrCat("Dimension must be 3 but is ", shape.dim(-1),
                       ": Cross-products are only defined for 3-element vectors"));
    }
    shape.set_dim(-1, 3);
  }
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

// a b - c d without undefined behaviour.
template <typename T>
T DifferenceOfProducts(T a, T b, T c, T d) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(Times(a, b)) - static_cast<uint64_t>(Times(c, d)));
  } else if constexpr (kIsHalf<T>) {
    return T(static_cast<float>(a) * static_cast<float>(b) -
             static_cast<float>(c) * static_cast<float>(d));
  } else {
    return a * b - c * d;
  }
}

absl::Status CrossKernel(KernelContext& c) {
  return Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                  uint16_t, uint32_t, uint64_t>(c.input(0).dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* a = c.input(0).data<T>();
    const T* b = c.input(1).data<T>();
    T* product = c.output(0).mutable_data<T>();
    ParallelFor(c.input(0).num_elements() / 3, GrainFor(3), [&](int64_t begin, int64_t end) {
      for (int64_t i = 3 * begin; i < 3 * end; i += 3) {
        for (int k = 0; k < 3; ++k) {
          const int64_t next = i + (k + 1) % 3, last = i + (k + 2) % 3;
          product[i + k] = DifferenceOfProducts(a[next], b[last], a[last], b[next]);
        }
      }
    });
    return absl::OkStatus();
  });
}

Outputs CrossGradient(At at, const Node& op, const Outputs& dy) {
  return {Cross(at, op.input(1), dy[0]), Cross(at, dy[0], op.input(0))};
}

}  // namespace

OpSpec CrossOp() {
  return OpSpec("Cross")
      .Input("a: T")
      .Input("b: T")
      .Output("product: T")
      .Attr("T: realnumbertype")
      .Shape(CrossShape)
      .Kernel(CrossKernel)
      .Gradient(CrossGradient);
}

Output Cross(At at, Output a, Output b) { return at.Node("Cross", {a, b}); }

}  // namespace sluice::ops
