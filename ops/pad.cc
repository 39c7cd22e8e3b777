// Pad, PadV2: a border of one value. MirrorPad: a border of reflections, which is built dimension
// by dimension, the last first, from the part of the output that is already there. MirrorPadGrad is
// its adjoint: the border is folded back, dimension by dimension.
#include "ops/pad.h"

#include <complex>
#include <optional>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/threads.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/accumulate.h"
#include "ops/kernels/strided_copy.h"
#include "ops/narrow.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/slice.h"

namespace sluice::ops {
namespace {

// Elements before and after along one dimension.
struct Border {
  int64_t before = 0, after = 0;
};
using Borders = absl::InlinedVector<Border, 8>;

absl::StatusOr<Borders> ReadBorders(const Tensor& paddings, int rank) {
  if (paddings.shape() != TensorShape{rank, 2}) {
    return absl::InvalidArgumentError(
        absl::StrCat("paddings must have shape [", rank, ",2], got ", paddings.shape().ToString()));
  }
  SLUICE_ASSIGN_OR_RETURN(const Tensor flat, paddings.Reshaped({2 * rank}));
  SLUICE_ASSIGN_OR_RETURN(const Dims values, ReadInts(flat, "paddings"));
  Borders borders;
  for (int i = 0; i < rank; ++i) {
    borders.push_back({values[2 * i], values[2 * i + 1]});
    if (borders[i].before < 0 || borders[i].after < 0) {
      return absl::InvalidArgumentError(absl::StrCat("Paddings must be non-negative, got ",
                                                     borders[i].before, " and ", borders[i].after,
                                                     " for dimension ", i));
    }
  }
  return borders;
}

// The shape of `input` with its borders.
absl::StatusOr<TensorShape> Grown(const TensorShape& input, const Borders& borders) {
  TensorShape grown = input;
  for (int i = 0; i < input.rank(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(int64_t size, AddSizes(input.dim(i), borders[i].before));
    SLUICE_ASSIGN_OR_RETURN(size, AddSizes(size, borders[i].after));
    grown.set_dim(i, size);
  }
  SLUICE_RETURN_IF_ERROR(grown.Check());
  return grown;
}

// The rank that input and paddings agree on; -1 when neither tells.
absl::StatusOr<int> PadRank(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape matrix, c.WithRank(1, 2));
  const int64_t rows = matrix.dim(0);
  const int rank = c.input(0).rank();
  if ((matrix.dim(1) >= 0 && matrix.dim(1) != 2) || rows > kMaxRank ||
      (rows >= 0 && rank >= 0 && rows != rank)) {
    return absl::InvalidArgumentError(absl::StrCat("paddings must have shape [rank,2] for input ",
                                                   c.input(0).ToString(), ", got ",
                                                   matrix.ToString()));
  }
  return rank >= 0 ? rank : static_cast<int>(rows);
}

absl::Status PadShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int rank, PadRank(c));
  if (rank < 0) return absl::OkStatus();
  if (c.num_inputs() == 3) SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  TensorShape output = TensorShape::OfRank(rank);
  if (const Tensor* paddings = c.value(1)) {
    SLUICE_ASSIGN_OR_RETURN(const Borders borders, ReadBorders(*paddings, rank));
    if (c.input(0).rank_known()) output = c.input(0);
    SLUICE_ASSIGN_OR_RETURN(output, Grown(output, borders));
  }
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// The copies that make the output, in order. Those of the border read the value, the last the
// input.
struct PlannedPad {
  TensorShape output;
  std::vector<StridedCopy> border;
  StridedCopy inside;
};

// Where the input lies in the output.
int64_t InsideOf(const Dims& output_strides, const Borders& borders) {
  int64_t first = 0;
  for (size_t i = 0; i < borders.size(); ++i) first += borders[i].before * output_strides[i];
  return first;
}

// The slab that begins at `begin` and has `size` indices along `axis`, the input's range in the
// dimensions before it, and everything in those after.
struct Slab {
  Dims dims;
  int64_t first = 0;
};

Slab SlabOf(const TensorShape& input, const TensorShape& output, const Borders& borders,
            const Dims& strides, int axis, int64_t begin, int64_t size) {
  Slab slab;
  for (int i = 0; i < input.rank(); ++i) {
    slab.dims.push_back(i < axis ? input.dim(i) : i == axis ? size : output.dim(i));
    slab.first += strides[i] * (i < axis ? borders[i].before : i == axis ? begin : 0);
  }
  return slab;
}

absl::StatusOr<PlannedPad> PlanPad(DType dtype, const TensorShape& input, const Tensor& paddings) {
  SLUICE_ASSIGN_OR_RETURN(const Borders borders, ReadBorders(paddings, input.rank()));
  PlannedPad plan;
  SLUICE_ASSIGN_OR_RETURN(plan.output, Grown(input, borders));
  const Dims strides = RowMajorStrides(plan.output.dims());
  const Dims repeat(input.rank(), 0);
  for (int i = 0; i < input.rank(); ++i) {
    const auto [before, after] = borders[i];
    for (const auto& [begin, size] : {Border{0, before}, Border{before + input.dim(i), after}}) {
      if (size == 0) continue;
      const Slab slab = SlabOf(input, plan.output, borders, strides, i, begin, size);
      plan.border.emplace_back(dtype, slab.dims, StridedCopy::Layout{0, repeat},
                               StridedCopy::Layout{slab.first, strides});
    }
  }
  plan.inside = StridedCopy(dtype, input.dims(), {0, RowMajorStrides(input.dims())},
                            {InsideOf(strides, borders), strides});
  return plan;
}

absl::Status RunPad(KernelContext& c, const PlannedPad& plan, const void* value) {
  void* output = c.output(0).mutable_raw();
  for (const StridedCopy& copy : plan.border) copy.Run(value, output);
  plan.inside.Run(c.input(0).raw(), output);
  return absl::OkStatus();
}

absl::StatusOr<Tensor> ZeroOf(DType dtype) {
  SLUICE_ASSIGN_OR_RETURN(Tensor zero, Tensor::Make(dtype, {}));
  ZeroElements(dtype, zero.mutable_raw(), 1);
  return zero;
}

absl::StatusOr<KernelRun> PadPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Tensor zero, ZeroOf(p.input_dtype(0)));
  const auto value = [zero](const KernelContext& c) {
    return c.num_inputs() == 3 ? c.input(2).raw() : zero.raw();
  };
  if (const Tensor* paddings = p.constant_input(1)) {
    SLUICE_ASSIGN_OR_RETURN(PlannedPad plan,
                            PlanPad(p.input_dtype(0), p.input_shape(0), *paddings));
    return KernelRun(
        [plan = std::move(plan), value](KernelContext& c) { return RunPad(c, plan, value(c)); });
  }
  return KernelRun([value](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const PlannedPad plan,
                            PlanPad(c.input(0).dtype(), c.input(0).shape(), c.input(1)));
    SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, plan.output));
    return RunPad(c, plan, value(c));
  });
}

