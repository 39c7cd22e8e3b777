// _FusedConv2D and _FusedDepthwiseConv2dNative: see ops/fused_conv2d.h for the rules,
// ops/kernels/epilogue.h for what follows the convolution.
#include "ops/fused_conv2d.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/conv_common.h"
#include "ops/flops.h"

namespace sluice::ops {
namespace {

using kernels::ConvPass;
using kernels::Epilogue;

constexpr struct {
  const char* name;
  Epilogue::Function function;
} kFunctions[] = {
    {"Relu", Epilogue::Function::kRelu},           {"Relu6", Epilogue::Function::kRelu6},
    {"LeakyRelu", Epilogue::Function::kLeakyRelu}, {"Elu", Epilogue::Function::kElu},
    {"Tanh", Epilogue::Function::kTanh},           {"Sigmoid", Epilogue::Function::kSigmoid},
};

Epilogue::Function FindFunction(const std::string& name) {
  for (const auto& f : kFunctions) {
    if (name == f.name) return f.function;
  }
  return Epilogue::Function::kNone;
}

// --- shapes ---

absl::Status CheckBias(const ShapeContext& c, int64_t channels) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape bias, c.WithRank(2, 1));
  if (bias.dim(0) < 0 || channels < 0 || bias.dim(0) == channels) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but are ", channels,
                                                 " and ", bias.dim(0),
                                                 ": channels of the output and bias"));
}

absl::Status FusedShape(ShapeContext& c, ConvKind kind) {
  SLUICE_ASSIGN_OR_RETURN(const Epilogue e, FusedEpilogue(c.attrs()));
  SLUICE_RETURN_IF_ERROR(ConvOutputShape(c, kind));
  TensorShape output = c.output(0);
  const bool first = c.attr<std::string>("data_format") == "NCHW";
  if (e.bias) SLUICE_RETURN_IF_ERROR(CheckBias(c, output.dim(first ? 1 : 3)));
  if (e.residual) {
    const TensorShape& addend = c.input(e.bias ? 3 : 2);
    auto merged = output.MergeWith(addend);
    if (!merged.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Dimensions must be equal, but the convolution's output is ",
                       output.ToString(), " and what is added to it ", addend.ToString()));
    }
    c.set_output(0, *std::move(merged));
  }
  return absl::OkStatus();
}

// --- kernels ---

KernelPrepare PrepareFor(ConvKind kind) {
  return [kind](PrepareContext& p) -> absl::StatusOr<KernelRun> {
    SLUICE_ASSIGN_OR_RETURN(const Epilogue e, FusedEpilogue(p.attrs()));
    return PrepareConv(p, ConvPass::kForward, kind, e);
  };
}

OpSpec FusedSpec(const char* name, ConvKind kind) {
  OpSpec spec(name);
  return spec.Input("input: T")
      .Input("filter: T")
      .Input("args: num_args * T")
      .Output("output: T")
      .Attr("T: {float, double}")
      .Attr("num_args: int >= 0")
      .Attr("strides: list(int)")
      .Attr("padding: {'SAME', 'VALID', 'EXPLICIT'}")
      .Attr("explicit_paddings: list(int) = []")
      .Attr("data_format: {'NHWC', 'NCHW'} = 'NHWC'")
      .Attr("dilations: list(int) = [1, 1, 1, 1]")
      .Attr("use_cudnn_on_gpu: bool = true")
      .Attr("fused_ops: list(string) = []")
      .Attr("epsilon: float = 0.0001")
      .Attr("leakyrelu_alpha: float = 0.2")
      .Shape([kind](ShapeContext& c) { return FusedShape(c, kind); })
      .Prepare(PrepareFor(kind))
      .InPlace(3, 0)
      .Flops(ConvolutionFlops(1, kOutput))
      .NotDifferentiable("it stands in plans only: gradients are made before");
}

}  // namespace

absl::StatusOr<Epilogue> FusedEpilogue(const AttrMap& attrs) {
  const auto ops = GetAttr<std::vector<std::string>>(attrs, "fused_ops");
  Epilogue e{.alpha = GetAttr<float>(attrs, "leakyrelu_alpha")};
  size_t i = 0;
  if (i < ops.size() && ops[i] == "FusedBatchNorm") {
    return absl::UnimplementedError("fused_ops with FusedBatchNorm");
  }
  const auto take = [&](const char* name) { return i < ops.size() && ops[i] == name && ++i > 0; };
  e.bias = take("BiasAdd");
  e.residual = take("Add");
  if (i < ops.size()) e.function = FindFunction(ops[i]);
  if (e.function != Epilogue::Function::kNone) ++i;
  if (i < ops.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("fused_ops must be BiasAdd, Add and an activation in this order, each or not, "
                     "got [",
                     absl::StrJoin(ops, ", "), "]"));
  }
  const int64_t num_args = GetAttr<int64_t>(attrs, "num_args");
  if (num_args != e.bias + e.residual) {
    return absl::InvalidArgumentError(absl::StrCat("fused_ops [", absl::StrJoin(ops, ", "),
                                                   "] take ", e.bias + e.residual, " args, got ",
                                                   num_args));
  }
  return e;
}

OpSpec FusedConv2DOp() { return FusedSpec(kFusedConv2D, ConvKind::kPlain); }
OpSpec FusedDepthwiseConv2dNativeOp() { return FusedSpec(kFusedDepthwise, ConvKind::kDepthwise); }

}  // namespace sluice::ops
