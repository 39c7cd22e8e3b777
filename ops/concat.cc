// Concat: y = values[0] | values[1] | ... along one axis. Pack: the same after a dimension of size
// 1 was put into each.
#include "ops/concat.h"

#include <optional>
#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/shape.h"
#include "ops/slice.h"
#include "ops/split.h"

namespace sluice::ops {
namespace {

// Inputs of a concatenation: values [first, first + count) and the axis.
struct ConcatArgs {
  int first = 0, count = 0, axis = 0;
};

ConcatArgs ArgsV1(int num_inputs) { return {1, num_inputs - 1, 0}; }
ConcatArgs ArgsV2(int num_inputs) { return {0, num_inputs - 1, num_inputs - 1}; }

// The shape of `shapes` joined along `axis`.
absl::StatusOr<TensorShape> JoinShapes(const std::vector<TensorShape>& shapes, int axis) {
  int64_t total = 0;
  TensorShape joined = TensorShape::Unknown();
  for (size_t i = 0; i < shapes.size(); ++i) {
    TensorShape shape = shapes[i];
    if (shape.rank_known()) {
      SLUICE_ASSIGN_OR_RETURN(total, AddSizes(total, shape.dim(axis)));
      shape.set_dim(axis, -1);
    } else {
      total = -1;
    }
    auto merged = joined.MergeWith(shape);
    if (!merged.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Dimensions must be equal except along axis ", axis, ": value ", i, " has shape ",
          shapes[i].ToString(), ", value 0 has shape ", shapes[0].ToString()));
    }
    joined = *std::move(merged);
  }
  if (joined.rank_known()) joined.set_dim(axis, total);
  SLUICE_RETURN_IF_ERROR(joined.Check());
  return joined;
}

// The rank that all inputs share; -1 when none is known.
absl::StatusOr<int> CommonRank(const std::vector<TensorShape>& shapes) {
  int rank = -1;
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (!shapes[i].rank_known()) continue;
    if (rank >= 0 && shapes[i].rank() != rank) {
      return absl::InvalidArgumentError(absl::StrCat("Shape must be rank ", rank, " but is rank ",
                                                     shapes[i].rank(), ": value ", i, " has shape ",
                                                     shapes[i].ToString()));
    }
    rank = shapes[i].rank();
  }
  if (rank == 0) {
    return absl::InvalidArgumentError("Can't concatenate scalars (use Pack instead)");
  }
  return rank;
}

template <ConcatArgs (*args_of)(int)>
absl::Status ConcatShape(ShapeContext& c) {
  const ConcatArgs args = args_of(c.num_inputs());
  std::vector<TensorShape> shapes;
  for (int i = 0; i < args.count; ++i) shapes.push_back(c.input(args.first + i));
  SLUICE_RETURN_IF_ERROR(c.WithRank(args.axis, 0).status());
  SLUICE_ASSIGN_OR_RETURN(const int rank, CommonRank(shapes));
  if (rank < 0) return absl::OkStatus();
  const Tensor* value = c.value(args.axis);
  if (value == nullptr) {
    c.set_output(0, TensorShape::OfRank(rank));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t axis, ReadInt(*value, "axis"));
  SLUICE_ASSIGN_OR_RETURN(const int front, CanonicalAxis(axis, rank));
  SLUICE_ASSIGN_OR_RETURN(TensorShape joined, JoinShapes(shapes, front));
  c.set_output(0, std::move(joined));
  return absl::OkStatus();
}

std::vector<StridedCopy> PlanConcat(DType dtype, const std::vector<TensorShape>& shapes,
                                    const TensorShape& joined, int axis) {
  std::vector<int64_t> sizes;
  for (const TensorShape& shape : shapes) sizes.push_back(shape.dim(axis));
  return PlanPieces(dtype, joined, axis, sizes, PieceCopy::kJoin);
}

// The axis is known only now.
absl::Status RunConcat(KernelContext& c, const ConcatArgs& args) {
  std::vector<TensorShape> shapes;
  for (int i = 0; i < args.count; ++i) shapes.push_back(c.input(args.first + i).shape());
  SLUICE_ASSIGN_OR_RETURN(const int64_t value, ReadInt(c.input(args.axis), "axis"));
  SLUICE_ASSIGN_OR_RETURN(const int rank, CommonRank(shapes));
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(value, rank));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape joined, JoinShapes(shapes, axis));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, joined));
  return JoinPieces(c, PlanConcat(c.output(0).dtype(), shapes, joined, axis), args.first);
}

