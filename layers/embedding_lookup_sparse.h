// tf.nn.embedding_lookup_sparse: one row per bag of ids.
#ifndef SLUICE_LAYERS_EMBEDDING_LOOKUP_SPARSE_H_
#define SLUICE_LAYERS_EMBEDDING_LOOKUP_SPARSE_H_

#include <optional>

#include "graph/at.h"
#include "graph/output.h"
#include "layers/embedding_lookup.h"

namespace sluice::nn {

// Row b of the sparse matrix holds the ids of bag b: `indices` int64 [n, 2], bags in ascending
// order, `values` int32 or int64 [n]; `weights` [n] of any numeric dtype, or empty: 1.
struct IdBags {
  Output indices, values;
  Output weights = {};
};

// What becomes of a bag's rows e with weights w.
enum class Combiner {
  kMean,   // sum(w e) / sum(w)
  kSqrtN,  // sum(w e) / sqrt(sum(w^2))
  kSum,    // sum(w e)
};

struct EmbeddingLookupSparseOptions {
  PartitionStrategy partition_strategy = PartitionStrategy::kMod;
  Combiner combiner = Combiner::kMean;
  std::optional<double> max_norm = {};  // of each row, before it is combined
};

// [bags, ...]: as many rows as the last bag's number and one; a bag without ids in between gives
// zeros (with weights and a mean, 0 / 0). Each id is looked up once. half and bfloat16 rows become
// float32. Gradients to the pieces are IndexedSlices. Scope "embedding_lookup_sparse", which is
// also the name of the last op. InvalidArgument: as EmbeddingLookup, and "combiner must be one of
// 'mean', 'sqrtn' or 'sum'".
Output EmbeddingLookupSparse(At at, const EmbeddingParams& params, const IdBags& ids,
                             const EmbeddingLookupSparseOptions& options = {});

}  // namespace sluice::nn

#endif  // SLUICE_LAYERS_EMBEDDING_LOOKUP_SPARSE_H_
