// Split, SplitV: pieces of `value` along one axis. Unpack: pieces of size 1 whose axis is dropped.
#include "ops/split.h"

#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/concat.h"

namespace sluice::ops {
namespace {

// The sizes of `count` equal pieces of a dimension; -1 each when it is unknown.
absl::StatusOr<Dims> EqualSizes(int64_t dim, int64_t count) {
  if (dim >= 0 && dim % count != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Dimension size, given by scalar input split_dim, must be evenly divisible by ", count,
        " but is ", dim));
  }
  return Dims(count, dim < 0 ? -1 : dim / count);
}

// `sizes` with its -1 filled in, for a dimension that may be unknown (then the -1 stays).
absl::StatusOr<Dims> ResolveSizes(Dims sizes, int64_t dim) {
  int64_t sum = 0;
  int open = -1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < -1 || (sizes[i] == -1 && open >= 0)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "size_splits must be >= 0, but for one -1; got [", absl::StrJoin(sizes, ","), "]"));
    }
    if (sizes[i] == -1) {
      open = static_cast<int>(i);
    } else {
      SLUICE_ASSIGN_OR_RETURN(sum, AddSizes(sum, sizes[i]));
    }
  }
  if (dim < 0) return sizes;
  if (sum > dim || (open < 0 && sum != dim)) {
    return absl::InvalidArgumentError(absl::StrCat("size_splits [", absl::StrJoin(sizes, ","),
                                                   "] must add up to the dimension, ", dim));
  }
  if (open >= 0) sizes[open] = dim - sum;
  return sizes;
}

void SetPieces(ShapeContext& c, const TensorShape& value, int axis, const Dims& sizes) {
  for (int i = 0; i < c.num_outputs(); ++i) {
    TensorShape piece = value;
    piece.set_dim(axis, sizes[i]);
    c.set_output(i, std::move(piece));
  }
}

absl::Status SplitShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 0).status());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape value, c.WithRankAtLeast(1, 1));
  if (!value.rank_known()) return absl::OkStatus();
  const Tensor* dim = c.value(0);
  if (dim == nullptr) {
    for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, TensorShape::OfRank(value.rank()));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t given, ReadInt(*dim, "split_dim"));
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(given, value.rank(), "split_dim"));
  SLUICE_ASSIGN_OR_RETURN(const Dims sizes, EqualSizes(value.dim(axis), c.num_outputs()));
  SetPieces(c, value, axis, sizes);
  return absl::OkStatus();
}

absl::Status SplitVShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape value, c.WithRankAtLeast(0, 1));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape vector, c.WithRank(1, 1));
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  if (vector.dim(0) >= 0 && vector.dim(0) != c.num_outputs()) {
    return absl::InvalidArgumentError(
        absl::StrCat("size_splits must have ", c.num_outputs(), " entries, got ", vector.dim(0)));
  }
  if (!value.rank_known()) return absl::OkStatus();
  const Tensor* dim = c.value(2);
  if (dim == nullptr) {
    for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, TensorShape::OfRank(value.rank()));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t given, ReadInt(*dim, "split_dim"));
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(given, value.rank(), "split_dim"));
  Dims sizes(c.num_outputs(), -1);
  if (c.num_outputs() == 1) sizes[0] = value.dim(axis);
  if (const Tensor* listed = c.value(1)) {
    SLUICE_ASSIGN_OR_RETURN(sizes, ReadInts(*listed, "size_splits"));
    SLUICE_ASSIGN_OR_RETURN(sizes, ResolveSizes(std::move(sizes), value.dim(axis)));
  }
  SetPieces(c, value, axis, sizes);
  return absl::OkStatus();
}

absl::Status UnpackShape(ShapeContext& c) {
  TensorShape value = c.input(0);
  if (!value.rank_known()) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(c.attr<int64_t>("axis"), value.rank()));
  if (value.dim(axis) >= 0 && value.dim(axis) != c.num_outputs()) {
    return absl::InvalidArgumentError(absl::StrCat("Dimension must be ", c.num_outputs(),
                                                   " but is ", value.dim(axis), ": axis ", axis,
                                                   " of shape ", value.ToString()));
  }
  value.RemoveDim(axis);
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, value);
  return absl::OkStatus();
}

// What Split and SplitV ask for, from the shape of the value and the values of the other inputs.
struct Cut {
  int axis = 0;
  Dims sizes;
};

absl::StatusOr<Cut> SplitCut(const TensorShape& value, const Tensor& split_dim, int count) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t dim, ReadInt(split_dim, "split_dim"));
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(dim, value.rank(), "split_dim"));
  SLUICE_ASSIGN_OR_RETURN(Dims sizes, EqualSizes(value.dim(axis), count));
  return Cut{axis, std::move(sizes)};
}

absl::StatusOr<Cut> SplitVCut(const TensorShape& value, const Tensor& size_splits,
                              const Tensor& split_dim) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t dim, ReadInt(split_dim, "split_dim"));
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(dim, value.rank(), "split_dim"));
  SLUICE_ASSIGN_OR_RETURN(Dims sizes, ReadInts(size_splits, "size_splits"));
  SLUICE_ASSIGN_OR_RETURN(sizes, ResolveSizes(std::move(sizes), value.dim(axis)));
  return Cut{axis, std::move(sizes)};
}