// 1 when the edge element is not repeated.
int64_t SkipOf(const AttrMap& attrs) {
  return GetAttr<std::string>(attrs, "mode") == "REFLECT" ? 1 : 0;
}

absl::Status CheckMirror(const TensorShape& input, const Borders& borders, int64_t skip) {
  for (int i = 0; i < input.rank(); ++i) {
    const int64_t most = input.dim(i) - skip;
    if (input.dim(i) >= 0 && (borders[i].before > most || borders[i].after > most)) {
      return absl::InvalidArgumentError(
          absl::StrCat("paddings must be no greater than the dimension size", skip ? " less 1" : "",
                       ": ", borders[i].before, ", ", borders[i].after, " for dimension ", i,
                       " of size ", input.dim(i)));
    }
  }
  return absl::OkStatus();
}

absl::Status MirrorPadShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(PadShape(c));
  if (c.value(1) == nullptr || !c.input(0).rank_known()) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const Borders borders, ReadBorders(*c.value(1), c.input(0).rank()));
  return CheckMirror(c.input(0), borders, SkipOf(c.attrs()));
}

// inside: from the input; border: from the output to itself, after that.
absl::StatusOr<PlannedPad> PlanMirrorPad(DType dtype, const TensorShape& input,
                                         const Tensor& paddings, int64_t skip) {
  SLUICE_ASSIGN_OR_RETURN(const Borders borders, ReadBorders(paddings, input.rank()));
  SLUICE_RETURN_IF_ERROR(CheckMirror(input, borders, skip));
  PlannedPad plan;
  SLUICE_ASSIGN_OR_RETURN(plan.output, Grown(input, borders));
  const Dims strides = RowMajorStrides(plan.output.dims());
  plan.inside = StridedCopy(dtype, input.dims(), {0, RowMajorStrides(input.dims())},
                            {InsideOf(strides, borders), strides});
  for (int i = input.rank() - 1; i >= 0; --i) {
    const auto [before, after] = borders[i];
    Dims backwards = strides;
    backwards[i] = -strides[i];
    const int64_t end = before + input.dim(i);
    // Position 0 mirrors 2 * before - 1 + skip; position `end` mirrors end - 1 - skip.
    const int64_t sources[] = {2 * before - 1 + skip, end - 1 - skip};
    const Border slabs[] = {{0, before}, {end, after}};
    for (int side = 0; side < 2; ++side) {
      const auto& [begin, size] = slabs[side];
      if (size == 0) continue;
      const Slab slab = SlabOf(input, plan.output, borders, strides, i, begin, size);
      const int64_t source = slab.first + (sources[side] - begin) * strides[i];
      plan.border.emplace_back(dtype, slab.dims, StridedCopy::Layout{source, backwards},
                               StridedCopy::Layout{slab.first, strides});
    }
  }
  return plan;
}

