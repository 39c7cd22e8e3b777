// Relu and its relatives: y = f(x); their gradient ops: dx = dy * f'. The functions are in
// ops/kernels/activations.h.
#include "ops/relu.h"

#include <optional>
#include <string>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/flops.h"
#include "ops/kernels/activations.h"

namespace sluice::ops {
namespace {

using kernels::Activation;

absl::Status GradientShape(ShapeContext& c) {
  auto merged = c.input(0).MergeWith(c.input(1));
  if (!merged.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but are ",
                                                   c.input(0).ToString(), " and ",
                                                   c.input(1).ToString()));
  }
  c.set_output(0, *std::move(merged));
  return absl::OkStatus();
}

constexpr bool ServesIntegers(Activation f) {
  return f == Activation::kRelu || f == Activation::kRelu6;
}

template <Activation f, typename F>
absl::Status DispatchTypes(DType dtype, F&& body) {
  if constexpr (ServesIntegers(f)) {
    return Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                    uint16_t, uint32_t, uint64_t>(dtype, body);
  } else {
    return Dispatch<float, double, Half, BFloat16>(dtype, body);
  }
}

float Alpha(const AttrMap& attrs) {
  return FindAttr(attrs, "alpha") == nullptr ? 0.0f : GetAttr<float>(attrs, "alpha");
}

template <Activation f>
absl::StatusOr<KernelRun> Prepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      DispatchTypes<f>(p.output_dtype(0), [&, alpha = Alpha(p.attrs())](auto tag) {
        using T = typename decltype(tag)::type;
        run = [alpha](KernelContext& c) {
          Tensor& y = c.output(0);
          kernels::Activate(f, alpha, c.input(0).data<T>(), y.mutable_data<T>(), y.num_elements());
          return absl::OkStatus();
        };
        return absl::OkStatus();
      }));
  return run;
}

template <Activation f>
absl::StatusOr<KernelRun> PrepareGradient(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      DispatchTypes<f>(p.output_dtype(0), [&, alpha = Alpha(p.attrs())](auto tag) {
        using T = typename decltype(tag)::type;
        run = [alpha](KernelContext& c) {
          Tensor& dx = c.output(0);
          kernels::ActivateGradient(f, alpha, c.input(0).data<T>(), c.input(1).data<T>(),
                                    dx.mutable_data<T>(), dx.num_elements());
          return absl::OkStatus();
        };
        return absl::OkStatus();
      }));
  return run;
}

template <Activation f>
std::optional<TileKernel> Tile(const AttrMap& attrs, DType dtype) {
  return kernels::ActivationTile(f, Alpha(attrs), dtype);
}
template <Activation f>
std::optional<TileKernel> TileGradient(const AttrMap& attrs, DType dtype) {
  return kernels::ActivationGradientTile(f, Alpha(attrs), dtype);
}

// --- gradients ---

Outputs ReluGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("ReluGrad", {dy[0], op.output(0)})};
}
Outputs Relu6Gradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("Relu6Grad", {dy[0], op.output(0)})};
}
Outputs LeakyReluGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("LeakyReluGrad", {dy[0], op.input(0)}, {{"alpha", op.attr<float>("alpha")}})};
}
Outputs EluGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("EluGrad", {dy[0], op.output(0)})};
}
Outputs SeluGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("SeluGrad", {dy[0], op.output(0)})};
}
Outputs SoftplusGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("SoftplusGrad", {dy[0], op.input(0)})};
}
Outputs SoftsignGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("SoftsignGrad", {dy[0], op.input(0)})};
}

// Gradient ops are linear in their first input; piecewise linear activations have no second
// derivative.
Outputs LinearGradient(At at, const Node& op, const Outputs& dy) {
  AttrMap attrs;
  if (const AttrValue* alpha = FindAttr(op.attrs(), "alpha")) attrs["alpha"] = *alpha;
  return {at.Node(op.op(), {dy[0], op.input(1)}, std::move(attrs)), Output()};
}

