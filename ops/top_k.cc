// TopK: the k largest elements of every row, in order. InTopK: is the target's element one of them?
#include "ops/top_k.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/binary.h"
#include "ops/kernels/narrow_float.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status SetTopKShapes(ShapeContext& c, int64_t k) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.WithRankAtLeast(0, 1));
  if (k < -1) return absl::InvalidArgumentError(absl::StrCat("Need k >= 0, got ", k));
  if (!shape.rank_known()) return absl::OkStatus();
  if (shape.dim(-1) >= 0 && k > shape.dim(-1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("input must have at least k columns. Had ", shape.dim(-1), ", needed ", k));
  }
  shape.set_dim(-1, k);
  c.set_output(0, shape);
  c.set_output(1, shape);
  return absl::OkStatus();
}

absl::Status TopKShape(ShapeContext& c) { return SetTopKShapes(c, c.attr<int64_t>("k")); }

absl::Status TopKV2Shape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  if (!c.value(1)) return SetTopKShapes(c, -1);
  SLUICE_ASSIGN_OR_RETURN(const int64_t k, ReadInt(*c.value(1), "k"));
  if (k < 0) return absl::InvalidArgumentError(absl::StrCat("Need k >= 0, got ", k));
  return SetTopKShapes(c, k);
}

absl::Status InTopKShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape predictions, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape targets, c.WithRank(1, 1));
  if (c.num_inputs() > 2) SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  const int64_t rows = predictions.dim(0), batch = targets.dim(0);
  if (rows >= 0 && batch >= 0 && rows != batch) {
    return absl::InvalidArgumentError(absl::StrCat("First dimension of predictions ", rows,
                                                   " must match length of targets ", batch));
  }
  c.set_output(0, {std::max(rows, batch)});
  return absl::OkStatus();
}

// --- kernels ---

template <typename T>
auto Comparable(T x) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return kernels::Widen(x);
  } else {
    return x;
  }
}

// A strict order of all positions of a row: larger first, NaN before everything, lower index first
// among equals.
template <typename T>
class Better {
 public:
  explicit Better(const T* row) : row_(row) {}
  bool operator()(int32_t i, int32_t j) const {
    const auto x = Comparable(row_[i]), y = Comparable(row_[j]);
    const bool nan_x = x != x, nan_y = y != y;
    if (nan_x || nan_y) return nan_x && (!nan_y || i < j);
    return x > y || (x == y && i < j);
  }

 private:
  const T* row_;
};

// The best k positions, kept as a heap whose top is the worst of them, in the memory of the result.
template <typename T>
void FindBest(const T* row, int64_t size, int64_t k, int32_t* best) {
  const Better<T> better(row);
  for (int64_t i = 0; i < k; ++i) best[i] = static_cast<int32_t>(i);
  std::make_heap(best, best + k, better);
  for (int64_t i = k; i < size && k > 0; ++i) {
    if (!better(static_cast<int32_t>(i), best[0])) continue;
    std::pop_heap(best, best + k, better);
    best[k - 1] = static_cast<int32_t>(i);
    std::push_heap(best, best + k, better);
  }
  std::sort_heap(best, best + k, better);
}

template <typename T>
absl::Status TopKKernel(KernelContext& c) {
  const TensorShape& shape = c.input(0).shape();
  const int64_t size = shape.dim(-1), k = c.output(1).dim(-1);
  if (c.num_inputs() > 1) {
    SLUICE_ASSIGN_OR_RETURN(const int64_t wanted, ReadInt(c.input(1), "k"));
    TensorShape planned = shape;
    planned.set_dim(-1, wanted);
    SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, planned));
  }
  const T* x = c.input(0).data<T>();
  T* values = c.output(0).mutable_data<T>();
  int32_t* indices = c.output(1).mutable_data<int32_t>();
  const int64_t rows = k == 0 ? 0 : c.output(1).num_elements() / k;
  const double cost = 2.0 * static_cast<double>(size) + 20 * static_cast<double>(k);
  ParallelFor(rows, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      FindBest(x + r * size, size, k, indices + r * k);
      for (int64_t i = 0; i < k; ++i) values[r * k + i] = x[r * size + indices[r * k + i]];
    }
  });
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> TopKPrepare(PrepareContext& p) {
  constexpr int64_t kMaxColumns = INT32_MAX;
  if (p.input_shape(0).dim(-1) > kMaxColumns) {
    return absl::InvalidArgumentError(
        absl::StrCat("indices are int32, but a row has ", p.input_shape(0).dim(-1), " elements"));
  }
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
                uint32_t, uint64_t>(p.input_dtype(0), [&](auto tag) {
        run = TopKKernel<typename decltype(tag)::type>;
        return absl::OkStatus();
      })));
  return run;
}

// Fewer than k elements are larger than the target's.
template <typename T>
bool IsInTopK(const float* row, int64_t classes, T target, int64_t k) {
  if (target < 0 || target >= classes || !std::isfinite(row[target])) return false;
  int64_t larger = 0;
  for (int64_t i = 0; i < classes; ++i) {
    if (!std::isfinite(row[i])) return false;
    larger += row[i] > row[target];
  }
  return larger < k;
}

