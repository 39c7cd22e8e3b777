// Cumsum and Cumprod: y[i] = x[0] + ... + x[i] along one axis (exclusive: up to x[i - 1]; reverse:
// from the end).
#include "ops/cumsum.h"

#include <algorithm>
#include <complex>

#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/binary.h"
#include "ops/complex.h"
#include "ops/kernels/accumulate.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status ScanShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  c.set_output(0, c.input(0));
  if (!c.value(1) || !c.input(0).rank_known()) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const int64_t axis, ReadInt(*c.value(1), "axis"));
  return CanonicalAxis(axis, c.input(0).rank()).status();
}

// --- kernels ---

struct Addition {
  template <typename T>
  static T Of(const T& a, const T& b) {
    return Plus(a, b);
  }
  static constexpr float kNeutral = 0;
};

struct Multiplication {
  template <typename T>
  static T Of(const T& a, const T& b) {
    return Times(a, b);
  }
  static constexpr float kNeutral = 1;
};

// The tensor seen as [outer, size, inner], scanned along the middle.
struct Geometry {
  int64_t outer = 1, size = 1, inner = 1;
  bool exclusive = false, reverse = false;
};

template <typename F, typename T>
void ScanSlice(const Geometry& g, const T* x, T* y, int64_t inner_begin, int64_t inner_end) {
  for (int64_t k = 0; k < g.size; ++k) {
    const int64_t row = (g.reverse ? g.size - 1 - k : k) * g.inner;
    const int64_t before = row + (g.reverse ? g.inner : -g.inner);
    for (int64_t i = inner_begin; i < inner_end; ++i) {
      if (k == 0) {
        y[row + i] = g.exclusive ? static_cast<T>(F::kNeutral) : x[row + i];
      } else {
        y[row + i] = F::Of(y[before + i], g.exclusive ? x[before + i] : x[row + i]);
      }
    }
  }
}

template <typename F, typename T>
absl::Status Scan(KernelContext& c, bool exclusive, bool reverse) {
  const TensorShape& shape = c.input(0).shape();
  SLUICE_ASSIGN_OR_RETURN(const int64_t given, ReadInt(c.input(1), "axis"));
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(given, shape.rank()));
  Geometry g{.exclusive = exclusive, .reverse = reverse};
  for (int i = 0; i < shape.rank(); ++i)
    (i < axis ? g.outer : i == axis ? g.size : g.inner) *= shape.dim(i);
  const T* x = c.input(0).data<T>();
  T* y = c.output(0).mutable_data<T>();
  constexpr int64_t kStrip = 64;  // neighbours that are scanned together
  const int64_t strips = (g.inner + kStrip - 1) / kStrip;
  const double cost = 1.0 * static_cast<double>(g.size) * std::min<double>(g.inner, kStrip);
  ParallelFor(g.outer * strips, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t slice = task / strips * g.size * g.inner, first = task % strips * kStrip;
      ScanSlice<F>(g, x + slice, y + slice, first, std::min(g.inner, first + kStrip));
    }
  });
  return absl::OkStatus();
}

template <typename F>
absl::StatusOr<KernelRun> ScanPrepare(PrepareContext& p) {
  const bool exclusive = p.attr<bool>("exclusive"), reverse = p.attr<bool>("reverse");
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
                uint32_t, uint64_t, std::complex<float>, std::complex<double>>(
          p.input_dtype(0), [&](auto tag) {
            using T = typename decltype(tag)::type;
            run = [=](KernelContext& c) { return Scan<F, T>(c, exclusive, reverse); };
            return absl::OkStatus();
          })));
  return run;
}

// --- gradients ---

CumsumOptions OtherWay(const Node& op) {
  return {.exclusive = op.attr<bool>("exclusive"), .reverse = !op.attr<bool>("reverse")};
}

Outputs CumsumGradient(At at, const Node& op, const Outputs& dy) {
  return {Cumsum(at, dy[0], op.input(1), OtherWay(op)), Output()};
}

Outputs CumprodGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = Conjugate(at, op.input(0));
  const Output products =
      Cumprod(at, op.input(0), op.input(1),
              {.exclusive = op.attr<bool>("exclusive"), .reverse = op.attr<bool>("reverse")});
  const Output sums =
      Cumsum(at, Mul(at, Conjugate(at, products), dy[0]), op.input(1), OtherWay(op));
  return {RealDiv(at, sums, x), Output()};
}

OpSpec ScanOp(absl::string_view name) {
  return OpSpec(name)
      .Input("x: T")
      .Input("axis: Tidx")
      .Output("out: T")
      .Attr("exclusive: bool = false")
      .Attr("reverse: bool = false")
      .Attr("T: numbertype")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .NoKernelFor("T", {DType::kQint8, DType::kQuint8, DType::kQint32},
                   "TensorFlow has none for quantized types either")
      .Shape(ScanShape);
}

Output ScanNode(At at, const char* op, const Output& x, const Ints& axis,
                const CumsumOptions& options) {
  return at.Node(op, {x, axis.Tensor(at, "axis")},
                 {{"exclusive", options.exclusive}, {"reverse", options.reverse}});
}

}  // namespace

OpSpec CumsumOp() {
  return ScanOp("Cumsum").Prepare(ScanPrepare<Addition>).Gradient(CumsumGradient);
}
OpSpec CumprodOp() {
  return ScanOp("Cumprod").Prepare(ScanPrepare<Multiplication>).Gradient(CumprodGradient);
}

Output Cumsum(At at, Output x, Ints axis, const CumsumOptions& options) {
  return ScanNode(at, "Cumsum", x, axis, options);
}
Output Cumprod(At at, Output x, Ints axis, const CumsumOptions& options) {
  return ScanNode(at, "Cumprod", x, axis, options);
}

}  // namespace sluice::ops