// EluGrad and SeluGrad, as functions of y < 0: dy * (y + constant).
Outputs ExponentialGradient(At at, const Node& op, const Outputs& dy) {
  const Output y = op.input(1);
  const Output zeros = at.Node("ZerosLike", {y});
  const Output product = at.Node("Mul", {dy[0], op.input(0)});
  return {at.Node(op.op(), {dy[0], y}),
          at.Node("Select", {at.Node("Less", {y, zeros}), product, zeros})};
}

// d/dx of g * sigmoid(x) is g * sigmoid(x) * sigmoid(-x).
Outputs SoftplusGradGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(1);
  const Output product = at.Node("Mul", {dy[0], op.input(0)});
  const Output once = at.Node("SoftplusGrad", {product, x});
  return {at.Node("SoftplusGrad", {dy[0], x}),
          at.Node("SoftplusGrad", {once, at.Node("Neg", {x})})};
}

// d/dx of g / (1 + |x|)^2 is -2 g sign(x) / (1 + |x|)^3, and |x| / (1 + |x|) = |softsign(x)|, so 1
// / (1 + |x|) = 1 - |softsign(x)|.
Outputs SoftsignGradGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(1);
  const Output product = at.Node("Mul", {dy[0], op.input(0)});
  const Output once = at.Node("SoftsignGrad", {product, x});
  const Output softsign = at.Node("Softsign", {x});
  // sign(x) / (1 + |x|) = sign(x) - softsign(x)
  const Output factor = at.Node("Sub", {softsign, at.Node("Sign", {x})});
  const Output half = at.Node("Mul", {once, factor});
  return {at.Node("SoftsignGrad", {dy[0], x}), at.Node("AddV2", {half, half})};
}

// --- schemas ---

constexpr char kFloatTypes[] = "T: {half, bfloat16, float, double}";

OpSpec ForwardSpec(const char* name, const char* types) {
  OpSpec spec(name);
  spec.Input("features: T").Output("activations: T").Attr(types).Shape(shapes::SameAsInput);
  spec.InPlace(0, 0).Flops(FlopsPerElement(1));
  return spec;
}

// `at` is the name of the second input.
OpSpec GradientSpec(const char* name, const char* at, const char* types) {
  OpSpec spec(name);
  spec.Input("gradients: T").Input(std::string(at) + ": T").Output("backprops: T").Attr(types);
  spec.Shape(GradientShape).InPlace(0, 0).Flops(FlopsPerElement(1));
  return spec;
}

}  // namespace

