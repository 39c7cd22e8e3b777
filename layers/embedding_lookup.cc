#include "layers/embedding_lookup.h"

#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/comparison.h"
#include "ops/concat.h"
#include "ops/const.h"
#include "ops/dynamic_stitch.h"
#include "ops/fill.h"
#include "ops/gather.h"
#include "ops/identity.h"
#include "ops/range.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/select.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "ops/unary.h"

namespace sluice::nn {
namespace {

using Piece = EmbeddingParams::Piece;

Scope BesidePiece(const Scope& scope, const Piece& piece) {
  return scope.ColocateWith(piece.variable.empty() ? piece.tensor : piece.variable.handle());
}

Output GatherRows(At at, const Piece& piece, const Output& ids) {
  if (!piece.variable.empty()) return piece.variable.SparseRead(at, ids);
  return at.Node("GatherV2", {piece.tensor, ids, ops::ConstOf(at.Named("axis"), DType::kInt32, 0)});
}

// tf.clip_by_norm of the slices of x that `ids` picked: along x's other dimensions. Two choices
// keep the gradient of slices of zeros finite.
Output ClipRows(At outer, const Output& x, const Output& ids, double max_norm) {
  if (x.empty()) return {};
  const At at = outer.Sub("clip_by_norm");
  const DType dtype = x.dtype();
  const Output axes =
      ops::Range(at, ops::RankTensor(at, ids), ops::RankTensor(at, x), ops::Const(at, 1));
  const Output limit = ops::ConstOf(at, dtype, max_norm);
  const Output squares = ops::Sum(at, ops::Mul(at.Named("mul"), x, x), axes, {.keep_dims = true});
  const Output positive = ops::Greater(at, squares, ops::ConstOf(at, dtype, 0));
  const Output safe =
      ops::Select(at, positive, squares, ops::OnesLike(at.Named("ones_like"), squares));
  const Output norm = ops::Select(at, positive, ops::Sqrt(at, safe), squares);
  const Output scaled = ops::Mul(at.Named("mul"), x, limit);
  const Output clipped = ops::RealDiv(at.Named("truediv"), scaled, ops::Maximum(at, norm, limit));
  return ops::Identity(at.AsScope(), clipped);
}

// --- several pieces ---

// Where each of the flat ids is.
struct Places {
  Output piece;  // int32
  Output row;    // in that piece, as the ids
};

Places ModPlaces(At at, const Output& ids, int64_t count) {
  const Output n = ops::ConstOf(at, ids.dtype(), static_cast<double>(count));
  const Output piece = ops::FloorMod(at.Named("mod"), ids, n);
  return {.piece = ops::Cast(at, piece, DType::kInt32),
          .row = ops::FloorDiv(at.Named("floordiv"), ids, n)};
}

// The number of rows of all pieces, a scalar of that dtype.
Output TotalRows(At at, const std::vector<Piece>& pieces, DType dtype) {
  int64_t known = 0;
  Outputs sizes;
  for (const Piece& piece : pieces) {
    const int64_t rows = piece.shape().rank() > 0 ? piece.shape().dim(0) : -1;
    known = known < 0 || rows < 0 ? -1 : known + rows;
  }
  if (known >= 0) return ops::ConstOf(at, dtype, static_cast<double>(known));
  for (const Piece& piece : pieces) {
    const Output value = piece.variable.empty() ? piece.tensor : piece.variable.value();
    const Output shape = ops::Shape(at, value, {.out_type = DType::kInt64});
    sizes.push_back(ops::StridedSlice(at, shape, {0}, {1}, {1}, {.shrink_axis_mask = 1}));
  }
  return ops::Cast(at, ops::Sum(at, at.Node("Pack", sizes), 0), dtype);
}

// The first `extras` pieces have one row more than the others.
Places DivPlaces(At at, const Output& ids, const std::vector<Piece>& pieces) {
  const DType dtype = ids.dtype();
  const Output n = ops::ConstOf(at, dtype, static_cast<double>(pieces.size()));
  const Output total = TotalRows(at, pieces, dtype);
  const Output fewer = ops::FloorDiv(at.Named("floordiv"), total, n);
  const Output extras = ops::FloorMod(at.Named("mod"), total, n);
  const Output more = ops::AddV2(at.Named("add"), fewer, ops::ConstOf(at, dtype, 1));
  const Output rest = ops::Sub(at.Named("sub"), ids, extras);
  // At least 1: with fewer rows than pieces nobody looks at what is divided.
  const Output divisor = ops::Maximum(at, fewer, ops::ConstOf(at, dtype, 1));
  const Output piece = ops::Maximum(at, ops::FloorDiv(at.Named("floordiv"), ids, more),
                                    ops::FloorDiv(at.Named("floordiv"), rest, divisor));
  const Output row =
      ops::Select(at, ops::Less(at, piece, extras), ops::FloorMod(at.Named("mod"), ids, more),
                  ops::FloorMod(at.Named("mod"), rest, divisor));
  return {.piece = ops::Cast(at, piece, DType::kInt32), .row = row};
}

// The rows of the flat ids, stitched together.
Output StitchedRows(At at, const std::vector<Piece>& pieces, const Output& ids,
                    PartitionStrategy strategy) {
  const auto count = static_cast<int64_t>(pieces.size());
  const Places places =
      strategy == PartitionStrategy::kMod ? ModPlaces(at, ids, count) : DivPlaces(at, ids, pieces);
  const Output order = ops::Range(at, 0, ops::Size(at, ids), 1);
  const Outputs rows = ops::DynamicPartition(at, places.row, places.piece, count);
  const Outputs positions = ops::DynamicPartition(at, order, places.piece, count);
  if (!at.ok()) return {};
  Outputs parts;
  for (size_t i = 0; i < pieces.size(); ++i)
    parts.push_back(GatherRows(at.In(BesidePiece(at.scope(), pieces[i])), pieces[i], rows[i]));
  if (!at.ok()) return {};
  return ops::ParallelDynamicStitch(at.AsScope(), positions, parts);
}

// The shape of a row; InvalidArgument where the pieces disagree.
absl::StatusOr<TensorShape> RowShape(const std::vector<Piece>& pieces) {
  TensorShape row = TensorShape::Unknown();
  for (const Piece& piece : pieces) {
    TensorShape own = piece.shape();
    if (!own.rank_known()) continue;
    if (own.rank() == 0)
      return absl::InvalidArgumentError("params must have at least one dimension");
    own.RemoveDim(0);
    SLUICE_ASSIGN_OR_RETURN(row, row.MergeWith(own));
  }
  return row;
}

Output LookUpInPieces(At at, const std::vector<Piece>& pieces, const Output& ids,
                      PartitionStrategy strategy) {
  const absl::StatusOr<TensorShape> row = RowShape(pieces);
  if (!row.ok()) return at.Fail("params", row.status());
  const Output flat = ops::Reshape(at, ids, {-1});
  const Output rows = StitchedRows(at, pieces, flat, strategy);
  if (rows.empty()) return {};
  const Output row_shape = row->fully_defined() ? ops::Ints(*row).Tensor(at, "Const")
                                                : ops::StridedSlice(at, ops::Shape(at, rows), {1},
                                                                    {0}, {1}, {.end_mask = 1});
  const Output result =
      ops::Reshape(at, rows, ops::ConcatV2(at, {ops::Shape(at, ids), row_shape}, 0));
  if (result.empty() || !row->rank_known() || !ids.shape().rank_known()) return result;
  TensorShape known = ids.shape();
  for (const int64_t dim : row->dims()) known.AddDim(dim);
  const absl::Status set = at.graph().SetShape(result, known);
  return set.ok() ? result : at.Fail("params", set);
}

absl::Status CheckArguments(const EmbeddingParams& params, const Output& ids,
                            PartitionStrategy strategy) {
  if (params.pieces().empty()) return absl::InvalidArgumentError("Need at least one param");
  for (const Piece& piece : params.pieces()) {
    if (piece.variable.empty() && piece.tensor.empty())
      return absl::InvalidArgumentError("params must not be None.");
  }
  if (ids.empty()) return absl::InvalidArgumentError("ids must not be None.");
  if (strategy == PartitionStrategy::kMod || strategy == PartitionStrategy::kDiv)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Unrecognized partition strategy: ", static_cast<int>(strategy)));
}

}  // namespace

const TensorShape& EmbeddingParams::Piece::shape() const {
  return variable.empty() ? tensor.shape() : variable.shape();
}

EmbeddingParams::EmbeddingParams(Outputs tensors) {
  for (Output& tensor : tensors) pieces_.push_back({.variable = {}, .tensor = std::move(tensor)});
}

EmbeddingParams::EmbeddingParams(const std::vector<Variable>& variables) {
  for (const Variable& variable : variables) {
    if (variable.empty() || !variable.is_partitioned()) {
      pieces_.push_back({.variable = variable, .tensor = {}});
      continue;
    }
    for (const Variable& part : variable.parts())
      pieces_.push_back({.variable = part, .tensor = {}});
  }
}

Output EmbeddingLookup(At at, const EmbeddingParams& params, Output ids,
                       const EmbeddingLookupOptions& options) {
  if (!at.ok()) return {};
  const At inside = at.Composite("embedding_lookup");
  const absl::Status usable = CheckArguments(params, ids, options.partition_strategy);
  if (!usable.ok()) return inside.Fail("params", usable);
  const std::vector<Piece>& pieces = params.pieces();
  if (pieces.size() > 1) {
    const Output rows = LookUpInPieces(inside, pieces, ids, options.partition_strategy);
    return options.max_norm.has_value() ? ClipRows(inside, rows, ids, *options.max_norm) : rows;
  }
  const At beside = inside.In(BesidePiece(inside.scope(), pieces[0]));
  Output rows = GatherRows(beside.AsScope(), pieces[0], ids);
  if (options.max_norm.has_value()) rows = ClipRows(beside, rows, ids, *options.max_norm);
  return rows.empty() ? rows : ops::Identity(inside, rows);
}

}  // namespace sluice::nn