template <ConcatArgs (*args_of)(int)>
absl::StatusOr<KernelRun> ConcatPrepare(PrepareContext& p) {
  const ConcatArgs args = args_of(p.num_inputs());
  const Tensor* value = p.constant_input(args.axis);
  if (value == nullptr) return KernelRun([args](KernelContext& c) { return RunConcat(c, args); });
  std::vector<TensorShape> shapes;
  for (int i = 0; i < args.count; ++i) shapes.push_back(p.input_shape(args.first + i));
  SLUICE_ASSIGN_OR_RETURN(const int64_t given, ReadInt(*value, "axis"));
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(given, shapes[0].rank()));
  auto pieces = PlanConcat(p.output_dtype(0), shapes, p.output_shape(0), axis);
  return KernelRun([pieces = std::move(pieces), first = args.first](KernelContext& c) {
    return JoinPieces(c, pieces, first);
  });
}

absl::Status ConcatOffsetShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  TensorShape common = TensorShape::OfRank(1);
  for (int i = 1; i < c.num_inputs(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(common, common.MergeWith(c.input(i)));
  }
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, common);
  return absl::OkStatus();
}

absl::Status ConcatOffsetKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t dim, ReadInt(c.input(0), "concat_dim"));
  const auto rank = static_cast<int>(c.input(1).num_elements());
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(dim, rank, "concat_dim"));
  const absl::Span<const int32_t> first = c.input(1).flat<int32_t>();
  int64_t offset = 0;
  for (int i = 0; i < c.num_outputs(); ++i) {
    const absl::Span<const int32_t> shape = c.input(i + 1).flat<int32_t>();
    const absl::Span<int32_t> out = c.output(i).mutable_flat<int32_t>();
    for (int k = 0; k < rank; ++k) {
      if (k != axis && shape[k] != first[k]) {
        return absl::InvalidArgumentError(
            absl::StrCat("shapes must be equal except along axis ", axis, ": dimension ", k,
                         " of shape ", i, " is ", shape[k], ", of shape 0 ", first[k]));
      }
      out[k] = k == axis ? static_cast<int32_t>(offset) : 0;
    }
    offset += shape[axis];
    if (offset != static_cast<int32_t>(offset)) {
      return absl::InvalidArgumentError(absl::StrCat("offset ", offset, " does not fit int32"));
    }
  }
  return absl::OkStatus();
}

absl::Status PackShape(ShapeContext& c) {
  TensorShape common = c.input(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    auto merged = common.MergeWith(c.input(i));
    if (!merged.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal: value ", i,
                                                     " has shape ", c.input(i).ToString(),
                                                     ", the values before it ", common.ToString()));
    }
    common = *std::move(merged);
  }
  if (!common.rank_known()) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const int axis,
                          CanonicalAxis(c.attr<int64_t>("axis"), common.rank() + 1));
  common.InsertDim(axis, c.num_inputs());
  SLUICE_RETURN_IF_ERROR(common.Check());
  c.set_output(0, std::move(common));
  return absl::OkStatus();
}

// Stacks inputs along `axis` of the output.
KernelRun RunStack(PrepareContext& p, int axis) {
  const std::vector<int64_t> sizes(p.num_inputs(), 1);
  auto pieces = PlanPieces(p.output_dtype(0), p.output_shape(0), axis, sizes, PieceCopy::kJoin);
  return [pieces = std::move(pieces)](KernelContext& c) { return JoinPieces(c, pieces, 0); };
}

absl::StatusOr<KernelRun> PackPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const int axis,
                          CanonicalAxis(p.attr<int64_t>("axis"), p.output_shape(0).rank()));
  return RunStack(p, axis);
}

absl::StatusOr<KernelRun> ParallelConcatPrepare(PrepareContext& p) { return RunStack(p, 0); }

absl::Status ParallelConcatShape(ShapeContext& c) {
  const auto shape = c.attr<TensorShape>("shape");
  if (!shape.fully_defined() || shape.rank() == 0 || shape.dim(0) != c.num_inputs()) {
    return absl::InvalidArgumentError(
        absl::StrCat("attr 'shape' must be fully defined and begin with the number of values, ",
                     c.num_inputs(), ", got ", shape.ToString()));
  }
  TensorShape one = shape;
  one.set_dim(0, 1);
  for (int i = 0; i < c.num_inputs(); ++i) {
    if (!one.CompatibleWith(c.input(i))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "value ", i, " must have shape ", one.ToString(), ", got ", c.input(i).ToString()));
    }
  }
  c.set_output(0, shape);
  return absl::OkStatus();
}

// The sizes of the values along the axis; empty when something is not known while building.
std::vector<int64_t> KnownSizes(const Node& op, const ConcatArgs& args) {
  const std::optional<Tensor> value = op.graph().ConstantValue(op.input(args.axis));
  if (!value) return {};
  std::vector<int64_t> sizes;
  for (int i = 0; i < args.count; ++i) {
    const TensorShape& shape = op.input(args.first + i).shape();
    const absl::StatusOr<int64_t> given = ReadInt(*value, "axis");
    if (!given.ok() || !shape.rank_known()) return {};
    const absl::StatusOr<int> axis = CanonicalAxis(*given, shape.rank());
    if (!axis.ok() || shape.dim(*axis) < 0) return {};
    sizes.push_back(shape.dim(*axis));
  }
  return sizes;
}