OpSpec ReluOp() {
  return ForwardSpec("Relu", "T: {realnumbertype, qint8}")
      .Prepare(Prepare<Activation::kRelu>)
      .Tiled(Tile<Activation::kRelu>)
      .NoKernelFor("T", {DType::kQint8}, "TensorFlow has no CPU kernel either")
      .Gradient(ReluGradient);
}
OpSpec ReluGradOp() {
  return GradientSpec("ReluGrad", "features", "T: realnumbertype")
      .Prepare(PrepareGradient<Activation::kRelu>)
      .Tiled(TileGradient<Activation::kRelu>)
      .Gradient(LinearGradient);
}
OpSpec Relu6Op() {
  return ForwardSpec("Relu6", "T: realnumbertype")
      .Prepare(Prepare<Activation::kRelu6>)
      .Tiled(Tile<Activation::kRelu6>)
      .Gradient(Relu6Gradient);
}
OpSpec Relu6GradOp() {
  return GradientSpec("Relu6Grad", "features", "T: realnumbertype")
      .Prepare(PrepareGradient<Activation::kRelu6>)
      .Tiled(TileGradient<Activation::kRelu6>)
      .Gradient(LinearGradient);
}
OpSpec LeakyReluOp() {
  return ForwardSpec("LeakyRelu", "T: {half, bfloat16, float, double} = DT_FLOAT")
      .Attr("alpha: float = 0.2")
      .Prepare(Prepare<Activation::kLeakyRelu>)
      .Tiled(Tile<Activation::kLeakyRelu>)
      .Gradient(LeakyReluGradient);
}
OpSpec LeakyReluGradOp() {
  return GradientSpec("LeakyReluGrad", "features", "T: {half, bfloat16, float, double} = DT_FLOAT")
      .Attr("alpha: float = 0.2")
      .Prepare(PrepareGradient<Activation::kLeakyRelu>)
      .Tiled(TileGradient<Activation::kLeakyRelu>)
      .Gradient(LinearGradient);
}
OpSpec EluOp() {
  return ForwardSpec("Elu", kFloatTypes)
      .Prepare(Prepare<Activation::kElu>)
      .Tiled(Tile<Activation::kElu>)
      .Gradient(EluGradient);
}
OpSpec EluGradOp() {
  return GradientSpec("EluGrad", "outputs", kFloatTypes)
      .Prepare(PrepareGradient<Activation::kElu>)
      .Flops(FlopsPerElement(3))
      .Tiled(TileGradient<Activation::kElu>)
      .Gradient(ExponentialGradient);
}
OpSpec SeluOp() {
  return ForwardSpec("Selu", kFloatTypes)
      .Prepare(Prepare<Activation::kSelu>)
      .Tiled(Tile<Activation::kSelu>)
      .Gradient(SeluGradient);
}
OpSpec SeluGradOp() {
  return GradientSpec("SeluGrad", "outputs", kFloatTypes)
      .Prepare(PrepareGradient<Activation::kSelu>)
      .Flops(FlopsPerElement(3))
      .Tiled(TileGradient<Activation::kSelu>)
      .Gradient(ExponentialGradient);
}
OpSpec SoftplusOp() {
  return ForwardSpec("Softplus", kFloatTypes)
      .Prepare(Prepare<Activation::kSoftplus>)
      .Tiled(Tile<Activation::kSoftplus>)
      .Gradient(SoftplusGradient);
}
OpSpec SoftplusGradOp() {
  return GradientSpec("SoftplusGrad", "features", kFloatTypes)
      .Prepare(PrepareGradient<Activation::kSoftplus>)
      .Flops(FlopsPerElement(3))
      .Tiled(TileGradient<Activation::kSoftplus>)
      .Gradient(SoftplusGradGradient);
}
OpSpec SoftsignOp() {
  return ForwardSpec("Softsign", kFloatTypes)
      .Prepare(Prepare<Activation::kSoftsign>)
      .Tiled(Tile<Activation::kSoftsign>)
      .Gradient(SoftsignGradient);
}
OpSpec SoftsignGradOp() {
  return GradientSpec("SoftsignGrad", "features", kFloatTypes)
      .Prepare(PrepareGradient<Activation::kSoftsign>)
      .Flops(FlopsPerElement(3))
      .Tiled(TileGradient<Activation::kSoftsign>)
      .Gradient(SoftsignGradGradient);
}

Output Relu(At at, Output features) { return at.Node("Relu", {features}); }
Output Relu6(At at, Output features) { return at.Node("Relu6", {features}); }
Output Elu(At at, Output features) { return at.Node("Elu", {features}); }
Output Selu(At at, Output features) { return at.Node("Selu", {features}); }
Output Softplus(At at, Output features) { return at.Node("Softplus", {features}); }
Output Softsign(At at, Output features) { return at.Node("Softsign", {features}); }
Output LeakyRelu(At at, Output features) { return LeakyRelu(at, features, LeakyReluOptions()); }
Output LeakyRelu(At at, Output features, LeakyReluOptions options) {
  return at.Node("LeakyRelu", {features}, {{"alpha", options.alpha}});
}

Output ReluGrad(At at, Output gradients, Output features) {
  return at.Node("ReluGrad", {gradients, features});
}
Output Relu6Grad(At at, Output gradients, Output features) {
  return at.Node("Relu6Grad", {gradients, features});
}
Output EluGrad(At at, Output gradients, Output outputs) {
  return at.Node("EluGrad", {gradients, outputs});
}
Output SeluGrad(At at, Output gradients, Output outputs) {
  return at.Node("SeluGrad", {gradients, outputs});
}
Output SoftplusGrad(At at, Output gradients, Output features) {
  return at.Node("SoftplusGrad", {gradients, features});
}
Output SoftsignGrad(At at, Output gradients, Output features) {
  return at.Node("SoftsignGrad", {gradients, features});
}
Output LeakyReluGrad(At at, Output gradients, Output features, LeakyReluOptions options) {
  return at.Node("LeakyReluGrad", {gradients, features}, {{"alpha", options.alpha}});
}

}  // namespace sluice::ops
