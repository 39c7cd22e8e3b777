// Bit operations on integers. Loops of two operands: kernels/binary_bits.cc.
#include "ops/bitwise.h"

#include <bit>
#include <type_traits>

#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/op_spec.h"
#include "ops/binary_util.h"

namespace sluice::ops {
namespace {

using kernels::BinaryFunction;

// y[i] = f(x[i]) for integers of any type; f takes unsigned ones.
template <typename U, typename F>
absl::Status ForEachInteger(KernelContext& c, F f) {
  return Dispatch<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>(
      c.input(0).dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        using To = std::conditional_t<std::is_void_v<U>, T, uint8_t>;
        const T* x = c.input(0).data<T>();
        To* y = c.output(0).mutable_data<To>();
        ParallelFor(c.input(0).num_elements(), GrainFor(0.3), [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i)
            y[i] = static_cast<To>(f(static_cast<std::make_unsigned_t<T>>(x[i])));
        });
        return absl::OkStatus();
      });
}

absl::Status InvertKernel(KernelContext& c) {
  return ForEachInteger<void>(c, [](auto x) { return ~x; });
}

absl::Status PopulationCountKernel(KernelContext& c) {
  return ForEachInteger<uint8_t>(c, [](auto x) { return std::popcount(x); });
}

constexpr const char* kIntegers = "T: {int8, int16, int32, int64, uint8, uint16, uint32, uint64}";
constexpr const char* kNotSmooth = "its operands are integers";

OpSpec BitwiseOp(absl::string_view name, BinaryFunction function) {
  return BroadcastOp(name, kIntegers, function).Commutative().NotDifferentiable(kNotSmooth);
}

OpSpec ShiftOp(absl::string_view name, BinaryFunction function) {
  return BroadcastOp(name, kIntegers, function).NotDifferentiable(kNotSmooth);
}

}  // namespace

OpSpec BitwiseAndOp() { return BitwiseOp("BitwiseAnd", BinaryFunction::kBitwiseAnd); }
OpSpec BitwiseOrOp() { return BitwiseOp("BitwiseOr", BinaryFunction::kBitwiseOr); }
OpSpec BitwiseXorOp() { return BitwiseOp("BitwiseXor", BinaryFunction::kBitwiseXor); }
OpSpec LeftShiftOp() { return ShiftOp("LeftShift", BinaryFunction::kLeftShift); }
OpSpec RightShiftOp() { return ShiftOp("RightShift", BinaryFunction::kRightShift); }
OpSpec InvertOp() {
  return OpSpec("Invert")
      .Input("x: T")
      .Output("y: T")
      .Attr(kIntegers)
      .Shape(shapes::SameAsInput)
      .Kernel(InvertKernel)
      .InPlace(0, 0)
      .NotDifferentiable(kNotSmooth);
}
OpSpec PopulationCountOp() {
  return OpSpec("PopulationCount")
      .Input("x: T")
      .Output("y: uint8")
      .Attr(kIntegers)
      .Shape(shapes::SameAsInput)
      .Kernel(PopulationCountKernel)
      .NotDifferentiable(kNotSmooth);
}

Output BitwiseAnd(At at, Output x, Output y) { return at.Node("BitwiseAnd", {x, y}); }
Output BitwiseOr(At at, Output x, Output y) { return at.Node("BitwiseOr", {x, y}); }
Output BitwiseXor(At at, Output x, Output y) { return at.Node("BitwiseXor", {x, y}); }
Output LeftShift(At at, Output x, Output y) { return at.Node("LeftShift", {x, y}); }
Output RightShift(At at, Output x, Output y) { return at.Node("RightShift", {x, y}); }
Output Invert(At at, Output x) { return at.Node("Invert", {x}); }
Output PopulationCount(At at, Output x) { return at.Node("PopulationCount", {x}); }

}  // namespace sluice::ops