KernelRun RunCut(DType dtype, const TensorShape& shape, int value, const Cut& cut) {
  auto pieces = PlanPieces(dtype, shape, cut.axis, cut.sizes, PieceCopy::kCut);
  return
      [pieces = std::move(pieces), value](KernelContext& c) { return CutPieces(c, pieces, value); };
}

// For a cut that is known only now.
absl::Status RunCutNow(KernelContext& c, int value, const Cut& cut) {
  const Tensor& input = c.input(value);
  for (int i = 0; i < c.num_outputs(); ++i) {
    TensorShape piece = input.shape();
    piece.set_dim(cut.axis, cut.sizes[i]);
    SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, i, piece));
  }
  return CutPieces(
      c, PlanPieces(input.dtype(), input.shape(), cut.axis, cut.sizes, PieceCopy::kCut), value);
}

absl::StatusOr<KernelRun> SplitPrepare(PrepareContext& p) {
  if (const Tensor* dim = p.constant_input(0)) {
    SLUICE_ASSIGN_OR_RETURN(const Cut cut, SplitCut(p.input_shape(1), *dim, p.num_outputs()));
    return RunCut(p.input_dtype(1), p.input_shape(1), 1, cut);
  }
  return KernelRun([](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const Cut cut,
                            SplitCut(c.input(1).shape(), c.input(0), c.num_outputs()));
    return RunCutNow(c, 1, cut);
  });
}

absl::StatusOr<KernelRun> SplitVPrepare(PrepareContext& p) {
  if (p.constant_input(1) != nullptr && p.constant_input(2) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(
        const Cut cut, SplitVCut(p.input_shape(0), *p.constant_input(1), *p.constant_input(2)));
    return RunCut(p.input_dtype(0), p.input_shape(0), 0, cut);
  }
  return KernelRun([](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const Cut cut, SplitVCut(c.input(0).shape(), c.input(1), c.input(2)));
    return RunCutNow(c, 0, cut);
  });
}

absl::StatusOr<KernelRun> UnpackPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const int axis,
                          CanonicalAxis(p.attr<int64_t>("axis"), p.input_shape(0).rank()));
  return RunCut(p.input_dtype(0), p.input_shape(0), 0, {axis, Dims(p.num_outputs(), 1)});
}

// The gradient of a single piece is the piece; several are joined again.
Output JoinGradients(At at, const Outputs& dy, Output axis) {
  return dy.size() == 1 ? dy[0] : ConcatV2(at.Named("concat"), dy, axis);
}

Outputs SplitGradient(At at, const Node& op, const Outputs& dy) {
  return {Output(), JoinGradients(at, dy, op.input(0))};
}

Outputs SplitVGradient(At at, const Node& op, const Outputs& dy) {
  return {JoinGradients(at, dy, op.input(2)), Output(), Output()};
}

Outputs UnpackGradient(At at, const Node& op, const Outputs& dy) {
  return {Pack(at.Named("stack"), dy, {.axis = op.attr<int64_t>("axis")})};
}

}  // namespace

OpSpec SplitOp() {
  return OpSpec("Split")
      .Input("split_dim: int32")
      .Input("value: T")
      .Output("output: num_split * T")
      .Attr("num_split: int >= 1")
      .Attr("T: type")
      .Shape(SplitShape)
      .Prepare(SplitPrepare)
      .Gradient(SplitGradient);
}

OpSpec SplitVOp() {
  return OpSpec("SplitV")
      .Input("value: T")
      .Input("size_splits: Tlen")
      .Input("split_dim: int32")
      .Output("output: num_split * T")
      .Attr("num_split: int >= 1")
      .Attr("T: type")
      .Attr("Tlen: {int32, int64} = DT_INT64")
      .Shape(SplitVShape)
      .Prepare(SplitVPrepare)
      .Gradient(SplitVGradient);
}

OpSpec UnpackOp() {
  return OpSpec("Unpack")
      .Input("value: T")
      .Output("output: num * T")
      .Attr("num: int >= 0")
      .Attr("T: type")
      .Attr("axis: int = 0")
      .Shape(UnpackShape)
      .Prepare(UnpackPrepare)
      .Gradient(UnpackGradient);
}

Outputs Split(At at, Ints split_dim, Output value, int64_t num_split) {
  const At in = at.Composite("Split");
  return in.AsScope().Nodes("Split", {split_dim.Tensor(in, "split_dim"), value},
                            {{"num_split", num_split}});
}

Outputs SplitV(At at, Output value, Ints size_splits, Ints split_dim, int64_t num_split) {
  const At in = at.Composite("SplitV");
  return in.AsScope().Nodes(
      "SplitV", {value, size_splits.Tensor(in, "size_splits"), split_dim.Tensor(in, "split_dim")},
      {{"num_split", num_split}});
}

Outputs Unpack(At at, Output value, int64_t num, const UnpackOptions& options) {
  return at.Nodes("Unpack", {value}, {{"num", num}, {"axis", options.axis}});
}

}  // namespace sluice::ops
