// BatchNormWithGlobalNormalization: y = (t - m) s + beta, s = gamma / sqrt(v + eps) per channel.
// Its gradient: dt = dy s, dm = -s sum dy, db = sum dy, dg = sum dy (t - m) / sqrt(v + eps),
// dv = -1/2 s / (v + eps) sum dy (t - m); without scaling gamma stands for 1 and dg for 0.
#include "ops/global_batch_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/float_view.h"
#include "ops/flops.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

// Input 0 with the depth that vectors first .. last tell.
absl::StatusOr<TensorShape> NormalizedShape(ShapeContext& c, int first, int last) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape t, c.WithRank(0, 4));
  for (int i = first; i <= last; ++i) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape vector, c.WithRank(i, 1));
    SLUICE_ASSIGN_OR_RETURN(const TensorShape depth, TensorShape({t.dim(3)}).MergeWith(vector));
    t.set_dim(3, depth.dim(0));
  }
  return t;
}

absl::Status ForwardShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape t, NormalizedShape(c, 1, 4));
  c.set_output(0, std::move(t));
  return absl::OkStatus();
}

absl::Status GradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape t, NormalizedShape(c, 1, 3));
  SLUICE_ASSIGN_OR_RETURN(t, t.MergeWith(c.input(4)));
  for (int i = 1; i < 5; ++i) c.set_output(i, {t.dim(3)});
  c.set_output(0, std::move(t));
  return absl::OkStatus();
}

// --- kernels ---

struct Attributes {
  explicit Attributes(PrepareContext& p)
      : epsilon(p.attr<float>("variance_epsilon")),
        scales(p.attr<bool>("scale_after_normalization")) {}
  float epsilon;
  bool scales;
};

template <typename T>
void Forward(const Attributes& a, int64_t rows, int64_t depth, const T* t, const T* m, const T* v,
             const T* beta, const T* gamma, T* y) {
  if (depth == 0) return;
  std::vector<T> scale(depth);
  for (int64_t d = 0; d < depth; ++d) {
    scale[d] = 1 / std::sqrt(v[d] + static_cast<T>(a.epsilon));
    if (a.scales) scale[d] *= gamma[d];
  }
  ParallelFor(rows, GrainFor(static_cast<double>(depth)), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      for (int64_t d = 0, i = r * depth; d < depth; ++d, ++i)
        y[i] = (t[i] - m[d]) * scale[d] + beta[d];
  });
}

template <typename T>
struct Gradients {
  T *dx, *dm, *dv, *db, *dg;
};

// Channels begin .. end - 1.
template <typename T>
void Backward(const Attributes& a, int64_t rows, int64_t depth, int64_t begin, int64_t end,
              const T* t, const T* m, const T* v, const T* gamma, const T* dy, Gradients<T> out) {
  std::vector<double> sums(end - begin), products(end - begin);
  std::vector<T> scale(end - begin);
  for (int64_t d = begin; d < end; ++d) {
    scale[d - begin] = 1 / std::sqrt(v[d] + static_cast<T>(a.epsilon));
    if (a.scales) scale[d - begin] *= gamma[d];
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t d = begin; d < end; ++d) {
      const T grad = dy[r * depth + d];
      sums[d - begin] += grad;
      products[d - begin] += grad * (t[r * depth + d] - m[d]);
      out.dx[r * depth + d] = grad * scale[d - begin];
    }
  }
  for (int64_t d = begin; d < end; ++d) {
    const T variance = v[d] + static_cast<T>(a.epsilon), s = scale[d - begin];
    const T sum = static_cast<T>(sums[d - begin]), product = static_cast<T>(products[d - begin]);
    out.db[d] = sum;
    out.dm[d] = -sum * s;
    out.dv[d] = product * s / variance / -2;
    out.dg[d] = a.scales ? product / std::sqrt(variance) : T{0};
  }
}

template <typename T>
void BackwardAll(const Attributes& a, int64_t rows, int64_t depth, const T* t, const T* m,
                 const T* v, const T* gamma, const T* dy, Gradients<T> out) {
  constexpr int64_t kBlock = 16;
  const double cost = static_cast<double>(rows) * kBlock * 2;
  ParallelFor((depth + kBlock - 1) / kBlock, GrainFor(cost), [&](int64_t begin, int64_t end) {
    Backward<T>(a, rows, depth, begin * kBlock, std::min(end * kBlock, depth), t, m, v, gamma, dy,
                out);
  });
}

int64_t Rows(const Tensor& t) { return t.dim(0) * t.dim(1) * t.dim(2); }

absl::Status CheckFloating(DType dtype) {
  if (IsFloating(dtype)) return absl::OkStatus();
  return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
}

