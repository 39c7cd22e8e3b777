// Comparisons of two tensors, and logic of two bools: z = f(x, y), broadcast.
#include "ops/comparison.h"

#include <cmath>
#include <complex>
#include <string>
#include <vector>

#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/op_spec.h"
#include "ops/binary_util.h"
#include "ops/kernels/binary_math.h"

namespace sluice::ops {
namespace {

using kernels::BinaryFunction;

// --- shape functions ---

absl::Status EqualityShape(ShapeContext& c) {
  if (c.attr<bool>("incompatible_shape_error")) return shapes::BroadcastBinary(c);
  const TensorShape &x = c.input(0), &y = c.input(1);
  absl::StatusOr<TensorShape> shape = BroadcastShapes(x, y);
  // Shapes that are not wholly known may still turn out not to fit.
  if (!x.fully_defined() || !y.fully_defined()) shape = TensorShape::Unknown();
  c.set_output(0, shape.ok() ? *shape : TensorShape());
  return absl::OkStatus();
}

absl::Status ApproximateEqualShape(ShapeContext& c) {
  absl::StatusOr<TensorShape> merged = c.input(0).MergeWith(c.input(1));
  if (!merged.ok()) return merged.status();
  c.set_output(0, *merged);
  return absl::OkStatus();
}

// --- kernels ---

KernelPrepare EqualityKernel(BinaryFunction function) {
  return [function](PrepareContext& p) -> absl::StatusOr<KernelRun> {
    if (BroadcastShapes(p.input_shape(0), p.input_shape(1)).ok())
      return BroadcastKernel(function)(p);
    const DType dtype = p.input_dtype(0);
    if (!kernels::FindBinary(function, dtype).vv)
      return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
    return [function](KernelContext& c) {
      *c.output(0).mutable_data<bool>() = function == BinaryFunction::kNotEqual;
      return absl::OkStatus();
    };
  };
}

template <typename T>
double Distance(T x, T y) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return std::abs(static_cast<float>(x) - static_cast<float>(y));
  } else if constexpr (std::is_integral_v<T>) {
    return x > y ? static_cast<double>(x) - static_cast<double>(y)
                 : static_cast<double>(y) - static_cast<double>(x);
  } else {
    return std::abs(x - y);
  }
}

absl::StatusOr<KernelRun> ApproximateEqualPrepare(PrepareContext& p) {
  const float tolerance = p.attr<float>("tolerance");
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
                uint32_t, uint64_t, std::complex<float>, std::complex<double>>(
          p.input_dtype(0), [&](auto tag) {
            using T = typename decltype(tag)::type;
            run = [tolerance](KernelContext& c) {
              const T* x = c.input(0).data<T>();
              const T* y = c.input(1).data<T>();
              bool* z = c.output(0).mutable_data<bool>();
              ParallelFor(c.input(0).num_elements(), GrainFor(1), [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) z[i] = Distance(x[i], y[i]) < tolerance;
              });
              return absl::OkStatus();
            };
            return absl::OkStatus();
          })));
  return run;
}

// --- specs ---

constexpr const char* kOrderedTypes = "T: realnumbertype";
constexpr const char* kNoQuantized = "TensorFlow has none for quantized types either";
const std::vector<DType>& Quantized() {
  static const auto* const types =
      new std::vector<DType>{DType::kQint8, DType::kQuint8, DType::kQint32};
  return *types;
}

OpSpec EqualityOp(absl::string_view name, BinaryFunction function) {
  return ComparisonOp(name,
                      "T: {bfloat16, half, float, double, uint8, int8, int16, int32, int64, "
                      "complex64, quint8, qint8, qint32, string, bool, complex128}",
                      function)
      .Attr("incompatible_shape_error: bool = true")
      .NoKernelFor("T", Quantized(), kNoQuantized)
      .Shape(EqualityShape)
      .Prepare(EqualityKernel(function))
      .Commutative();
}

OpSpec LogicOp(absl::string_view name, BinaryFunction function) {
  return OpSpec(name)
      .Input("x: bool")
      .Input("y: bool")
      .Output("z: bool")
      .Shape(shapes::BroadcastBinary)
      .Prepare(BroadcastKernel(function))
      .InPlace(0, 0)
      .InPlace(1, 0)
      .Commutative()
      .NotDifferentiable("its result is not a number");
}

}  // namespace

OpSpec EqualOp() { return EqualityOp("Equal", BinaryFunction::kEqual); }
OpSpec NotEqualOp() { return EqualityOp("NotEqual", BinaryFunction::kNotEqual); }
OpSpec LessOp() { return ComparisonOp("Less", kOrderedTypes, BinaryFunction::kLess); }
OpSpec LessEqualOp() {
  return ComparisonOp("LessEqual", kOrderedTypes, BinaryFunction::kLessEqual);
}
OpSpec GreaterOp() { return ComparisonOp("Greater", kOrderedTypes, BinaryFunction::kGreater); }
OpSpec GreaterEqualOp() {
  return ComparisonOp("GreaterEqual", kOrderedTypes, BinaryFunction::kGreaterEqual);
}
OpSpec ApproximateEqualOp() {
  return OpSpec("ApproximateEqual")
      .Input("x: T")
      .Input("y: T")
      .Output("z: bool")
      .Attr("T: numbertype")
      .Attr("tolerance: float = 0.00001")
      .NoKernelFor("T", Quantized(), kNoQuantized)
      .Shape(ApproximateEqualShape)
      .Prepare(ApproximateEqualPrepare)
      .Commutative()
      .NotDifferentiable("its result is not a number");
}
OpSpec LogicalAndOp() { return LogicOp("LogicalAnd", BinaryFunction::kLogicalAnd); }
OpSpec LogicalOrOp() { return LogicOp("LogicalOr", BinaryFunction::kLogicalOr); }

Output Equal(At at, Output x, Output y, const EqualOptions& options) {
  return at.Node("Equal", {x, y}, {{"incompatible_shape_error", options.incompatible_shape_error}});
}
Output NotEqual(At at, Output x, Output y, const EqualOptions& options) {
  return at.Node("NotEqual", {x, y},
                 {{"incompatible_shape_error", options.incompatible_shape_error}});
}
Output Less(At at, Output x, Output y) { return at.Node("Less", {x, y}); }
Output LessEqual(At at, Output x, Output y) { return at.Node("LessEqual", {x, y}); }
Output Greater(At at, Output x, Output y) { return at.Node("Greater", {x, y}); }
Output GreaterEqual(At at, Output x, Output y) { return at.Node("GreaterEqual", {x, y}); }
Output ApproximateEqual(At at, Output x, Output y, const ApproximateEqualOptions& options) {
  return at.Node("ApproximateEqual", {x, y}, {{"tolerance", options.tolerance}});
}
Output LogicalAnd(At at, Output x, Output y) { return at.Node("LogicalAnd", {x, y}); }
Output LogicalOr(At at, Output x, Output y) { return at.Node("LogicalOr", {x, y}); }

}  // namespace sluice::ops
