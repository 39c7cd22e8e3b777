// Identity and its kin. CheckNumerics looks at every element once: x - x is 0 exactly when x is
// finite.
#include "ops/identity.h"

#include <cmath>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"
#include "ops/summarize.h"

namespace sluice::ops {
namespace {

absl::Status SameAsEachInput(ShapeContext& c) {
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, c.input(i));
  return absl::OkStatus();
}

absl::Status AssertShape(ShapeContext& c) { return c.WithRank(0, 0).status(); }

absl::Status CopyKernel(KernelContext& c) {
  for (int i = 0; i < c.num_outputs(); ++i) {
    const Tensor& from = c.input(i);
    CopyElements(from.dtype(), from.raw(), c.output(i).mutable_raw(), from.num_elements());
  }
  return absl::OkStatus();
}

struct NonFinite {
  bool nan = false, inf = false;
};

template <typename T>
NonFinite FindNonFinite(absl::Span<const T> values) {
  NonFinite found;
  for (const T& value : values) {
    const auto x = static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(value);
    found.nan |= std::isnan(x);
    found.inf |= std::isinf(x);
  }
  return found;
}

template <typename T>
bool AllFinite(absl::Span<const T> values) {
  if constexpr (std::is_floating_point_v<T>) {
    T sum =
        0;  // stays 0 or becomes NaN; one accumulator per lane after vectorization by hand below
    constexpr size_t kLanes = 16;
    T lanes[kLanes] = {};
    size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes) {
      for (size_t k = 0; k < kLanes; ++k) lanes[k] += values[i + k] - values[i + k];
    }
    for (; i < values.size(); ++i) sum += values[i] - values[i];
    for (const T lane : lanes) sum += lane;
    return sum == 0;
  } else {
    const NonFinite found = FindNonFinite(values);
    return !found.nan && !found.inf;
  }
}

template <typename T>
absl::Status CheckNumericsRun(KernelContext& c, const std::string& message) {
  const Tensor& input = c.input(0);
  const absl::Span<const T> values = input.flat<T>();
  if (!AllFinite(values)) {
    const NonFinite found = FindNonFinite(values);
    const char* what = found.inf && found.nan ? "Inf and NaN" : found.inf ? "Inf" : "NaN";
    return absl::InvalidArgumentError(absl::StrCat(message, " : Tensor had ", what, " values"));
  }
  CopyElements(input.dtype(), input.raw(), c.output(0).mutable_raw(), input.num_elements());
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> CheckNumericsPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double, Half, BFloat16>(p.input_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [message = p.attr<std::string>("message")](KernelContext& c) {
      return CheckNumericsRun<T>(c, message);
    };
    return absl::OkStatus();
  })));
  return run;
}

absl::Status NoOpKernel(KernelContext&) { return absl::OkStatus(); }

absl::Status AssertKernel(KernelContext& c) {
  if (c.input(0).shape().rank() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("In[0] should be a scalar: ", c.input(0).shape().ToString()));
  }
  if (c.input(0).scalar<bool>()) return absl::OkStatus();
  std::string message = "assertion failed: ";
  for (int i = 1; i < c.num_inputs(); ++i) {
    absl::StrAppend(&message, i > 1 ? " " : "", "[",
                    SummarizeValue(c.input(i), c.attr<int64_t>("summarize")), "]");
  }
  return absl::InvalidArgumentError(message);
}

Outputs IdentityGradient(At, const Node&, const Outputs& dy) { return dy; }

Outputs PreventGradientGradient(At at, const Node& op, const Outputs&) {
  at.Fail("PreventGradient",
          absl::UnimplementedError(absl::StrCat("gradient explicitly disabled at node '", op.name(),
                                                "'. Reason: ", op.attr<std::string>("message"))));
  return {Output()};
}

Outputs CheckNumericsGradient(At at, const Node& op, const Outputs& dy) {
  return {CheckNumerics(
      at, dy[0],
      absl::StrCat("Not a number (NaN) or infinity (Inf) values detected in gradient. ",
                   op.attr<std::string>("message")))};
}

}  // namespace