absl::Status InTopKKernel(KernelContext& c) {
  int64_t k = 0;
  if (c.num_inputs() > 2) {
    SLUICE_ASSIGN_OR_RETURN(k, ReadInt(c.input(2), "k"));
  } else {
    k = c.attr<int64_t>("k");
  }
  const float* x = c.input(0).data<float>();
  const int64_t rows = c.input(0).dim(0), classes = c.input(0).dim(1);
  bool* y = c.output(0).mutable_data<bool>();
  return Dispatch<int32_t, int64_t>(c.input(1).dtype(), [&](auto tag) {
    const auto* targets = c.input(1).data<typename decltype(tag)::type>();
    ParallelFor(rows, GrainFor(static_cast<double>(classes)), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        y[r] = IsInTopK(x + r * classes, classes, targets[r], k);
    });
    return absl::OkStatus();
  });
}

// --- gradients ---

// dy scattered to the positions that were chosen, in the input seen as one vector.
Outputs TopKGradient(At at, const Node& op, const Outputs& dy) {
  Outputs none(op.num_inputs());
  if (dy[0].empty()) return none;
  const Output shape = ShapeTensor(at, op.input(0)), indices = op.output(1);
  const Output zero = ConstOf(at, DType::kInt32, 0), one = ConstOf(at, DType::kInt32, 1);
  const TensorShape& known = op.input(0).shape();
  const Output last = known.rank_known() ? ConstOf(at, DType::kInt32, known.rank() - 1)
                                         : Sub(at, RankTensor(at, op.input(0)), one);
  const Output columns = at.Node("GatherV2", {shape, last, zero});
  const Output k = at.Node("GatherV2", {ShapeTensor(at, indices), last, zero});
  const Output total = Prod(at, shape, 0);
  const Output rows = FloorDiv(at, SizeTensor(at, indices), Maximum(at, k, one));
  const Output by_row = Reshape(at, indices, at.Node("Pack", {rows, k}));
  const Output first = Mul(at, at.Node("Range", {zero, rows, one}), columns);
  const Output positions = AddV2(at, by_row, ExpandDims(at, first, 1));
  const Output flat = at.Node("ScatterNd", {Reshape(at, positions, {-1, 1}),
                                            Reshape(at, dy[0], {-1}), ExpandDims(at, total, 0)});
  none[0] = Reshape(at, flat, shape);
  return none;
}

constexpr const char* kNotSmooth = "its result is not a number";

TopKOutputs Both(const Outputs& outputs) {
  return outputs.size() == 2 ? TopKOutputs{outputs[0], outputs[1]} : TopKOutputs{};
}

}  // namespace

OpSpec TopKOp() {
  return OpSpec("TopK")
      .Input("input: T")
      .Output("values: T")
      .Output("indices: int32")
      .Attr("k: int >= 0")
      .Attr("sorted: bool = true")
      .Attr("T: realnumbertype")
      .Shape(TopKShape)
      .Prepare(TopKPrepare)
      .Gradient(TopKGradient);
}
OpSpec TopKV2Op() {
  return OpSpec("TopKV2")
      .Input("input: T")
      .Input("k: int32")
      .Output("values: T")
      .Output("indices: int32")
      .Attr("sorted: bool = true")
      .Attr("T: realnumbertype")
      .Shape(TopKV2Shape)
      .Prepare(TopKPrepare)
      .Gradient(TopKGradient);
}
OpSpec InTopKOp() {
  return OpSpec("InTopK")
      .Input("predictions: float")
      .Input("targets: T")
      .Output("precision: bool")
      .Attr("k: int")
      .Attr("T: {int32, int64} = DT_INT32")
      .Shape(InTopKShape)
      .Kernel(InTopKKernel)
      .NotDifferentiable(kNotSmooth);
}
OpSpec InTopKV2Op() {
  return OpSpec("InTopKV2")
      .Input("predictions: float")
      .Input("targets: T")
      .Input("k: T")
      .Output("precision: bool")
      .Attr("T: {int32, int64} = DT_INT32")
      .Shape(InTopKShape)
      .Kernel(InTopKKernel)
      .NotDifferentiable(kNotSmooth);
}

TopKOutputs TopK(At at, Output input, int k, const TopKOptions& options) {
  return Both(at.Nodes("TopK", {input}, {{"k", k}, {"sorted", options.sorted}}));
}
TopKOutputs TopKV2(At at, Output input, Ints k, const TopKOptions& options) {
  return Both(at.Nodes("TopKV2", {input, k.Tensor(at, "k")}, {{"sorted", options.sorted}}));
}
Output InTopK(At at, Output predictions, Output targets, int64_t k) {
  return at.Node("InTopK", {predictions, targets}, {{"k", k}});
}
Output InTopKV2(At at, Output predictions, Output targets, Output k) {
  return at.Node("InTopKV2", {predictions, targets, k});
}

}  // namespace sluice::ops