absl::Status RunMirrorPad(KernelContext& c, const PlannedPad& plan) {
  void* output = c.output(0).mutable_raw();
  plan.inside.Run(c.input(0).raw(), output);
  for (const StridedCopy& copy : plan.border) copy.Run(output, output);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> MirrorPadPrepare(PrepareContext& p) {
  const int64_t skip = SkipOf(p.attrs());
  if (const Tensor* paddings = p.constant_input(1)) {
    SLUICE_ASSIGN_OR_RETURN(PlannedPad plan,
                            PlanMirrorPad(p.input_dtype(0), p.input_shape(0), *paddings, skip));
    return KernelRun([plan = std::move(plan)](KernelContext& c) { return RunMirrorPad(c, plan); });
  }
  return KernelRun([skip](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(
        const PlannedPad plan,
        PlanMirrorPad(c.input(0).dtype(), c.input(0).shape(), c.input(1), skip));
    SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, plan.output));
    return RunMirrorPad(c, plan);
  });
}

// `padded` without its borders.
absl::StatusOr<TensorShape> Shrunk(const TensorShape& padded, const Borders& borders,
                                   int64_t skip) {
  TensorShape inside = padded;
  for (int i = 0; i < padded.rank(); ++i) {
    if (padded.dim(i) < 0) continue;
    const int64_t size = padded.dim(i) - borders[i].before - borders[i].after;
    if (size < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("paddings ", borders[i].before, " and ", borders[i].after,
                       " leave nothing of dimension ", i, " of size ", padded.dim(i)));
    }
    inside.set_dim(i, size);
  }
  SLUICE_RETURN_IF_ERROR(CheckMirror(inside, borders, skip));
  return inside;
}

absl::Status MirrorPadGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int rank, PadRank(c));
  if (rank < 0) return absl::OkStatus();
  TensorShape output = TensorShape::OfRank(rank);
  if (c.value(1) != nullptr && c.input(0).rank_known()) {
    SLUICE_ASSIGN_OR_RETURN(const Borders borders, ReadBorders(*c.value(1), rank));
    SLUICE_ASSIGN_OR_RETURN(output, Shrunk(c.input(0), borders, SkipOf(c.attrs())));
  }
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// to[o, i, :] = from[o, before + i, :] + the border rows that mirror row i. `from` is [outer,
// before + size + after, inner].
template <typename T>
void FoldBorder(const T* from, T* to, int64_t outer, int64_t size, Border border, int64_t inner,
                int64_t skip) {
  const int64_t pitch = border.before + size + border.after;
  ParallelFor(outer * size, GrainFor(static_cast<double>(inner)), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t i = row % size;
      const T* base = from + (row / size) * pitch * inner;
      T* target = to + row * inner;
      std::copy_n(base + (border.before + i) * inner, inner, target);
      const int64_t mirrored[] = {border.before - 1 + skip - i,
                                  border.before + 2 * size - 1 - skip - i};
      const bool inside[] = {mirrored[0] >= 0 && mirrored[0] < border.before,
                             mirrored[1] >= border.before + size && mirrored[1] < pitch};
      for (int side = 0; side < 2; ++side) {
        if (!inside[side]) continue;
        const T* source = base + mirrored[side] * inner;
        for (int64_t k = 0; k < inner; ++k) target[k] = Plus(target[k], source[k]);
      }
    }
  });
}

template <typename T>
absl::Status MirrorPadGradRun(KernelContext& c) {
  const Tensor& input = c.input(0);
  Tensor& output = c.output(0);
  const int rank = input.shape().rank();
  const int64_t skip = SkipOf(c.attrs());
  SLUICE_ASSIGN_OR_RETURN(const Borders borders, ReadBorders(c.input(1), rank));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape inside, Shrunk(input.shape(), borders, skip));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, inside));
  if (output.num_elements() == 0) return absl::OkStatus();
  T* const scratch = static_cast<T*>(c.scratch());
  const T* from = input.data<T>();
  int64_t outer = 1, inner = input.num_elements();
  for (int i = 0; i < rank; ++i) {
    inner /= input.dim(i);
    T* to = i == rank - 1 ? output.mutable_data<T>() : scratch + (i % 2) * input.num_elements();
    FoldBorder(from, to, outer, inside.dim(i), borders[i], inner, skip);
    outer *= inside.dim(i);
    from = to;
  }
  if (rank == 0) *output.mutable_data<T>() = *from;
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> MirrorPadGradPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                uint64_t, std::complex<float>, std::complex<double>>(
          p.input_dtype(0), [&](auto tag) {
            using T = typename decltype(tag)::type;
            const int64_t bytes = p.input_shape(0).num_elements() * static_cast<int64_t>(sizeof(T));
            if (p.input_shape(0).rank() > 1) p.RequestScratch(2 * bytes);
            run = &MirrorPadGradRun<T>;
            return absl::OkStatus();
          })));
  return run;
}

