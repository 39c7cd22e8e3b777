#include "layers/embedding_lookup_sparse.h"

#include "core/status.h"
#include "graph/graph.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/concat.h"
#include "ops/const.h"
#include "ops/fill.h"
#include "ops/gather.h"
#include "ops/reshape.h"
#include "ops/segment.h"
#include "ops/shape.h"
#include "ops/sparse_segment.h"
#include "ops/strided_slice.h"
#include "ops/unary.h"
#include "ops/unique.h"

namespace sluice::nn {
namespace {

// Rows of `unique`, taken at `places` and combined by bag.
Output Combine(At at, const Output& unique, const Output& places, const Output& bags,
               Combiner combiner) {
  const At named = at.AsScope();
  if (combiner == Combiner::kSum) return ops::SparseSegmentSum(named, unique, places, bags);
  if (combiner == Combiner::kMean) return ops::SparseSegmentMean(named, unique, places, bags);
  return ops::SparseSegmentSqrtN(named, unique, places, bags);
}

// [n] as [n, 1, ...], of x's rank.
Output LikeRows(At at, const Output& weights, const Output& x) {
  const Output rank = ops::RankTensor(at, x);
  const Output one = ops::Const(at, 1);
  const Output rest = ops::ExpandDims(at, ops::Sub(at.Named("sub"), rank, one), 0);
  const Output ones = ops::Fill(at, rest, one);
  return ops::Reshape(at, weights, ops::ConcatV2(at, {ops::Shape(at, weights), ones}, 0));
}

Output CombineWeighted(At at, const Output& rows, const Output& weights, const Output& bags,
                       Combiner combiner) {
  const Output w = LikeRows(at, ops::Cast(at, weights, rows.dtype()), rows);
  const Output weighted = ops::Mul(at.Named("mul"), rows, w);
  if (combiner == Combiner::kSum) return ops::SegmentSum(at.AsScope(), weighted, bags);
  const Output sum = ops::SegmentSum(at, weighted, bags);
  const Output divisor = combiner == Combiner::kMean
                             ? ops::SegmentSum(at, w, bags)
                             : ops::Sqrt(at, ops::SegmentSum(at, ops::Square(at, w), bags));
  return ops::RealDiv(at.AsScope(), sum, divisor);
}

absl::Status CheckBags(const IdBags& ids, Combiner combiner) {
  if (ids.indices.empty() || ids.values.empty())
    return absl::InvalidArgumentError("sp_ids must not be None.");
  if (combiner < Combiner::kMean || combiner > Combiner::kSum)
    return absl::InvalidArgumentError("combiner must be one of 'mean', 'sqrtn' or 'sum'");
  if (!ids.weights.empty() && !ids.weights.shape().CompatibleWith(ids.values.shape())) {
    return absl::InvalidArgumentError(absl::StrCat("Shapes ", ids.values.shape().ToString(),
                                                   " and ", ids.weights.shape().ToString(),
                                                   " are incompatible"));
  }
  return absl::OkStatus();
}

}  // namespace

Output EmbeddingLookupSparse(At at, const EmbeddingParams& params, const IdBags& ids,
                             const EmbeddingLookupSparseOptions& options) {
  if (!at.ok()) return {};
  const At inside = at.Composite("embedding_lookup_sparse");
  const absl::Status usable = CheckBags(ids, options.combiner);
  if (!usable.ok()) return inside.Fail("sp_ids", usable);
  const Output first = ops::StridedSlice(inside, ids.indices, {0, 0}, {0, 1}, {1, 1},
                                         {.begin_mask = 1, .end_mask = 1, .shrink_axis_mask = 2});
  const Output bags = ops::Cast(inside, first, DType::kInt32);
  const Outputs unique = ops::Unique(inside, ids.values);
  if (!inside.ok()) return {};
  Output rows = EmbeddingLookup(
      inside, params, unique[0],
      {.partition_strategy = options.partition_strategy, .max_norm = options.max_norm});
  if (rows.empty()) return {};
  if (rows.dtype() == DType::kHalf || rows.dtype() == DType::kBfloat16)
    rows = ops::Cast(inside, rows, DType::kFloat);
  if (ids.weights.empty()) return Combine(inside, rows, unique[1], bags, options.combiner);
  const Output gathered = ops::GatherV2(inside, rows, unique[1], 0);
  return CombineWeighted(inside, gathered, ids.weights, bags, options.combiner);
}

}  // namespace sluice::nn