OpSpec IdentityOp() {
  return OpSpec("Identity")
      .Input("input: T")
      .Output("output: T")
      .Attr("T: type")
      .Shape(shapes::SameAsInput)
      .Alias(0, 0)
      .Gradient(IdentityGradient)
      .PassesGradientThrough();
}

OpSpec IdentityNOp() {
  return OpSpec("IdentityN")
      .Input("input: T")
      .Output("output: T")
      .Attr("T: list(type) >= 1")
      .Shape(SameAsEachInput)
      .Kernel(CopyKernel)
      .Gradient(IdentityGradient);
}

OpSpec StopGradientOp() {
  return OpSpec("StopGradient")
      .Input("input: T")
      .Output("output: T")
      .Attr("T: type")
      .Shape(shapes::SameAsInput)
      .Alias(0, 0)
      .NotDifferentiable("it stops gradients: that is its use");
}

OpSpec PreventGradientOp() {
  return OpSpec("PreventGradient")
      .Input("input: T")
      .Output("output: T")
      .Attr("T: type")
      .Attr("message: string = ''")
      .Shape(shapes::SameAsInput)
      .Alias(0, 0)
      .Gradient(PreventGradientGradient);
}

OpSpec SnapshotOp() {
  return OpSpec("Snapshot")
      .Input("input: T")
      .Output("output: T")
      .Attr("T: type")
      .Shape(shapes::SameAsInput)
      .Alias(0, 0)
      .Gradient(IdentityGradient);
}

OpSpec DeepCopyOp() {
  return OpSpec("DeepCopy")
      .Input("x: T")
      .Output("y: T")
      .Attr("T: type")
      .Shape(shapes::SameAsInput)
      .Kernel(CopyKernel)
      .Stateful()
      .Gradient(IdentityGradient);
}

OpSpec CheckNumericsOp() {
  return OpSpec("CheckNumerics")
      .Input("tensor: T")
      .Output("output: T")
      .Attr("T: {bfloat16, half, float, double}")
      .Attr("message: string")
      .Shape(shapes::SameAsInput)
      .Prepare(CheckNumericsPrepare)
      .InPlace(0, 0)
      .Gradient(CheckNumericsGradient);
}

OpSpec NoOpOp() {
  return OpSpec("NoOp")
      .Shape(shapes::NoOutputs)
      .Kernel(NoOpKernel)
      .NotDifferentiable("NoOp has no output");
}

OpSpec AssertOp() {
  return OpSpec("Assert")
      .Input("condition: bool")
      .Input("data: T")
      .Attr("T: list(type) >= 1")
      .Attr("summarize: int = 3")
      .Shape(AssertShape)
      .Kernel(AssertKernel)
      .Stateful()
      .NotDifferentiable("Assert has no output");
}

Output Identity(At at, Output input) { return at.Node("Identity", {input}); }
Outputs IdentityN(At at, const Outputs& input) { return at.Nodes("IdentityN", input); }
Output StopGradient(At at, Output input) { return at.Node("StopGradient", {input}); }
Output PreventGradient(At at, Output input, const std::string& message) {
  return at.Node("PreventGradient", {input}, {{"message", message}});
}
Output Snapshot(At at, Output input) { return at.Node("Snapshot", {input}); }
Output DeepCopy(At at, Output x) { return at.Node("DeepCopy", {x}); }
Output CheckNumerics(At at, Output tensor, const std::string& message) {
  return at.Node("CheckNumerics", {tensor}, {{"message", message}});
}
Output NoOp(At at) { return at.Node("NoOp"); }
Output Assert(At at, Output condition, const Outputs& data, const AssertOptions& options) {
  Outputs inputs = {condition};
  inputs.insert(inputs.end(), data.begin(), data.end());
  return at.Node("Assert", inputs, {{"summarize", options.summarize}});
}

}  // namespace sluice::ops