Outputs PadGradient(At at, const Node& op, const Outputs& dy) {
  Outputs dx(op.num_inputs());
  const Output paddings = op.input(1);
  const Output shape = ShapeTensor(at, op.input(0), {.out_type = paddings.dtype()});
  const std::optional<Tensor> known = op.graph().ConstantValue(paddings);
  if (known && known->shape().rank() == 2) {
    const absl::StatusOr<Borders> borders =
        ReadBorders(*known, static_cast<int>(known->shape().dim(0)));
    if (borders.ok()) {
      std::vector<int64_t> begin;
      for (const Border& border : *borders) begin.push_back(border.before);
      dx[0] = Slice(at, dy[0], std::move(begin), shape);
      return dx;
    }
  }
  const Output rank = RankTensor(at, op.input(0));
  const Output one = Const(at, 1);
  const Output column = Slice(at, paddings, {0, 0}, at.Named("stack").Node("Pack", {rank, one}));
  dx[0] = Slice(at, dy[0], Reshape(at, column, {-1}), shape);
  return dx;
}

AttrMap ModeOf(const Node& op) { return {{"mode", op.attr<std::string>("mode")}}; }

Outputs MirrorPadGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("MirrorPadGrad", {dy[0], op.input(1)}, ModeOf(op)), Output()};
}

Outputs MirrorPadGradGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("MirrorPad", {dy[0], op.input(1)}, ModeOf(op)), Output()};
}

// Pad, PadV2, MirrorPad or MirrorPadGrad with the arguments that they have in common.
OpSpec PadSpec(absl::string_view name) {
  OpSpec spec(name);
  spec.Input("input: T").Input("paddings: Tpaddings");
  if (name == "PadV2") spec.Input("constant_values: T");
  spec.Output("output: T").Attr("T: type").Attr("Tpaddings: {int32, int64} = DT_INT32");
  return spec;
}

Output PadNode(At at, absl::string_view op, Output input, const Ints& paddings, AttrMap attrs) {
  const At in = at.Composite(op);
  return in.AsScope().Node(op, {input, paddings.Matrix(in, "paddings", 2)}, std::move(attrs));
}

}  // namespace

OpSpec PadOp() { return PadSpec("Pad").Shape(PadShape).Prepare(PadPrepare).Gradient(PadGradient); }

OpSpec PadV2Op() {
  return PadSpec("PadV2").Shape(PadShape).Prepare(PadPrepare).Gradient(PadGradient);
}

OpSpec MirrorPadOp() {
  return PadSpec("MirrorPad")
      .Attr("mode: {'REFLECT', 'SYMMETRIC'}")
      .Shape(MirrorPadShape)
      .Prepare(MirrorPadPrepare)
      .Gradient(MirrorPadGradient);
}

OpSpec MirrorPadGradOp() {
  return PadSpec("MirrorPadGrad")
      .Attr("mode: {'REFLECT', 'SYMMETRIC'}")
      .Shape(MirrorPadGradShape)
      .Prepare(InFloat(MirrorPadGradPrepare))
      .NoKernelFor("T",
                   {DType::kBool, DType::kString, DType::kQint8, DType::kQuint8, DType::kQint32,
                    DType::kQint16, DType::kQuint16},
                   "TensorFlow has no CPU kernel either")
      .Gradient(MirrorPadGradGradient);
}

Output Pad(At at, Output input, Ints paddings) { return PadNode(at, "Pad", input, paddings, {}); }

Output PadV2(At at, Output input, Ints paddings, Output constant_values) {
  const At in = at.Composite("PadV2");
  return in.AsScope().Node("PadV2", {input, paddings.Matrix(in, "paddings", 2), constant_values});
}

Output MirrorPad(At at, Output input, Ints paddings, const MirrorPadOptions& options) {
  return PadNode(at, "MirrorPad", input, paddings, {{"mode", options.mode}});
}

Output MirrorPadGrad(At at, Output input, Ints paddings, const MirrorPadOptions& options) {
  return PadNode(at, "MirrorPadGrad", input, paddings, {{"mode", options.mode}});
}

}  // namespace sluice::ops