// Cuts dy at the inputs' sizes: one SplitV where those are known, else offsets and slices.
template <ConcatArgs (*args_of)(int)>
Outputs ConcatGradient(At at, const Node& op, const Outputs& dy) {
  const ConcatArgs args = args_of(op.num_inputs());
  Output axis = op.input(args.axis);
  if (axis.dtype() != DType::kInt32) axis = at.Node("Cast", {axis}, {{"DstT", DType::kInt32}});
  Outputs parts;
  const std::vector<int64_t> sizes = KnownSizes(op, args);
  if (!sizes.empty()) {
    parts = SplitV(at, dy[0], sizes, axis, args.count);
  } else {
    Outputs shapes;
    for (int i = 0; i < args.count; ++i) {
      shapes.push_back(ShapeTensor(at, op.input(args.first + i)));
    }
    const Outputs offsets = ConcatOffset(at, axis, shapes);
    for (size_t i = 0; i < offsets.size(); ++i) {
      parts.push_back(Slice(at, dy[0], offsets[i], shapes[i]));
    }
  }
  Outputs dx(op.num_inputs());
  for (size_t i = 0; i < parts.size(); ++i) dx[args.first + i] = parts[i];
  return dx;
}

Outputs PackGradient(At at, const Node& op, const Outputs& dy) {
  return Unpack(at, dy[0], op.num_inputs(), {.axis = op.attr<int64_t>("axis")});
}

Outputs ParallelConcatGradient(At at, const Node& op, const Outputs& dy) {
  return Split(at, 0, dy[0], op.num_inputs());
}

}  // namespace

OpSpec ConcatOp() {
  return OpSpec("Concat")
      .Input("concat_dim: int32")
      .Input("values: N * T")
      .Output("output: T")
      .Attr("N: int >= 2")
      .Attr("T: type")
      .Shape(ConcatShape<ArgsV1>)
      .Prepare(ConcatPrepare<ArgsV1>)
      .Gradient(ConcatGradient<ArgsV1>);
}

OpSpec ConcatV2Op() {
  return OpSpec("ConcatV2")
      .Input("values: N * T")
      .Input("axis: Tidx")
      .Output("output: T")
      .Attr("N: int >= 2")
      .Attr("T: type")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .Shape(ConcatShape<ArgsV2>)
      .Prepare(ConcatPrepare<ArgsV2>)
      .Gradient(ConcatGradient<ArgsV2>);
}

OpSpec ConcatOffsetOp() {
  return OpSpec("ConcatOffset")
      .Input("concat_dim: int32")
      .Input("shape: N * int32")
      .Output("offset: N * int32")
      .Attr("N: int >= 2")
      .Shape(ConcatOffsetShape)
      .Kernel(ConcatOffsetKernel)
      .NotDifferentiable("integers have no gradient");
}

OpSpec PackOp() {
  return OpSpec("Pack")
      .Input("values: N * T")
      .Output("output: T")
      .Attr("N: int >= 1")
      .Attr("T: type")
      .Attr("axis: int = 0")
      .Shape(PackShape)
      .Prepare(PackPrepare)
      .Gradient(PackGradient);
}

OpSpec ParallelConcatOp() {
  return OpSpec("ParallelConcat")
      .Input("values: N * T")
      .Output("output: T")
      .Attr("N: int >= 1")
      .Attr("T: type")
      .Attr("shape: shape")
      .Shape(ParallelConcatShape)
      .Prepare(ParallelConcatPrepare)
      .Gradient(ParallelConcatGradient);
}

Output ConcatV2(At at, const Outputs& values, Ints axis) {
  const At in = at.Composite("ConcatV2");
  Outputs inputs = values;
  inputs.push_back(axis.Tensor(in, "axis"));
  return in.AsScope().Node("ConcatV2", inputs);
}

Output Concat(At at, Ints concat_dim, const Outputs& values) {
  const At in = at.Composite("Concat");
  Outputs inputs = {concat_dim.Tensor(in, "concat_dim")};
  inputs.insert(inputs.end(), values.begin(), values.end());
  return in.AsScope().Node("Concat", inputs);
}

Outputs ConcatOffset(At at, Ints concat_dim, const Outputs& shape) {
  const At in = at.Composite("ConcatOffset");
  Outputs inputs = {concat_dim.Tensor(in, "concat_dim")};
  inputs.insert(inputs.end(), shape.begin(), shape.end());
  return in.AsScope().Nodes("ConcatOffset", inputs);
}

Output Pack(At at, const Outputs& values, const PackOptions& options) {
  return at.Node("Pack", values, {{"axis", options.axis}});
}

Output ParallelConcat(At at, const Outputs& values, const TensorShape& shape) {
  return at.Node("ParallelConcat", values, {{"shape", shape}});
}

}  // namespace sluice::ops
