// CompareAndBitpack: x > threshold, eight bits to a byte.
#include "ops/compare_and_bitpack.h"

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/op_spec.h"
#include "ops/kernels/narrow_float.h"

namespace sluice::ops {
namespace {

absl::Status BitpackShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.WithRankAtLeast(0, 1));
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  if (shape.rank_known() && shape.dim(-1) >= 0) {
    if (shape.dim(-1) % 8 != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Inner dimension of input must be divisible by 8. Inner dimension: ", shape.dim(-1)));
    }
    shape.set_dim(-1, shape.dim(-1) / 8);
  }
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

template <typename T>
bool IsAbove(const T& x, const T& threshold) {
  if constexpr (std::is_same_v<T, Half>) {
    return kernels::Widen(x) > kernels::Widen(threshold);
  } else if constexpr (std::is_same_v<T, bool>) {
    return x;
  } else {
    return x > threshold;
  }
}

absl::Status BitpackKernel(KernelContext& c) {
  return Dispatch<bool, Half, float, double, int8_t, int16_t, int32_t, int64_t>(
      c.input(0).dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        const T* x = c.input(0).data<T>();
        const T threshold = c.input(1).scalar<T>();
        uint8_t* y = c.output(0).mutable_data<uint8_t>();
        ParallelFor(c.output(0).num_elements(), GrainFor(3), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            int bits = 0;
            for (int k = 0; k < 8; ++k)
              bits = bits << 1 | (IsAbove(x[8 * i + k], threshold) ? 1 : 0);
            y[i] = static_cast<uint8_t>(bits);
          }
        });
        return absl::OkStatus();
      });
}

}  // namespace

OpSpec CompareAndBitpackOp() {
  return OpSpec("CompareAndBitpack")
      .Input("input: T")
      .Input("threshold: T")
      .Output("output: uint8")
      .Attr("T: {bool, float16, float32, float64, int8, int16, int32, int64}")
      .Shape(BitpackShape)
      .Kernel(BitpackKernel)
      .NotDifferentiable("its result is a set of bits");
}

Output CompareAndBitpack(At at, Output input, Output threshold) {
  return at.Node("CompareAndBitpack", {input, threshold});
}

}  // namespace sluice::ops
