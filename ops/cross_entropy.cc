// SoftmaxCrossEntropyWithLogits, SparseSoftmaxCrossEntropyWithLogits: loss = -sum_j l_j log p_j,
// backprop = p - l, with p = softmax(features).
#include "ops/cross_entropy.h"

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/comparison.h"
#include "ops/fill.h"
#include "ops/flops.h"
#include "ops/kernels/softmax.h"
#include "ops/narrow.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/select.h"
#include "ops/softmax.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

absl::Status CheckClasses(const TensorShape& logits) {
  if (logits.dim(1) != 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Must have at least one class, but got logits shape ", logits.ToString()));
}

void SetOutputs(ShapeContext& c, const TensorShape& logits) {
  c.set_output(0, {logits.dim(0)});
  c.set_output(1, logits);
}

absl::Status DenseShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape logits, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape labels, c.WithRank(1, 2));
  SLUICE_ASSIGN_OR_RETURN(logits, BroadcastShapes(logits, labels));
  SLUICE_RETURN_IF_ERROR(CheckClasses(logits));
  SetOutputs(c, logits);
  return absl::OkStatus();
}

absl::Status SparseShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape logits, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape labels, c.WithRank(1, 1));
  if (logits.dim(0) >= 0 && labels.dim(0) >= 0 && logits.dim(0) != labels.dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("logits and labels must have the same first dimension, got logits shape ",
                     logits.ToString(), " and labels shape ", labels.ToString()));
  }
  if (logits.dim(0) < 0) logits.set_dim(0, labels.dim(0));
  SLUICE_RETURN_IF_ERROR(CheckClasses(logits));
  SetOutputs(c, logits);
  return absl::OkStatus();
}

template <typename T>
kernels::Broadcast2D<T> View(const Tensor& t) {
  return {t.data<T>(), t.dim(0) == 1 ? 0 : t.dim(1), t.dim(1) == 1 ? 0 : 1};
}

absl::StatusOr<KernelRun> DensePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(p.input_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [](KernelContext& c) {
      Tensor& backprop = c.output(1);
      kernels::CrossEntropyRows(
          View<T>(c.input(0)), View<T>(c.input(1)), c.output(0).template mutable_data<T>(),
          backprop.template mutable_data<T>(), backprop.dim(0), backprop.dim(1));
      return absl::OkStatus();
    };
    return absl::OkStatus();
  })));
  return run;
}

template <typename Label>
absl::Status CheckLabels(const Tensor& labels, int64_t classes) {
  for (const Label label : labels.flat<Label>()) {
    if (label < 0 || label >= classes) {
      return absl::InvalidArgumentError(absl::StrCat("Received a label value of ", label,
                                                     " which is outside the valid range of [0, ",
                                                     classes, "). Labels: ", labels.DebugString()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> SparsePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(p.input_dtype(0), [&](auto tag) {
    return Dispatch<int32_t, int64_t>(p.input_dtype(1), [&](auto label_tag) {
      using T = typename decltype(tag)::type;
      using Label = typename decltype(label_tag)::type;
      run = [](KernelContext& c) -> absl::Status {
        const Tensor& logits = c.input(0);
        SLUICE_RETURN_IF_ERROR(CheckLabels<Label>(c.input(1), logits.dim(1)));
        kernels::SparseCrossEntropyRows(
            logits.data<T>(), c.input(1).data<Label>(), c.output(0).template mutable_data<T>(),
            c.output(1).template mutable_data<T>(), logits.dim(0), logits.dim(1));
        return absl::OkStatus();
      };
      return absl::OkStatus();
    });
  })));
  return run;
}

bool IsZeros(const Output& x) { return x.empty() || x.node()->op() == "ZerosLike"; }

// d/d features of (loss . dy0 + backprop . dy1). The second term, the derivative of the softmax, is
// there only for second derivatives.
Output FeaturesGradient(At at, const Node& op, const Outputs& dy) {
  const Output scale = ExpandDims(at, dy[0], -1);
  Output dx = Mul(at, scale, op.output(1));
  if (IsZeros(dy[1])) return dx;
  const Output p = Softmax(at, op.input(0));
  const Output inner = Sum(at, Mul(at, dy[1], p), {-1}, {.keep_dims = true});
  return AddV2(at, dx, Mul(at, Sub(at, dy[1], inner), p));
}

Outputs DenseGradient(At at, const Node& op, const Outputs& dy) {
  // d loss / d labels = -log p; d backprop / d labels = -1.
  Output d_labels = Mul(at, ExpandDims(at, dy[0], -1), Neg(at, LogSoftmax(at, op.input(0))));
  if (!IsZeros(dy[1])) d_labels = Sub(at, d_labels, dy[1]);
  return {FeaturesGradient(at, op, dy), d_labels};
}

Outputs SparseGradient(At at, const Node& op, const Outputs& dy) {
  return {FeaturesGradient(at, op, dy), {}};
}

}  // namespace

OpSpec SoftmaxCrossEntropyWithLogitsOp() {
  return OpSpec("SoftmaxCrossEntropyWithLogits")
      .Input("features: T")
      .Input("labels: T")
      .Output("loss: T")
      .Output("backprop: T")
      .Attr("T: {half, bfloat16, float, double}")
      .Shape(DenseShape)
      .Prepare(InFloat(DensePrepare))
      .Flops(FlopsPerElement(8, -2))
      .Gradient(DenseGradient);
}

OpSpec SparseSoftmaxCrossEntropyWithLogitsOp() {
  return OpSpec("SparseSoftmaxCrossEntropyWithLogits")
      .Input("features: T")
      .Input("labels: Tlabels")
      .Output("loss: T")
      .Output("backprop: T")
      .Attr("T: {half, bfloat16, float, double}")
      .Attr("Tlabels: {int32, int64} = DT_INT64")
      .Shape(SparseShape)
      .Prepare(InFloat(SparsePrepare))
      .Flops(FlopsPerElement(6, -2))
      .Gradient(SparseGradient);
}

Outputs SoftmaxCrossEntropyWithLogits(At at, Output features, Output labels) {
  return at.Nodes("SoftmaxCrossEntropyWithLogits", {features, labels});
}

Outputs SparseSoftmaxCrossEntropyWithLogits(At at, Output features, Output labels) {
  return at.Nodes("SparseSoftmaxCrossEntropyWithLogits", {features, labels});
}

// Select, not Relu and Abs: at x = 0 its gradient is the function's, sigmoid(0) - z.
Output SigmoidCrossEntropyWithLogits(At at, Output labels, Output logits) {
  const At inside = at.Composite("logistic_loss");
  const Output zeros = ZerosLike(inside.Named("zeros_like"), logits);
  const Output positive = GreaterEqual(inside, logits, zeros);
  const Output relu = Select(inside, positive, logits, zeros);
  const Output negative_size = Select(inside, positive, Neg(inside, logits), logits);
  const Output product = Mul(inside.Named("mul"), logits, labels);
  const Output linear = Sub(inside.Named("sub"), relu, product);
  return AddV2(inside.AsScope(), linear, Log1p(inside, Exp(inside, negative_size)));
}

}  // namespace sluice::ops