absl::StatusOr<KernelRun> ForwardPrepare(PrepareContext& p) {
  SLUICE_RETURN_IF_ERROR(CheckFloating(p.input_dtype(0)));
  const Attributes a(p);
  if (p.input_dtype(0) == DType::kDouble) {
    return KernelRun([a](KernelContext& c) {
      const double* in[5];
      for (int i = 0; i < 5; ++i) in[i] = c.input(i).data<double>();
      Forward(a, Rows(c.input(0)), c.input(0).dim(3), in[0], in[1], in[2], in[3], in[4],
              c.output(0).mutable_data<double>());
      return absl::OkStatus();
    });
  }
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0, 1, 2, 3, 4}, {0}));
  return KernelRun([a, view](KernelContext& c) {
    const float* in[5];
    for (int i = 0; i < 5; ++i) in[i] = view.Input(c, i);
    Forward(a, Rows(c.input(0)), c.input(0).dim(3), in[0], in[1], in[2], in[3], in[4],
            view.Output(c, 0));
    view.Finish(c);
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> GradPrepare(PrepareContext& p) {
  SLUICE_RETURN_IF_ERROR(CheckFloating(p.input_dtype(0)));
  const Attributes a(p);
  if (p.input_dtype(0) == DType::kDouble) {
    return KernelRun([a](KernelContext& c) {
      const double* in[5];
      double* out[5];
      for (int i = 0; i < 5; ++i) in[i] = c.input(i).data<double>();
      for (int i = 0; i < 5; ++i) out[i] = c.output(i).mutable_data<double>();
      BackwardAll<double>(a, Rows(c.input(0)), c.input(0).dim(3), in[0], in[1], in[2], in[3], in[4],
                          {out[0], out[1], out[2], out[3], out[4]});
      return absl::OkStatus();
    });
  }
  SLUICE_ASSIGN_OR_RETURN(const FloatView view,
                          FloatView::Make(p, {0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}));
  return KernelRun([a, view](KernelContext& c) {
    const float* in[5];
    float* out[5];
    for (int i = 0; i < 5; ++i) in[i] = view.Input(c, i);
    for (int i = 0; i < 5; ++i) out[i] = view.Output(c, i);
    BackwardAll<float>(a, Rows(c.input(0)), c.input(0).dim(3), in[0], in[1], in[2], in[3], in[4],
                       {out[0], out[1], out[2], out[3], out[4]});
    view.Finish(c);
    return absl::OkStatus();
  });
}

// --- gradients ---

Outputs ForwardGradient(At at, const Node& op, const Outputs& dy) {
  const Outputs d =
      at.Nodes("BatchNormWithGlobalNormalizationGrad",
               {op.input(0), op.input(1), op.input(2), op.input(4), dy[0]},
               {{"variance_epsilon", op.attr<float>("variance_epsilon")},
                {"scale_after_normalization", op.attr<bool>("scale_after_normalization")}});
  return d.size() == 5 ? d : Outputs(5);
}

std::vector<DType> NotFloating() {
  return {DType::kInt32,      DType::kUint8,  DType::kInt16,  DType::kInt8,   DType::kComplex64,
          DType::kInt64,      DType::kQint8,  DType::kQuint8, DType::kQint32, DType::kUint16,
          DType::kComplex128, DType::kUint32, DType::kUint64};
}
constexpr const char* kFloatingOnly = "TensorFlow has kernels for floating types only";

}  // namespace

OpSpec BatchNormWithGlobalNormalizationOp() {
  return OpSpec("BatchNormWithGlobalNormalization")
      .Input("t: T")
      .Input("m: T")
      .Input("v: T")
      .Input("beta: T")
      .Input("gamma: T")
      .Output("result: T")
      .Attr("T: numbertype")
      .Attr("variance_epsilon: float")
      .Attr("scale_after_normalization: bool")
      .Shape(ForwardShape)
      .Prepare(ForwardPrepare)
      .NoKernelFor("T", NotFloating(), kFloatingOnly)
      .Flops(FlopsPerElement(2))
      .Gradient(ForwardGradient);
}
OpSpec BatchNormWithGlobalNormalizationGradOp() {
  return OpSpec("BatchNormWithGlobalNormalizationGrad")
      .Input("t: T")
      .Input("m: T")
      .Input("v: T")
      .Input("gamma: T")
      .Input("backprop: T")
      .Output("dx: T")
      .Output("dm: T")
      .Output("dv: T")
      .Output("db: T")
      .Output("dg: T")
      .Attr("T: numbertype")
      .Attr("variance_epsilon: float")
      .Attr("scale_after_normalization: bool")
      .Shape(GradShape)
      .Prepare(GradPrepare)
      .NoKernelFor("T", NotFloating(), kFloatingOnly)
      .Flops(FlopsPerElement(7))
      .NotDifferentiable("TensorFlow has no gradient for it");
}

Output BatchNormWithGlobalNormalization(At at, Output t, Output m, Output v, Output beta,
                                        Output gamma, float variance_epsilon,
                                        bool scale_after_normalization) {
  return at.Node("BatchNormWithGlobalNormalization", {t, m, v, beta, gamma},
                 {{"variance_epsilon", variance_epsilon},
                  {"scale_after_normalization", scale_after_normalization}});
}
BatchNormWithGlobalNormalizationGradOutputs BatchNormWithGlobalNormalizationGrad(
    At at, Output t, Output m, Output v, Output gamma, Output backprop, float variance_epsilon,
    bool scale_after_normalization) {
  const Outputs d = at.Nodes("BatchNormWithGlobalNormalizationGrad", {t, m, v, gamma, backprop},
                             {{"variance_epsilon", variance_epsilon},
                              {"scale_after_normalization", scale_after_normalization}});
  if (d.size() != 5) return {};
  return {d[0], d[1], d[2], d[3], d[4]};
}

}  // namespace sluice::ops
